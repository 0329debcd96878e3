-- One row per returned unit line, and one per order, SKU and day on which units were refunded or replaced. A returned unit replaces the unit that was
-- refunded first and is not back yet. A line whose units were refunded on several days has a row for each day.

{% set named_by = ['returns.amazon_order_id', 'returns.seller_sku', 'returns.fnsku', 'returns.license_plate_number'] %}

with returns as (

    select * from {{ ref('stg_amazon_seller__customer_returns') }}

),

dispositions as (

    select * from {{ ref('return_dispositions') }}

),

statuses as (

    select * from {{ ref('return_statuses') }}

),

refunds as (

    select
        *,
        md5(
            {{ row_key(['account_id', "'REFUND'", 'amazon_order_id', 'sku_key', 'anchor_date', 'anchor_basis']) }}
        ) as refund_defect_id,
        sum(expected_units) over (
            partition by account_id, amazon_order_id, sku_key order by anchor_date, anchor_basis rows unbounded preceding
        ) as upto
    from {{ ref('int_refunds__order_items') }}
    where expected_units > 0

),

-- For an order without a known price, the day of the first refund is known, but not its units.
uncounted as (

    select account_id, amazon_order_id, sku_key, min(anchor_date) as anchor_date
    from {{ ref('int_refunds__order_items') }}
    where expected_units = 0
    group by account_id, amazon_order_id, sku_key

),

