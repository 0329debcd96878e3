-- One row per order, SKU and day on which units were refunded or replaced for the buyer: how many, and since when. Settlements say how much was given
-- back, not for how many units: a unit is refunded on the first day on which the total given back pays for it. Less is goodwill, for which
-- nothing has to come back. A payout that names the order proves a refund that no settlement shows. If no price is known, the first refund has
-- 0 units: it shows when, not how many.

with refund_lines as (

    select *, upper(seller_sku) as sku_key
    from {{ ref('stg_amazon_seller__settlements') }}
    where
        transaction_type = 'REFUND'
        and amount_type in ('ITEM_PRICE', 'PROMOTION')
        and upper(amount_description) = 'PRINCIPAL'
        and coalesce(fulfillment_channel, 'AFN') = 'AFN'

),

items as (

    select *, upper(seller_sku) as sku_key from {{ ref('int_orders__items') }}

),

orders as (

    select * from {{ ref('fct_orders') }}

),

replacements as (

    select
        account_id,
        original_amazon_order_id as amazon_order_id,
        upper(seller_sku) as sku_key,
        seller_sku,
        shipment_date as anchor_date,
        coalesce(replacement_units, 1) as units
    from {{ ref('stg_amazon_seller__replacements') }}
    where original_amazon_order_id is not null

),

payouts as (

    select
        account_id,
        amazon_order_id,
        coalesce(upper(seller_sku), sku_key) as sku_key,
        coalesce(seller_sku, sku_key) as seller_sku,
        currency_code,
        approval_date,
        units - reversed_units as units,
        sum(units - reversed_units) over (
            partition by account_id, amazon_order_id, coalesce(upper(seller_sku), sku_key)
            order by approval_date, payout_id, payout_kind rows unbounded preceding
        ) as paid_upto
    from {{ ref('int_payouts__netted') }}
    where
        amazon_order_id is not null
        and coalesce(seller_sku, sku_key) is not null
        and reason_category in ('CUSTOMER_RETURN', 'OUTBOUND', 'FREE_REPLACEMENT')

),

-- For an order without a price, the lowest price of the SKU separates a refund from goodwill.
lowest_prices as (

    select account_id, sku_key, currency_code, min({{ amount_of_units('price_amount', '0', '1', 'priced_units') }}) as unit_price_amount
    from items
    where price_amount > 0 and priced_units > 0
    group by account_id, sku_key, currency_code

),

refunded_days as (

    select
        account_id,
        amazon_order_id,
        sku_key,
        currency_code,
        min(seller_sku) as seller_sku,
        posted_date,
        sum(-sum(line_amount)) over (
            partition by account_id, amazon_order_id, sku_key, currency_code order by posted_date rows unbounded preceding
        ) as amount_upto
    from refund_lines
    group by account_id, amazon_order_id, sku_key, currency_code, posted_date

),

priced as (

    select
        refunded_days.*,
        items.ordered_units,
        items.sale_amount,
        items.sale_units,
        coalesce(items.price_amount, lowest_prices.unit_price_amount) as price_amount,
        case when items.price_amount is not null then items.priced_units when lowest_prices.unit_price_amount is not null then 1 end as priced_units,
        case when items.price_amount is null then 1 end as most_units
    from refunded_days
    left join items
        on
            refunded_days.account_id = items.account_id
            and refunded_days.amazon_order_id = items.amazon_order_id
            and refunded_days.sku_key = items.sku_key
            and refunded_days.currency_code = items.currency_code
    left join lowest_prices
        on
            refunded_days.account_id = lowest_prices.account_id
            and refunded_days.sku_key = lowest_prices.sku_key
            and refunded_days.currency_code = lowest_prices.currency_code

),

paid_in_full as (

    select
        *,
        {{ units_paid_in_full('amount_upto', 'price_amount', 'priced_units', var('full_refund_percent')) }} as units_by_price,
        coalesce({{ units_paid_in_full('amount_upto', 'sale_amount', 'sale_units', var('full_refund_percent')) }}, 0) as units_by_sale
    from priced
    where priced_units > 0

),

counted as (

    select
        *,
        greatest(least(greatest(units_by_price, units_by_sale), coalesce(most_units, nullif(ordered_units, 0), priced_units)), 0) as units_upto
    from paid_in_full

),

-- Money that was given back and taken back again refunds nothing.
lasting as (

    select
        *,
        min(units_upto) over (
            partition by account_id, amazon_order_id, sku_key, currency_code order by posted_date rows between current row and unbounded following
        ) as lasting_units
    from counted

),

