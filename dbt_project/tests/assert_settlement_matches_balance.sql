{{ config(severity='error') }}

-- A line is in only one match, and both sides of a match have the same account, currency and sum.
with settled as (

    select * from {{ ref('int_reimbursements__settled') }}

),

sides as (

    select distinct settled.settlement_match_id, settled.reimbursement_line_id as line_id, lines.account_id, lines.currency_code, lines.cash_amount
    from settled
    inner join {{ ref('fct_reimbursements') }} as lines on settled.reimbursement_line_id = lines.reimbursement_line_id
    union all
    select distinct
        settled.settlement_match_id,
        settled.settlement_line_id as line_id,
        postings.account_id,
        postings.currency_code,
        -postings.cash_amount as cash_amount
    from settled
    inner join {{ ref('int_settlements__reimbursements') }} as postings on settled.settlement_line_id = postings.settlement_line_id

)

select settlement_match_id as what, 'the sides differ' as why
from sides
group by settlement_match_id
having sum(cash_amount) <> 0 or count(distinct account_id) <> 1 or count(distinct currency_code) <> 1
union all
select line_id as what, 'the line is in several matches' as why
from sides
group by line_id
having count(*) <> 1
