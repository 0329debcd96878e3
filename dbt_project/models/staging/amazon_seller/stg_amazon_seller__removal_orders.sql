with source as (

    select * from {{ source('amazon_seller', 'removal_orders') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as removal_order_row_id,
        {{ text_value('order_id') }} as removal_order_id,
        {{ text_value('sku') }} as seller_sku,
        {{ text_value('fnsku') }} as fnsku,

        -- dates
        {{ utc_timestamp('request_date') }} as request_at,
        {{ printed_date('request_date') }} as request_date,
        {{ utc_timestamp('last_updated_date') }} as last_updated_at,
        {{ printed_date('last_updated_date') }} as last_updated_date,

        -- statuses
        {{ upper_snake('order_type') }} as removal_order_type,
        {{ unless_after_as_of(upper_snake('order_status'), utc_date('last_updated_date'), "'UNKNOWN'") }} as removal_order_status,
        {{ upper_snake('order_source') }} as order_source,
        {{ upper_snake('service_speed') }} as service_speed,
        {{ upper_snake('disposition') }} as disposition,
        {{ code_value('currency') }} as currency_code,

        -- measures
        {{ whole_number('requested_quantity') }} as requested_units,
        {{ whole_number('cancelled_quantity') }} as cancelled_units,
        {{ whole_number('disposed_quantity') }} as disposed_units,
        {{ whole_number('shipped_quantity') }} as shipped_units,
        {{ whole_number('in_process_quantity') }} as in_process_units,
        {{ amount('removal_fee') }} as removal_fee_amount,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
where {{ is_dated_by_as_of('request_date') }}
