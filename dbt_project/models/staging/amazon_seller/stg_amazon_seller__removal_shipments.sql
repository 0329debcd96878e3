with source as (

    select * from {{ source('amazon_seller', 'removal_shipments') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as removal_shipment_row_id,
        {{ text_value('order_id') }} as removal_order_id,
        {{ text_value('tracking_number') }} as tracking_number,
        {{ text_value('sku') }} as seller_sku,
        {{ text_value('fnsku') }} as fnsku,

        -- dates
        {{ utc_timestamp('request_date') }} as request_at,
        {{ printed_date('request_date') }} as request_date,
        {{ utc_timestamp('shipment_date') }} as shipment_at,
        {{ printed_date('shipment_date') }} as shipment_date,

        -- statuses
        {{ upper_snake('removal_order_type') }} as removal_order_type,
        {{ upper_snake('disposition') }} as disposition,
        {{ text_value('carrier') }} as carrier,

        -- measures
        {{ whole_number('shipped_quantity') }} as shipped_units,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
where {{ is_dated_by_as_of('shipment_date') }}
