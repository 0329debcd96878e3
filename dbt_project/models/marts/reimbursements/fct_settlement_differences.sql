with line_states as (

    select * from {{ ref('int_settlements__line_states') }} where state = 'UNEXPLAINED' and cash_amount <> 0

),

reimbursements as (

    select * from {{ ref('fct_reimbursements') }}

),

postings as (

    select * from {{ ref('int_settlements__reimbursements') }}

),

coverage as (

    select account_id, min(event_date) as first_date, max(event_date) as last_date
    from {{ ref('stg_pipeline__coverage') }}
    where report = 'reimbursements' and is_held
    group by account_id

),

products as (

    select * from {{ ref('dim_products') }}

),

names as (

    select * from {{ ref('int_products__names') }}

),

described as (

    select
        line_states.*,
        reimbursements.reimbursement_id,
        postings.settlement_id,
        coalesce(reimbursements.amazon_order_id, postings.amazon_order_id) as amazon_order_id,
        coalesce(reimbursements.seller_sku, names.seller_sku, postings.seller_sku) as seller_sku,
        coalesce(reimbursements.reason_code, postings.reason_code) as reason_code,
        coalesce(reimbursements.reason_category, postings.reason_category) as reason_category
    from line_states
    left join reimbursements on line_states.reimbursement_line_id = reimbursements.reimbursement_line_id
    left join postings on line_states.settlement_line_id = postings.settlement_line_id
    left join names
        on postings.account_id = names.account_id and names.name_kind = 'SKU' and upper(postings.seller_sku) = names.name_key

),

keyed as (

    select
        *,
        {{ row_key(['account_id', 'currency_code', normalised_id('amazon_order_id'), normalised_id('seller_sku')]) }} as product_key
    from described

),

-- Unexplained lines of both sides for one order, or for one SKU within the days of posting, are likely the same payment with two amounts.
other_amounts as (

    select reported.reimbursement_line_id, posted.settlement_line_id
    from keyed as reported
    inner join keyed as posted
        on
            reported.product_key = posted.product_key
            and posted.line_date >= {{ dbt.dateadd('day', -1, 'reported.line_date') }}
            and (
                reported.amazon_order_id is not null
                or posted.line_date <= {{ dbt.dateadd('day', var('settlement_match_days'), 'reported.line_date') }}
            )
    where reported.side = 'REPORTED' and posted.side = 'SETTLED'

),

of_other_amounts as (

    select reimbursement_line_id as line_id from other_amounts
    union
    select settlement_line_id as line_id from other_amounts

)

select
    keyed.account_id,
    coalesce(keyed.reimbursement_line_id, keyed.settlement_line_id) as line_id,
    keyed.side,
    keyed.month,
    keyed.line_date,
    keyed.currency_code,
    keyed.cash_amount as unexplained_amount,
    case
        when of_other_amounts.line_id is not null then 'OTHER_AMOUNT'
        when keyed.side = 'REPORTED' then 'NOT_POSTED'
        when coverage.account_id is null or keyed.line_date < coverage.first_date or keyed.line_date > coverage.last_date then 'REPORT_NOT_HELD'
        else 'NOT_REPORTED'
    end as difference_reason,
    keyed.reimbursement_line_id,
    keyed.reimbursement_id,
    keyed.settlement_line_id,
    keyed.settlement_id,
    keyed.amazon_order_id,
    keyed.seller_sku,
    products.fnsku,
    products.asin,
    products.product_name,
    keyed.reason_code,
    keyed.reason_category
from keyed
left join of_other_amounts on coalesce(keyed.reimbursement_line_id, keyed.settlement_line_id) = of_other_amounts.line_id
left join coverage on keyed.account_id = coverage.account_id
left join products on keyed.account_id = products.account_id and keyed.seller_sku = products.seller_sku
