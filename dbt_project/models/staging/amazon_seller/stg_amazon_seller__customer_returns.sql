with source as (

    select * from {{ source('amazon_seller', 'customer_returns') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as return_line_id,
        {{ text_value('order_id') }} as amazon_order_id,
        {{ text_value('license_plate_number') }} as license_plate_number,
        {{ text_value('sku') }} as seller_sku,
        {{ text_value('fnsku') }} as fnsku,
        {{ text_value('asin') }} as asin,
        {{ text_value('fulfillment_center_id') }} as fulfillment_center_id,

        -- dates
        {{ utc_timestamp('return_date') }} as return_at,
        {{ printed_date('return_date') }} as return_date,

        -- statuses
        {{ upper_snake('detailed_disposition') }} as disposition,
        {{ upper_snake('status') }} as return_status,
        {{ text_value('reason') }} as reason_code,
        {{ text_value('product_name') }} as product_name,

        -- measures
        {{ whole_number('quantity') }} as returned_units,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
where {{ is_dated_by_as_of('return_date') }}
