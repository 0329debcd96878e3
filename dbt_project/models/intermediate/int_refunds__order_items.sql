-- One row per order and SKU that Amazon refunded or replaced for a buyer: how many units, and since when. Settlements say what was given back, not
-- for how many units: as many as the amount pays for in full. Less than the price of one unit is goodwill, for which nothing has to come back.

with settlements as (

    select * from {{ ref('stg_amazon_seller__settlements') }}

),

items as (

    select * from {{ ref('int_orders__items') }}

),

orders as (

    select * from {{ ref('fct_orders') }}

),

replacements as (

    select
        account_id,
        original_amazon_order_id as amazon_order_id,
        seller_sku,
        min(shipment_date) as replacement_date,
        sum(coalesce(replacement_units, 1)) as replaced_units
    from {{ ref('stg_amazon_seller__replacements') }}
    where original_amazon_order_id is not null
    group by account_id, original_amazon_order_id, seller_sku

),

refunds as (

    select
        account_id,
        amazon_order_id,
        seller_sku,
        currency_code,
        min(posted_date) as refund_date,
        -sum(line_amount) as principal_amount
    from settlements
    where
        transaction_type = 'REFUND'
        and amount_type = 'ITEM_PRICE'
        and upper(amount_description) = 'PRINCIPAL'
        and coalesce(fulfillment_channel, 'AFN') = 'AFN'
    group by account_id, amazon_order_id, seller_sku, currency_code
    having sum(line_amount) < 0

),

counted as (

    select
        refunds.*,
        case
            when items.item_price_amount > 0 and items.currency_code = refunds.currency_code
                then {{ units_paid_in_full(
                    'refunds.principal_amount', 'items.item_price_amount', 'items.ordered_units', var('full_refund_percent')
                ) }}
            else 1
        end as refunded_units
    from refunds
    left join items
        on refunds.account_id = items.account_id and refunds.amazon_order_id = items.amazon_order_id and refunds.seller_sku = items.seller_sku

),

compensated as (

    select
        coalesce(counted.account_id, replacements.account_id) as account_id,
        coalesce(counted.amazon_order_id, replacements.amazon_order_id) as amazon_order_id,
        coalesce(counted.seller_sku, replacements.seller_sku) as seller_sku,
        counted.currency_code,
        counted.refund_date,
        replacements.replacement_date,
        coalesce(counted.refunded_units, 0) + coalesce(replacements.replaced_units, 0) as units
    from counted
    full outer join replacements
        on
            counted.account_id = replacements.account_id
            and counted.amazon_order_id = replacements.amazon_order_id
            and counted.seller_sku = replacements.seller_sku

)

select
    compensated.account_id,
    compensated.amazon_order_id,
    compensated.seller_sku,
    compensated.currency_code,
    least(
        coalesce(compensated.refund_date, compensated.replacement_date), coalesce(compensated.replacement_date, compensated.refund_date)
    ) as anchor_date,
    case
        when compensated.refund_date <= coalesce(compensated.replacement_date, compensated.refund_date) then 'REFUND' else 'REPLACEMENT'
    end as anchor_basis,
    cast(least(compensated.units, coalesce(nullif(items.ordered_units, 0), compensated.units)) as integer) as expected_units
from compensated
left join items
    on
        compensated.account_id = items.account_id
        and compensated.amazon_order_id = items.amazon_order_id
        and compensated.seller_sku = items.seller_sku
left join orders on compensated.account_id = orders.account_id and compensated.amazon_order_id = orders.amazon_order_id
where compensated.units > 0 and coalesce(orders.fulfillment_channel, 'AFN') = 'AFN'
