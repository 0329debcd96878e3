with source as (

    select * from {{ source('amazon_seller', 'orders') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as order_row_id,
        {{ text_value('amazon_order_id') }} as amazon_order_id,
        {{ text_value('merchant_order_id') }} as merchant_order_id,
        {{ text_value('order_item_id') }} as order_item_id,
        {{ text_value('original_order_id') }} as original_amazon_order_id,
        {{ text_value('purchase_order_number') }} as purchase_order_number,
        {{ text_value('promotion_ids') }} as promotion_ids,
        {{ text_value('sku') }} as seller_sku,
        {{ text_value('asin') }} as asin,

        -- dates
        {{ utc_timestamp('purchase_date') }} as purchase_at,
        {{ printed_date('purchase_date') }} as purchase_date,
        {{ utc_timestamp('last_updated_date') }} as last_updated_at,

        -- statuses
        {{ unless_after_as_of(upper_snake('order_status'), utc_date('last_updated_date'), "'UNKNOWN'") }} as order_status,
        {{ unless_after_as_of(upper_snake('item_status'), utc_date('last_updated_date'), "'UNKNOWN'") }} as item_status,
        {{ upper_snake('fulfillment_channel') }} as fulfillment_channel,
        {{ text_value('sales_channel') }} as sales_channel,
        {{ text_value('order_channel') }} as order_channel,
        {{ text_value('ship_service_level') }} as ship_service_level,
        {{ code_value('ship_country') }} as ship_country_code,
        {{ flag('is_business_order') }} as is_business_order,
        {{ flag('is_replacement_order') }} as is_replacement_order,
        {{ flag('is_exchange_order') }} as is_exchange_order,
        {{ text_value('price_designation') }} as price_designation,
        {{ text_value('product_name') }} as product_name,
        {{ code_value('currency') }} as currency_code,

        -- measures
        {{ whole_number('quantity') }} as quantity_units,
        {{ amount('item_price') }} as item_price_amount,
        {{ amount('item_tax') }} as item_tax_amount,
        {{ amount('shipping_price') }} as shipping_price_amount,
        {{ amount('shipping_tax') }} as shipping_tax_amount,
        {{ amount('gift_wrap_price') }} as gift_wrap_price_amount,
        {{ amount('gift_wrap_tax') }} as gift_wrap_tax_amount,
        {{ amount('item_promotion_discount') }} as item_promotion_discount_amount,
        {{ amount('ship_promotion_discount') }} as ship_promotion_discount_amount,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
where {{ is_dated_by_as_of('purchase_date') }}
