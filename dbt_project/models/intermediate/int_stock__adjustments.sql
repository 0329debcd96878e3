{{ config(materialized='table') }}
-- One row per adjustment of the inventory ledger, with what its code means and in which currency its country trades. What the row says of itself
-- names it, and its number among rows that say the same: reconciled quantities change, and with them ledger_row_id.

{% set named_by = [
    'ledger.event_date', 'ledger.fnsku', 'ledger.seller_sku', 'ledger.reference_id', 'ledger.fulfillment_center_id', 'ledger.disposition',
    'ledger.reason_code', 'ledger.quantity_units', 'ledger.country_code',
] %}

with ledger as (

    select * from {{ ref('stg_amazon_seller__inventory_ledger') }} where event_type = 'ADJUSTMENTS'

),

codes as (

    select * from {{ ref('ledger_reason_codes') }}

),

markets as (

    select * from {{ ref('int_accounts__countries') }}

)

select
    ledger.account_id,
    md5(
        {{ row_key(
            ['ledger.account_id', "'LEDGER'"]
            + named_by
            + ['row_number() over (partition by ledger.account_id, ' ~ named_by | join(', ') ~ ' order by ledger.ledger_row_id)']
        ) }}
    ) as adjustment_id,
    ledger.event_date,
    ledger.reference_id,
    ledger.seller_sku,
    ledger.fnsku,
    ledger.asin,
    ledger.product_name,
    ledger.fulfillment_center_id,
    ledger.disposition,
    ledger.country_code,
    ledger.reason_code,
    coalesce(codes.adjustment_group, 'UNKNOWN') as adjustment_group,
    case
        when codes.reason_code is null and ledger.quantity_units < 0 then 'OTHER'
        when ledger.quantity_units < 0 then codes.defect_type
    end as defect_type,
    ledger.quantity_units,
    ledger.reconciled_units,
    ledger.unreconciled_units,
    markets.policy_region,
    markets.currency_code,
    {{ row_key(['ledger.account_id', 'coalesce(ledger.fnsku, ledger.seller_sku)', 'markets.currency_code']) }} as stock_id
from ledger
left join codes on ledger.reason_code = codes.reason_code
left join markets on ledger.account_id = markets.account_id and coalesce(ledger.country_code, '') = markets.country_code