items as (

    select *, upper(seller_sku) as sku_key from {{ ref('int_orders__items') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

orders as (

    select * from {{ ref('fct_orders') }}

),

marketplaces as (

    select * from {{ ref('marketplaces') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

refund_currencies as (

    select account_id, amazon_order_id, sku_key, min(currency_code) as currency_code
    from {{ ref('int_refunds__order_items') }}
    group by account_id, amazon_order_id, sku_key

),

payout_currencies as (

    select account_id, amazon_order_id, min(currency_code) as currency_code
    from {{ ref('int_payouts__netted') }}
    where amazon_order_id is not null
    group by account_id, amazon_order_id

),

returned as (

    select
        returns.account_id,
        {{ row_key(
            ['returns.account_id', "'RETURN'"]
            + named_by
            + [
                'row_number() over (partition by returns.account_id, ' ~ named_by | join(', ')
                ~ ' order by returns.return_at, returns.return_line_id)'
            ]
        ) }} as return_key,
        returns.return_date,
        returns.amazon_order_id,
        upper(returns.seller_sku) as sku_key,
        returns.seller_sku,
        returns.fnsku,
        returns.asin,
        returns.product_name,
        returns.license_plate_number,
        returns.fulfillment_center_id,
        returns.disposition,
        returns.reason_code,
        returns.return_status,
        coalesce(returns.returned_units, 1) as units,
        sum(coalesce(returns.returned_units, 1)) over (
            partition by returns.account_id, returns.amazon_order_id, upper(returns.seller_sku)
            order by returns.return_date, returns.return_at, returns.return_line_id
            rows unbounded preceding
        ) as upto
    from returns

),

refunded_units as (

    select account_id, amazon_order_id, sku_key, sum(expected_units) as units
    from refunds
    group by account_id, amazon_order_id, sku_key

),

-- Returned units with a refund, and returned units without a known refund.
parts as (

    select
        returned.return_key,
        refunds.refund_defect_id,
        refunds.anchor_date,
        refunds.anchor_basis,
        least(returned.upto, refunds.upto) - greatest(returned.upto - returned.units, refunds.upto - refunds.expected_units) as units
    from returned
    inner join refunds
        on
            returned.account_id = refunds.account_id
            and returned.amazon_order_id = refunds.amazon_order_id
            and returned.sku_key = refunds.sku_key
            and returned.upto > refunds.upto - refunds.expected_units
            and returned.upto - returned.units < refunds.upto
    union all
    select
        returned.return_key,
        cast(null as varchar) as refund_defect_id,
        uncounted.anchor_date,
        'REFUND' as anchor_basis,
        returned.upto - greatest(returned.upto - returned.units, coalesce(refunded_units.units, 0)) as units
    from returned
    left join refunded_units
        on
            returned.account_id = refunded_units.account_id
            and returned.amazon_order_id = refunded_units.amazon_order_id
            and returned.sku_key = refunded_units.sku_key
    left join uncounted
        on
            returned.account_id = uncounted.account_id
            and returned.amazon_order_id = uncounted.amazon_order_id
            and returned.sku_key = uncounted.sku_key
    where returned.upto > coalesce(refunded_units.units, 0)

),

came_back as (

    select
        returned.account_id,
        md5(
            {{ row_key([
                'returned.return_key', 'row_number() over (partition by returned.return_key order by parts.anchor_date, parts.refund_defect_id)'
            ]) }}
        ) as defect_id,
        parts.refund_defect_id,
        coalesce(dispositions.defect_type, 'OTHER') as defect_type,
        coalesce(dispositions.outcome, 'UNKNOWN') as outcome,
        returned.return_date as defect_date,
        returned.amazon_order_id,
        returned.sku_key,
        returned.seller_sku,
        returned.fnsku,
        returned.asin,
        returned.product_name,
        returned.license_plate_number as transaction_id,
        returned.fulfillment_center_id,
        returned.disposition,
        returned.reason_code,
        coalesce(statuses.return_state, 'DONE') as return_state,
        parts.units as defect_units,
        0 as returned_units,
        -- If no report says when the buyer was refunded, the day of the return is used; a payout shows that the refund was no later than the payout.
        case
            when parts.anchor_date is null or (parts.anchor_basis = 'PAYOUT' and returned.return_date < parts.anchor_date) then returned.return_date
            else parts.anchor_date
        end as anchor_date,
        case
            when parts.anchor_date is null or (parts.anchor_basis = 'PAYOUT' and returned.return_date < parts.anchor_date) then 'RETURN'
            else parts.anchor_basis
        end as anchor_basis
    from parts
    inner join returned on parts.return_key = returned.return_key
    left join dispositions on returned.disposition = dispositions.disposition
    left join statuses on returned.return_status = statuses.return_status

),

in_transit as (

    select
        refunds.account_id,
        refunds.refund_defect_id as defect_id,
        cast(null as varchar) as refund_defect_id,
        'IN_TRANSIT' as defect_type,
        'CLAIMABLE' as outcome,
        refunds.anchor_date as defect_date,
        refunds.amazon_order_id,
        refunds.sku_key,
        refunds.seller_sku,
        products.fnsku,
        coalesce(items.asin, products.asin) as asin,
        coalesce(items.product_name, products.product_name) as product_name,
        cast(null as varchar) as transaction_id,
        cast(null as varchar) as fulfillment_center_id,
        cast(null as varchar) as disposition,
        cast(null as varchar) as reason_code,
        'PENDING' as return_state,
        refunds.expected_units as defect_units,
        coalesce(back.units, 0) as returned_units,
        refunds.anchor_date,
        refunds.anchor_basis
    from refunds
    left join {{ units_by('refund_defect_id', 'parts') }} as back on refunds.refund_defect_id = back.refund_defect_id
    left join items
        on refunds.account_id = items.account_id and refunds.amazon_order_id = items.amazon_order_id and refunds.sku_key = items.sku_key
    left join products on refunds.account_id = products.account_id and refunds.sku_key = upper(products.seller_sku)

),

defects as (

    select * from came_back
    union all
    select * from in_transit

)

select
    defects.account_id,
    defects.defect_id,
    defects.refund_defect_id,
    defects.defect_type,
    defects.outcome,
    defects.defect_date,
    defects.amazon_order_id,
    defects.seller_sku,
    defects.fnsku,
    defects.asin,
    defects.product_name,
    defects.transaction_id,
    defects.fulfillment_center_id,
    defects.disposition,
    defects.reason_code,
    defects.return_state,
    cast(defects.defect_units as integer) as defect_units,
    cast(defects.returned_units as integer) as returned_units,
    defects.anchor_date,
    defects.anchor_basis,
    coalesce(items.currency_code, refund_currencies.currency_code, payout_currencies.currency_code, marketplaces.currency_code) as currency_code,
    marketplaces.country_code,
    marketplaces.policy_region
from defects
inner join accounts on defects.account_id = accounts.account_id
left join items
    on defects.account_id = items.account_id and defects.amazon_order_id = items.amazon_order_id and defects.sku_key = items.sku_key
left join refund_currencies
    on
        defects.account_id = refund_currencies.account_id
        and defects.amazon_order_id = refund_currencies.amazon_order_id
        and defects.sku_key = refund_currencies.sku_key
left join orders on defects.account_id = orders.account_id and defects.amazon_order_id = orders.amazon_order_id
left join payout_currencies
    on defects.account_id = payout_currencies.account_id and defects.amazon_order_id = payout_currencies.amazon_order_id
left join marketplaces on coalesce(orders.marketplace_id, {{ first_of_list('accounts.marketplace_ids') }}) = marketplaces.marketplace_id
