with source as (

    select * from {{ source('amazon_seller', 'inventory_ledger') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as ledger_row_id,
        {{ text_value('reference_id') }} as reference_id,
        {{ text_value('msku') }} as seller_sku,
        {{ text_value('fnsku') }} as fnsku,
        {{ text_value('asin') }} as asin,
        {{ text_value('fulfillment_center') }} as fulfillment_center_id,

        -- dates
        {{ printed_date('date') }} as event_date,
        {{ utc_timestamp('date_and_time') }} as event_at,

        -- statuses
        {{ upper_snake('event_type') }} as event_type,
        {{ code_value('reason_code') }} as reason_code,
        {{ upper_snake('disposition') }} as disposition,
        {{ code_value('country') }} as country_code,
        {{ text_value('title') }} as product_name,

        -- measures
        {{ whole_number('quantity') }} as quantity_units,
        {{ whole_number('reconciled_quantity') }} as reconciled_units,
        {{ whole_number('unreconciled_quantity') }} as unreconciled_units,

        -- load metadata
        _unit as unit,
        _row_hash as content_hash,
        _occurrence as occurrence,
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
