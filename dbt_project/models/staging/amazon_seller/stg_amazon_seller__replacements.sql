with source as (

    select * from {{ source('amazon_seller', 'replacements') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as replacement_line_id,
        {{ text_value('original_amazon_order_id') }} as original_amazon_order_id,
        {{ text_value('replacement_amazon_order_id') }} as replacement_amazon_order_id,
        {{ text_value('sku') }} as seller_sku,
        {{ text_value('asin') }} as asin,
        {{ text_value('fulfillment_center_id') }} as fulfillment_center_id,
        {{ text_value('original_fulfillment_center_id') }} as original_fulfillment_center_id,

        -- dates
        {{ utc_timestamp('shipment_date') }} as shipment_at,
        {{ printed_date('shipment_date') }} as shipment_date,

        -- statuses
        {{ text_value('replacement_reason_code') }} as reason_code,

        -- measures
        {{ whole_number('quantity') }} as replacement_units,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
where {{ is_dated_by_as_of('shipment_date') }}
