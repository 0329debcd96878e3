-- One row per order and SKU: units ordered and the price of all of them, where one currency has it.

with order_lines as (

    select * from {{ ref('stg_amazon_seller__orders') }}

)

select
    account_id,
    amazon_order_id,
    seller_sku,
    max(asin) as asin,
    max(product_name) as product_name,
    cast(sum(coalesce(quantity_units, 0)) as integer) as ordered_units,
    case when count(distinct currency_code) = 1 then min(currency_code) end as currency_code,
    cast(case when count(distinct currency_code) = 1 then sum(item_price_amount) end as decimal(18, 4)) as item_price_amount
from order_lines
group by account_id, amazon_order_id, seller_sku
