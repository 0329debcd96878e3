-- One row per order and SKU: units ordered, and what the buyer paid for those with a price, less the seller's promotions; from the orders report,
-- else from the sale in a settlement. The sale is kept beside it if its number of units is known: some settlements leave the tax out. If
-- the two name different currencies, the settlement's counts: refunds and payouts are in it.

with order_lines as (

    select *, upper(seller_sku) as sku_key from {{ ref('stg_amazon_seller__orders') }}

),

sale_lines as (

    select *, upper(seller_sku) as sku_key
    from {{ ref('stg_amazon_seller__settlements') }}
    where
        transaction_type = 'ORDER'
        and amount_type in ('ITEM_PRICE', 'PROMOTION')
        and upper(amount_description) = 'PRINCIPAL'
        and seller_sku is not null

),

ordered as (

    select
        account_id,
        amazon_order_id,
        sku_key,
        min(seller_sku) as seller_sku,
        max(asin) as asin,
        max(product_name) as product_name,
        sum(coalesce(quantity_units, 0)) as ordered_units,
        sum(case when item_price_amount is not null then quantity_units end) as priced_units,
        case when count(distinct currency_code) = 1 then min(currency_code) end as currency_code,
        case when count(distinct currency_code) = 1 then sum(item_price_amount) end as price_amount,
        sum(item_promotion_discount_amount) as promotion_amount
    from order_lines
    group by account_id, amazon_order_id, sku_key

),

sold as (

    select
        account_id,
        amazon_order_id,
        sku_key,
        currency_code,
        min(seller_sku) as seller_sku,
        sum(case when amount_type = 'ITEM_PRICE' then purchased_units end) as sale_units,
        sum(line_amount) as sale_amount,
        -sum(case when amount_type = 'PROMOTION' then line_amount end) as promotion_amount
    from sale_lines
    group by account_id, amazon_order_id, sku_key, currency_code
    having sum(line_amount) > 0

),

ranked as (

    select
        sold.*,
        row_number() over (
            partition by sold.account_id, sold.amazon_order_id, sold.sku_key
            order by case when sold.currency_code = ordered.currency_code then 0 else 1 end, sold.currency_code
        ) as place
    from sold
    left join ordered
        on sold.account_id = ordered.account_id and sold.amazon_order_id = ordered.amazon_order_id and sold.sku_key = ordered.sku_key

),

sale as (

    select * from ranked where place = 1

),

together as (

    select
        coalesce(ordered.account_id, sale.account_id) as account_id,
        coalesce(ordered.amazon_order_id, sale.amazon_order_id) as amazon_order_id,
        coalesce(ordered.seller_sku, sale.seller_sku) as seller_sku,
        ordered.asin,
        ordered.product_name,
        coalesce(nullif(ordered.ordered_units, 0), sale.sale_units, ordered.ordered_units) as ordered_units,
        coalesce(sale.currency_code, ordered.currency_code) as currency_code,
        case
            when coalesce(sale.currency_code, ordered.currency_code) = ordered.currency_code
                then ordered.price_amount - coalesce(ordered.promotion_amount, sale.promotion_amount, 0)
        end as ordered_amount,
        ordered.priced_units,
        sale.sale_amount,
        coalesce(nullif(sale.sale_units, 0), case when ordered.ordered_units = 1 then 1 end) as sale_units,
        coalesce(sale.sale_units, nullif(ordered.ordered_units, 0), 1) as assumed_sale_units
    from ordered
    full outer join sale
        on ordered.account_id = sale.account_id and ordered.amazon_order_id = sale.amazon_order_id and ordered.sku_key = sale.sku_key

)

select
    account_id,
    amazon_order_id,
    seller_sku,
    asin,
    product_name,
    cast(ordered_units as integer) as ordered_units,
    currency_code,
    cast(case when ordered_amount > 0 and priced_units > 0 then ordered_amount else sale_amount end as decimal(18, 4)) as price_amount,
    cast(
        case when ordered_amount > 0 and priced_units > 0 then priced_units when sale_amount > 0 then assumed_sale_units end as integer
    ) as priced_units,
    cast(case when sale_units > 0 then sale_amount end as decimal(18, 4)) as sale_amount,
    cast(case when sale_units > 0 then sale_units end as integer) as sale_units
from together