refunded as (

    select
        *,
        lasting_units - lag(lasting_units, 1, 0) over (partition by account_id, amazon_order_id, sku_key, currency_code order by posted_date) as units
    from lasting

),

unpriced as (

    select account_id, amazon_order_id, sku_key, currency_code, min(seller_sku) as seller_sku, min(posted_date) as refund_date
    from priced
    where priced_units is null and amount_upto > 0
    group by account_id, amazon_order_id, sku_key, currency_code

),

given as (

    select account_id, amazon_order_id, sku_key, seller_sku, currency_code, posted_date as anchor_date, 'REFUND' as anchor_basis, units
    from refunded
    where units > 0
    union all
    select account_id, amazon_order_id, sku_key, seller_sku, null as currency_code, anchor_date, 'REPLACEMENT' as anchor_basis, units
    from replacements

),

ordered as (

    select account_id, amazon_order_id, sku_key, max(nullif(ordered_units, 0)) as ordered_units
    from items
    group by account_id, amazon_order_id, sku_key

),

placed as (

    select
        given.*,
        ordered.ordered_units,
        sum(given.units) over (
            partition by given.account_id, given.amazon_order_id, given.sku_key
            order by given.anchor_date, given.anchor_basis, given.currency_code, given.seller_sku
            rows unbounded preceding
        ) as upto
    from given
    left join ordered
        on given.account_id = ordered.account_id and given.amazon_order_id = ordered.amazon_order_id and given.sku_key = ordered.sku_key

),

-- No buyer is refunded for more units than were ordered.
expected as (

    select *, least(upto, coalesce(ordered_units, upto)) - least(upto - units, coalesce(ordered_units, upto - units)) as expected_units
    from placed

),

known as (

    select account_id, amazon_order_id, sku_key, sum(expected_units) as units
    from expected
    group by account_id, amazon_order_id, sku_key

),

proven as (

    select
        payouts.account_id,
        payouts.amazon_order_id,
        payouts.sku_key,
        payouts.seller_sku,
        payouts.currency_code,
        case when unpriced.refund_date <= payouts.approval_date then unpriced.refund_date else payouts.approval_date end as anchor_date,
        case when unpriced.refund_date <= payouts.approval_date then 'REFUND' else 'PAYOUT' end as anchor_basis,
        greatest(least(payouts.paid_upto, coalesce(ordered.ordered_units, payouts.paid_upto)) - coalesce(known.units, 0), 0)
        - greatest(
            least(payouts.paid_upto - payouts.units, coalesce(ordered.ordered_units, payouts.paid_upto)) - coalesce(known.units, 0), 0
        ) as expected_units
    from payouts
    left join ordered
        on payouts.account_id = ordered.account_id and payouts.amazon_order_id = ordered.amazon_order_id and payouts.sku_key = ordered.sku_key
    left join known
        on payouts.account_id = known.account_id and payouts.amazon_order_id = known.amazon_order_id and payouts.sku_key = known.sku_key
    left join unpriced
        on
            payouts.account_id = unpriced.account_id
            and payouts.amazon_order_id = unpriced.amazon_order_id
            and payouts.sku_key = unpriced.sku_key
            and payouts.currency_code = unpriced.currency_code

),

compensated as (

    select account_id, amazon_order_id, sku_key, seller_sku, currency_code, anchor_date, anchor_basis, expected_units
    from expected
    where expected_units > 0
    union all
    select account_id, amazon_order_id, sku_key, seller_sku, currency_code, anchor_date, anchor_basis, expected_units
    from proven
    where expected_units > 0
    union all
    select account_id, amazon_order_id, sku_key, seller_sku, currency_code, refund_date as anchor_date, 'REFUND' as anchor_basis, 0 as expected_units
    from unpriced

)

select
    compensated.account_id,
    compensated.amazon_order_id,
    compensated.sku_key,
    min(compensated.seller_sku) as seller_sku,
    min(compensated.currency_code) as currency_code,
    compensated.anchor_date,
    compensated.anchor_basis,
    cast(sum(compensated.expected_units) as integer) as expected_units
from compensated
left join orders on compensated.account_id = orders.account_id and compensated.amazon_order_id = orders.amazon_order_id
where
    coalesce(orders.fulfillment_channel, 'AFN') = 'AFN'
    and not (compensated.anchor_basis = 'PAYOUT' and coalesce(orders.is_multi_channel, false))
group by compensated.account_id, compensated.amazon_order_id, compensated.sku_key, compensated.anchor_date, compensated.anchor_basis
