with source as (

    select * from {{ source('amazon_seller', 'listings') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ text_value('_marketplace_id') }} as marketplace_id,
        {{ row_id() }} as listing_row_id,
        {{ text_value('listing_id') }} as listing_id,
        {{ text_value('seller_sku') }} as seller_sku,
        coalesce({{ text_value('asin1') }}, case when product_id_type = '1' then {{ text_value('product_id') }} end) as asin,
        {{ text_value('product_id') }} as product_id,
        {{ text_value('product_id_type') }} as product_id_type_code,

        -- dates
        {{ text_value('open_date') }} as opened_as_sent,

        -- statuses
        {{ upper_snake('status') }} as listing_status,
        case
            when {{ code_value('fulfillment_channel') }} = 'DEFAULT' then 'MFN'
            when starts_with({{ code_value('fulfillment_channel') }}, 'AMAZON_') then 'AFN'
        end as fulfillment_channel,
        {{ text_value('item_condition') }} as condition_code,
        {{ text_value('item_name') }} as product_name,
        {{ https_address('image_url') }} as image_url,

        -- measures
        {{ amount('price') }} as listing_price,
        {{ whole_number('quantity') }} as quantity_units,
        {{ whole_number('pending_quantity') }} as pending_units,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
