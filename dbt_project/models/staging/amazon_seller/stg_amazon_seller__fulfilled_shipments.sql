with source as (

    select * from {{ source('amazon_seller', 'fulfilled_shipments') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as fulfilled_shipment_row_id,
        {{ text_value('amazon_order_id') }} as amazon_order_id,
        {{ text_value('merchant_order_id') }} as merchant_order_id,
        {{ text_value('shipment_id') }} as shipment_id,
        {{ text_value('shipment_item_id') }} as shipment_item_id,
        {{ text_value('amazon_order_item_id') }} as amazon_order_item_id,
        {{ text_value('merchant_order_item_id') }} as merchant_order_item_id,
        {{ text_value('tracking_number') }} as tracking_number,
        {{ text_value('sku') }} as seller_sku,
        {{ text_value('fulfillment_center_id') }} as fulfillment_center_id,

        -- dates
        {{ utc_timestamp('purchase_date') }} as purchase_at,
        {{ printed_date('purchase_date') }} as purchase_date,
        {{ utc_timestamp('payments_date') }} as payments_at,
        {{ utc_timestamp('shipment_date') }} as shipment_at,
        {{ printed_date('shipment_date') }} as shipment_date,
        {{ utc_timestamp('reporting_date') }} as reporting_at,
        {{ utc_timestamp('estimated_arrival_date') }} as estimated_arrival_at,
        {{ printed_date('estimated_arrival_date') }} as estimated_arrival_date,

        -- statuses
        {{ upper_snake('fulfillment_channel') }} as fulfillment_channel,
        {{ text_value('sales_channel') }} as sales_channel,
        {{ text_value('carrier') }} as carrier,
        {{ text_value('ship_service_level') }} as ship_service_level,
        {{ code_value('ship_country') }} as ship_country_code,
        {{ text_value('product_name') }} as product_name,
        {{ code_value('currency') }} as currency_code,

        -- measures
        {{ whole_number('quantity_shipped') }} as shipped_units,
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
where {{ is_dated_by_as_of('shipment_date') }}
