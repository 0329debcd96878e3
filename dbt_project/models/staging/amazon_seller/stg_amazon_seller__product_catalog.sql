with source as (

    select * from {{ source('amazon_seller', 'product_catalog') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as catalog_row_id,
        {{ text_value('seller_sku') }} as seller_sku,
        {{ text_value('asin') }} as asin,
        {{ text_value('parent_asin') }} as parent_asin,

        -- statuses
        {{ text_value('title') }} as product_name,
        {{ https_address('image_url') }} as image_url,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
