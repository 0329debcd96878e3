-- One row per adjustment of the inventory ledger, with the meaning of its code, the currency in which Amazon pays in its country, and its stock: its
-- FNSKU, or the FNSKU of its SKU. The id is made of the row's own values and its number among equal rows: reconciled
-- quantities change, and with them ledger_row_id.

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

),

fnskus as (

    select * from {{ ref('int_products__names') }} where name_kind = 'SKU'

),

numbered as (

    select
        ledger.*,
        row_number() over (
            partition by ledger.account_id, {{ named_by | join(', ') }}
            order by ledger.reconciled_units desc, ledger.unreconciled_units asc, ledger.ledger_row_id asc
        ) as repetition
    from ledger

),

adjustments as (

    select
        ledger.account_id,
        md5({{ row_key(['ledger.account_id', "'LEDGER'"] + named_by + ['ledger.repetition']) }}) as adjustment_id,
        -- The order of entries of one day; it depends on their values only, never on their ids.
        row_number() over (
            partition by ledger.account_id
            order by
                ledger.event_date, ledger.event_at, ledger.reference_id, ledger.fulfillment_center_id, ledger.fnsku, ledger.seller_sku,
                ledger.reason_code, ledger.disposition, ledger.country_code, ledger.quantity_units, ledger.repetition
        ) as place,
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
        coalesce(markets.is_currency_assumed, true) as is_currency_assumed,
        coalesce(upper(ledger.fnsku), fnskus.paired_key, upper(ledger.seller_sku)) as stock_key
    from numbered as ledger
    left join codes on ledger.reason_code = codes.reason_code
    left join markets on ledger.account_id = markets.account_id and coalesce(ledger.country_code, '') = markets.country_code
    left join fnskus on ledger.account_id = fnskus.account_id and upper(ledger.seller_sku) = fnskus.name_key

)

select *, {{ row_key(['account_id', 'stock_key', 'currency_code']) }} as stock_id from adjustments
