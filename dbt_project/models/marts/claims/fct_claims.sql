with cases as (

    select * from {{ ref('int_claims__cases') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

names as (

    select * from {{ ref('int_products__names') }}

),

about_defects as (

    select account_id, case_id, count(distinct defect_id) as defect_count
    from {{ ref('int_defects__claims') }}
    group by account_id, case_id

)

select
    cases.account_id,
    cases.claim_row_id as claim_line_id,
    cases.case_id,
    case when cases.closed_date > {{ as_of_date() }} then 'OPEN' else cases.claim_state end as claim_state,
    cases.filed_date,
    cases.closed_date,
    cases.amazon_order_id,
    cases.transaction_id,
    coalesce(names.seller_sku, cases.seller_sku) as seller_sku,
    cases.fnsku,
    products.asin,
    products.product_name,
    cast(cases.claimed_units as integer) as claimed_units,
    cast(coalesce(about_defects.defect_count, 0) as integer) as defect_count
from cases
left join names on {{ names_product('names', 'cases') }}
left join products
    on cases.account_id = products.account_id and coalesce(names.seller_sku, cases.seller_sku) = products.seller_sku
left join about_defects on cases.account_id = about_defects.account_id and cases.case_id = about_defects.case_id
where cases.filed_date <= {{ as_of_date() }}
