-- Settlements do not name the reimbursement that they pay, so lines are matched by what both sides state: first one to one, then
-- the rest by sums, since one amount may pay several lines of one reimbursement or of one day, or several amounts one line.

with

reimbursements as (

    select * from {{ ref('int_reimbursements__categorised') }} where {{ is_dated_by_as_of('approval_date') }}

),

settlements as (

    select * from {{ ref('int_settlements__reimbursements') }}

),

coverage as (

    select * from {{ ref('int_settlements__coverage') }}

),

names as (

    select * from {{ ref('int_products__names') }} where name_kind = 'FNSKU'

),

postings as (

    select
        settlement_line_id,
        posted_date,
        reason_category,
        cash_amount,
        {{ row_key(['account_id', 'currency_code', normalised_id('amazon_order_id'), normalised_id('seller_sku')]) }} as product_key
    from settlements
    where cash_amount <> 0

),

posted_products as (

    select distinct product_key from postings

),

-- A line without a SKU has the SKU of its FNSKU, if a settlement names it.
named as (

    select
        reimbursements.*,
        coalesce(
            posted_products.product_key,
            {{ row_key([
                'reimbursements.account_id', 'reimbursements.currency_code', normalised_id('reimbursements.amazon_order_id'),
                normalised_id('reimbursements.seller_sku'),
            ]) }}
        ) as product_key
    from reimbursements
    left join names
        on
            reimbursements.account_id = names.account_id
            and upper(reimbursements.fnsku) = names.name_key
            and reimbursements.seller_sku is null
    left join posted_products
        on posted_products.product_key = {{ row_key(
            ['reimbursements.account_id', 'reimbursements.currency_code', normalised_id('reimbursements.amazon_order_id'), normalised_id('names.paired_key')]
        ) }}

),

-- The two reports print days of different time zones, hence the day before the approval.
lines as (

    select
        reimbursements.account_id,
        reimbursements.reimbursement_line_id,
        reimbursements.reimbursement_id,
        reimbursements.approval_date,
        reimbursements.reason_category,
        reimbursements.cash_amount,
        case when reimbursements.amazon_order_id is null then 'SKU' else 'ORDER' end as match_basis,
        reimbursements.product_key,
        cast({{ dbt.dateadd('day', -1, 'reimbursements.approval_date') }} as date) as first_date,
        cast({{ dbt.dateadd('day', var('settlement_match_days'), 'reimbursements.approval_date') }} as date) as last_date
    from named as reimbursements
    inner join coverage
        on
            reimbursements.account_id = coverage.account_id
            and reimbursements.currency_code = coverage.currency_code
            and reimbursements.approval_date >= {{ dbt.dateadd('day', -1 * var('settlement_match_days'), 'coverage.covered_from_date') }}
    where reimbursements.cash_amount <> 0

),

single_claims as (

    select
        reimbursement_line_id as unit_id,
        {{ row_key(['cash_amount', 'product_key']) }} as match_key,
        first_date,
        last_date,
        row_number() over (partition by product_key, cash_amount order by first_date, reimbursement_line_id) as place
    from lines

),

single_postings as (

    select
        settlement_line_id as unit_id,
        {{ row_key(['cash_amount', 'product_key']) }} as match_key,
        posted_date,
        row_number() over (partition by product_key, cash_amount order by posted_date, settlement_line_id) as place
    from postings

),

{{ paired_in_order('single', 'single_claims', 'single_postings') }},

-- The same amount is hardly ever paid twice for a product of an order, so the remaining lines have no time limit.
late_claims as (

    select
        single_claims.unit_id,
        single_claims.match_key,
        single_claims.first_date,
        cast('9999-12-31' as date) as last_date,
        row_number() over (partition by single_claims.match_key order by single_claims.place) as place
    from single_claims
    inner join lines on single_claims.unit_id = lines.reimbursement_line_id
    left join single_pairs on single_claims.unit_id = single_pairs.claim_unit_id
    where lines.match_basis = 'ORDER' and single_pairs.claim_unit_id is null

),

late_postings as (

    select
        single_postings.unit_id,
        single_postings.match_key,
        single_postings.posted_date,
        row_number() over (partition by single_postings.match_key order by single_postings.place) as place
    from single_postings
    left join single_pairs on single_postings.unit_id = single_pairs.posting_unit_id
    where single_pairs.posting_unit_id is null

),

{{ paired_in_order('late', 'late_claims', 'late_postings') }},

