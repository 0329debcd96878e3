with source as (

    select * from {{ source('amazon_seller', 'fba_inventory') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ text_value('_marketplace_id') }} as marketplace_id,
        {{ row_id() }} as inventory_row_id,
        {{ text_value('sku') }} as seller_sku,
        {{ text_value('fnsku') }} as fnsku,
        {{ text_value('asin') }} as asin,

        -- statuses
        {{ text_value('product_name') }} as product_name,
        {{ text_value('condition') }} as condition,
        {{ flag('mfn_listing_exists') }} as has_mfn_listing,
        {{ flag('afn_listing_exists') }} as has_afn_listing,
        {{ text_value('store') }} as store,

        -- measures
        {{ amount('your_price') }} as your_price,
        {{ amount('per_unit_volume') }} as volume_per_unit,
        {{ whole_number('mfn_fulfillable_quantity') }} as mfn_fulfillable_units,
        {{ whole_number('afn_warehouse_quantity') }} as warehouse_units,
        {{ whole_number('afn_fulfillable_quantity') }} as fulfillable_units,
        {{ whole_number('afn_fulfillable_quantity_local') }} as local_fulfillable_units,
        {{ whole_number('afn_fulfillable_quantity_remote') }} as remote_fulfillable_units,
        {{ whole_number('afn_unsellable_quantity') }} as unsellable_units,
        {{ whole_number('afn_reserved_quantity') }} as reserved_units,
        {{ whole_number('afn_total_quantity') }} as total_units,
        {{ whole_number('afn_inbound_working_quantity') }} as inbound_working_units,
        {{ whole_number('afn_inbound_shipped_quantity') }} as inbound_shipped_units,
        {{ whole_number('afn_inbound_receiving_quantity') }} as inbound_receiving_units,
        {{ whole_number('afn_researching_quantity') }} as researching_units,
        {{ whole_number('afn_reserved_future_supply') }} as reserved_future_supply_units,
        {{ whole_number('afn_future_supply_buyable') }} as buyable_future_supply_units,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
