with source as (

    select * from {{ source('amazon_seller', 'settlements') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as settlement_line_id,
        {{ text_value('settlement_id') }} as settlement_id,
        {{ text_value('order_id') }} as amazon_order_id,
        {{ text_value('merchant_order_id') }} as merchant_order_id,
        {{ text_value('adjustment_id') }} as adjustment_id,
        {{ text_value('shipment_id') }} as shipment_id,
        {{ text_value('order_item_code') }} as order_item_code,
        {{ text_value('merchant_order_item_id') }} as merchant_order_item_id,
        {{ text_value('merchant_adjustment_item_id') }} as merchant_adjustment_item_id,
        {{ text_value('promotion_id') }} as promotion_id,
        {{ text_value('sku') }} as seller_sku,

        -- dates
        {{ utc_timestamp('settlement_start_date') }} as settlement_start_at,
        {{ utc_timestamp('settlement_end_date') }} as settlement_end_at,
        {{ printed_date('deposit_date') }} as deposit_date,
        {{ utc_timestamp('posted_date_time') }} as posted_at,
        {{ printed_date('posted_date') }} as posted_date,

        -- statuses
        {{ upper_snake('transaction_type') }} as transaction_type,
        {{ upper_snake('amount_type') }} as amount_type,
        {{ text_value('amount_description') }} as amount_description,
        {{ upper_snake('fulfillment_id') }} as fulfillment_channel,
        {{ text_value('marketplace_name') }} as marketplace_name,
        -- Many files have the currency only on the summary row; it applies to the whole settlement.
        coalesce(
            {{ code_value('currency_code') }},
            max({{ code_value('currency_code') }}) over (partition by account_id, settlement_id)
        ) as currency_code,

        -- measures
        {{ amount('total_amount') }} as settlement_total_amount,
        {{ amount('amount') }} as line_amount,
        {{ whole_number('quantity_purchased') }} as purchased_units,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
where {{ is_dated_by_as_of('coalesce(posted_date, cast(settlement_start_at as date))') }}
