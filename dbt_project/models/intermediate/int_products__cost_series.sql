-- The seller's stated cost and Amazon's estimate are two series, and neither ends the other.

with costs as (

    select * from {{ ref('stg_amazon_seller__sourcing_costs') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

names as (

    select * from {{ ref('int_products__names') }}

),

named as (

    -- The list may capitalise a SKU differently, and in several ways.
    select
        costs.account_id,
        coalesce(names.seller_sku, min(costs.seller_sku) over (partition by costs.account_id, upper(costs.seller_sku))) as seller_sku,
        costs.currency_code,
        costs.effective_from_date,
        costs.cost_origin,
        costs.sourcing_cost_amount,
        1 as priority
    from costs
    left join names on {{ names_product('names', 'costs') }}
    where costs.seller_sku is not null
    union all
    select
        costs.account_id,
        products.seller_sku,
        costs.currency_code,
        costs.effective_from_date,
        costs.cost_origin,
        costs.sourcing_cost_amount,
        2 as priority
    from costs
    inner join products on costs.account_id = products.account_id and upper(costs.fnsku) = upper(products.fnsku)
    where costs.seller_sku is null

),

-- The gate accepts a cost that appears twice, with a warning; the lower one is the cautious choice.
ranked as (

    select
        *,
        row_number() over (
            partition by account_id, seller_sku, currency_code, cost_origin, effective_from_date
            order by priority, sourcing_cost_amount
        ) as place
    from named

)

select
    account_id,
    seller_sku,
    currency_code,
    effective_from_date as valid_from,
    lead(effective_from_date) over (
        partition by account_id, seller_sku, currency_code, cost_origin order by effective_from_date
    ) as valid_before,
    cost_origin,
    sourcing_cost_amount
from ranked
where place = 1
