-- One row per returned unit line, and one per order and SKU of which a refunded or replaced unit has not come back so far as is known now.

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

    select * from {{ ref('int_refunds__order_items') }}

),

items as (

    select * from {{ ref('int_orders__items') }}

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

payout_currencies as (

    select account_id, amazon_order_id, min(currency_code) as currency_code
    from {{ ref('int_payouts__netted') }}
    where amazon_order_id is not null
    group by account_id, amazon_order_id

),

returned as (

    select
        returns.account_id,
        md5(
            {{ row_key(
                ['returns.account_id', "'RETURN'"]
                + named_by
                + [
                    'row_number() over (partition by returns.account_id, ' ~ named_by | join(', ')
                    ~ ' order by returns.return_at, returns.return_line_id)'
                ]
            ) }}
        ) as defect_id,
        coalesce(dispositions.defect_type, 'OTHER') as defect_type,
        coalesce(dispositions.outcome, 'UNKNOWN') as outcome,
        returns.return_date as defect_date,
        returns.amazon_order_id,
        returns.seller_sku,
        returns.fnsku,
        returns.asin,
        returns.product_name,
        returns.license_plate_number as transaction_id,
        returns.fulfillment_center_id,
        returns.disposition,
        returns.reason_code,
        coalesce(statuses.return_state, 'DONE') as return_state,
        coalesce(returns.returned_units, 1) as defect_units
    from returns
    left join dispositions on returns.disposition = dispositions.disposition
    left join statuses on returns.return_status = statuses.return_status

),

in_transit as (

    select
        refunds.account_id,
        md5({{ row_key(['refunds.account_id', "'REFUND'", 'refunds.amazon_order_id', 'refunds.seller_sku']) }}) as defect_id,
        'IN_TRANSIT' as defect_type,
        'CLAIMABLE' as outcome,
        refunds.anchor_date as defect_date,
        refunds.amazon_order_id,
        refunds.seller_sku,
        products.fnsku,
        coalesce(items.asin, products.asin) as asin,
        coalesce(items.product_name, products.product_name) as product_name,
        cast(null as varchar) as transaction_id,
        cast(null as varchar) as fulfillment_center_id,
        cast(null as varchar) as disposition,
        cast(null as varchar) as reason_code,
        'PENDING' as return_state,
        refunds.expected_units as defect_units
    from refunds
    left join items
        on refunds.account_id = items.account_id and refunds.amazon_order_id = items.amazon_order_id and refunds.seller_sku = items.seller_sku
    left join products on refunds.account_id = products.account_id and refunds.seller_sku = products.seller_sku

),

defects as (

    select * from returned
    union all
    select * from in_transit

)

select
    defects.*,
    -- Where no settlement or replacement says when the buyer was refunded, the return stands for it.
    coalesce(refunds.anchor_date, defects.defect_date) as anchor_date,
    coalesce(refunds.anchor_basis, 'RETURN') as anchor_basis,
    coalesce(items.currency_code, refunds.currency_code, payout_currencies.currency_code, marketplaces.currency_code) as currency_code,
    marketplaces.country_code,
    marketplaces.policy_region
from defects
inner join accounts on defects.account_id = accounts.account_id
left join refunds
    on defects.account_id = refunds.account_id and defects.amazon_order_id = refunds.amazon_order_id and defects.seller_sku = refunds.seller_sku
left join items
    on defects.account_id = items.account_id and defects.amazon_order_id = items.amazon_order_id and defects.seller_sku = items.seller_sku
left join orders on defects.account_id = orders.account_id and defects.amazon_order_id = orders.amazon_order_id
left join payout_currencies
    on defects.account_id = payout_currencies.account_id and defects.amazon_order_id = payout_currencies.amazon_order_id
left join marketplaces on coalesce(orders.marketplace_id, {{ first_of_list('accounts.marketplace_ids') }}) = marketplaces.marketplace_id
