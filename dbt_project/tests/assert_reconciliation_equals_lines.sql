{{ config(severity='error') }}

-- Every line of both sides is in the reconciliation once, per account and currency.
with lines as (

    select account_id, currency_code, sum(cash_amount) as reported_amount, 0 as settled_amount
    from {{ ref('fct_reimbursements') }}
    group by account_id, currency_code
    union all
    select account_id, currency_code, 0 as reported_amount, sum(cash_amount) as settled_amount
    from {{ ref('int_settlements__reimbursements') }}
    group by account_id, currency_code
    union all
    select account_id, currency_code, -sum(reported_cash_amount) as reported_amount, -sum(settled_cash_amount) as settled_amount
    from {{ ref('fct_settlement_reconciliation') }}
    group by account_id, currency_code

)

select account_id, currency_code, sum(reported_amount) as reported_difference, sum(settled_amount) as settled_difference
from lines
group by account_id, currency_code
having sum(reported_amount) <> 0 or sum(settled_amount) <> 0