line_pairs as (

    select * from single_pairs
    union all
    select * from late_pairs

),

open_lines as (

    select
        lines.*,
        case when lines.match_basis = 'ORDER' then cast('9999-12-31' as date) else lines.last_date end as last_group_date,
        {{ row_key(['lines.approval_date', 'lines.reimbursement_id', 'lines.product_key']) }} as reimbursement_key,
        {{ row_key(['lines.approval_date', 'lines.reason_category', 'lines.product_key']) }} as day_key
    from lines
    left join line_pairs on lines.reimbursement_line_id = line_pairs.claim_unit_id
    where line_pairs.claim_unit_id is null

),

open_postings as (

    select
        postings.*,
        {{ row_key(['postings.posted_date', 'postings.reason_category', 'postings.product_key']) }} as day_key
    from postings
    left join line_pairs on postings.settlement_line_id = line_pairs.posting_unit_id
    where line_pairs.posting_unit_id is null

),

-- Four rounds: the lines of a reimbursement, or of a day, to one amount; one line, or those of a day, to the amounts of a day.
group_lines as (

    select *, 1 as round_number, {{ row_key(['1', 'reimbursement_key']) }} as unit_id from open_lines
    union all
    select *, 2 as round_number, {{ row_key(['2', 'day_key']) }} as unit_id from open_lines
    union all
    select *, 3 as round_number, {{ row_key(['3', 'reimbursement_line_id']) }} as unit_id from open_lines
    union all
    select *, 4 as round_number, {{ row_key(['4', 'day_key']) }} as unit_id from open_lines

),

group_postings as (

    select *, 1 as round_number, {{ row_key(['1', 'settlement_line_id']) }} as unit_id from open_postings
    union all
    select *, 2 as round_number, {{ row_key(['2', 'settlement_line_id']) }} as unit_id from open_postings
    union all
    select *, 3 as round_number, {{ row_key(['3', 'day_key']) }} as unit_id from open_postings
    union all
    select *, 4 as round_number, {{ row_key(['4', 'day_key']) }} as unit_id from open_postings

),

group_claims as (

    select
        unit_id,
        {{ row_key(['round_number', 'sum(cash_amount)', 'product_key']) }} as match_key,
        min(first_date) as first_date,
        min(last_group_date) as last_date,
        row_number() over (partition by round_number, product_key, sum(cash_amount) order by min(first_date), unit_id) as place
    from group_lines
    group by round_number, unit_id, product_key

),

group_amounts as (

    select
        unit_id,
        {{ row_key(['round_number', 'sum(cash_amount)', 'product_key']) }} as match_key,
        min(posted_date) as posted_date,
        row_number() over (partition by round_number, product_key, sum(cash_amount) order by min(posted_date), unit_id) as place
    from group_postings
    group by round_number, unit_id, product_key

),

{{ paired_in_order('group', 'group_claims', 'group_amounts') }},

group_members as (

    select
        group_lines.account_id,
        group_lines.reimbursement_line_id,
        group_postings.settlement_line_id,
        group_pairs.claim_unit_id as settlement_match_id,
        group_lines.approval_date,
        group_postings.posted_date,
        group_lines.round_number
        > least(
            min(group_lines.round_number) over (partition by group_lines.reimbursement_line_id),
            min(group_lines.round_number) over (partition by group_postings.settlement_line_id)
        ) as is_taken
    from group_pairs
    inner join group_lines on group_pairs.claim_unit_id = group_lines.unit_id
    inner join group_postings on group_pairs.posting_unit_id = group_postings.unit_id

),

-- An earlier round takes precedence; a later match that shares any line with it is dropped as a whole.
taken as (

    select distinct settlement_match_id from group_members where is_taken

)

select
    lines.account_id,
    lines.reimbursement_line_id,
    postings.settlement_line_id,
    lines.reimbursement_line_id as settlement_match_id,
    lines.match_basis,
    lines.approval_date,
    postings.posted_date
from line_pairs
inner join lines on line_pairs.claim_unit_id = lines.reimbursement_line_id
inner join postings on line_pairs.posting_unit_id = postings.settlement_line_id
union all
select
    group_members.account_id,
    group_members.reimbursement_line_id,
    group_members.settlement_line_id,
    group_members.settlement_match_id,
    'GROUP' as match_basis,
    group_members.approval_date,
    group_members.posted_date
from group_members
left join taken on group_members.settlement_match_id = taken.settlement_match_id
where taken.settlement_match_id is null
