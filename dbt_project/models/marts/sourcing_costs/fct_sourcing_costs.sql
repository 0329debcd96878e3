with costs as (

    select * from {{ ref('int_products__cost_series') }}

),

in_force as (

    select * from {{ ref('int_products__sourcing_costs') }}

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
    case when in_force.valid_from is null then costs.valid_from else in_force.valid_before end as in_force_before_date,
    (
        in_force.valid_from is not null
        and in_force.valid_from <= {{ as_of_date() }}
        and (in_force.valid_before is null or in_force.valid_before > {{ as_of_date() }})
    ) as is_in_force,
    costs.cost_origin,
    costs.sourcing_cost_amount
from costs
left join products on costs.account_id = products.account_id and costs.seller_sku = products.seller_sku
left join in_force
    on
        costs.account_id = in_force.account_id
        and costs.seller_sku = in_force.seller_sku
        and costs.currency_code = in_force.currency_code
        and costs.cost_origin = in_force.cost_origin
        and costs.valid_from = in_force.valid_from
