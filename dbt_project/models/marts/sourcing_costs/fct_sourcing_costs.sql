with costs as (

    select * from {{ ref('int_products__cost_series') }}

),

products as (

    select * from {{ ref('dim_products') }}

)

select
    costs.account_id,
    costs.seller_sku,
    products.fnsku,
    products.asin,
    products.product_name,
    costs.currency_code,
    costs.valid_from as effective_from_date,
    costs.valid_before as effective_before_date,
    (
        costs.valid_from <= {{ as_of_date() }}
        and (costs.valid_before is null or costs.valid_before > {{ as_of_date() }})
    ) as is_in_effect,
    costs.cost_origin,
    costs.sourcing_cost_amount
from costs
left join products on costs.account_id = products.account_id and costs.seller_sku = products.seller_sku
