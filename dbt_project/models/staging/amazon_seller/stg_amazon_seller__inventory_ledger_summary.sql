with source as (

    select * from {{ source('amazon_seller', 'inventory_ledger_summary') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as ledger_summary_row_id,
        {{ text_value('msku') }} as seller_sku,
        {{ text_value('fnsku') }} as fnsku,
        {{ text_value('asin') }} as asin,
        {{ text_value('location') }} as location_code,

        -- dates (raw keeps a month as YYYY-MM; a month is dated by its first day)
        {{ printed_date("date || '-01'") }} as period_date,
        length(date) = 7 as is_month,

        -- statuses
        {{ upper_snake('disposition') }} as disposition,
        {{ text_value('title') }} as product_name,

        -- measures
        {{ whole_number('starting_warehouse_balance') }} as starting_units,
        {{ whole_number('receipts') }} as received_units,
        {{ whole_number('customer_shipments') }} as shipped_units,
        {{ whole_number('customer_returns') }} as returned_units,
        {{ whole_number('vendor_returns') }} as removed_units,
        {{ whole_number('warehouse_transfer_in_out') }} as transferred_units,
        {{ whole_number('found') }} as found_units,
        {{ whole_number('lost') }} as lost_units,
        {{ whole_number('damaged') }} as damaged_units,
        {{ whole_number('disposed') }} as disposed_units,
        {{ whole_number('other_events') }} as other_units,
        {{ whole_number('unknown_events') }} as unknown_units,
        {{ whole_number('ending_warehouse_balance') }} as ending_units,
        {{ whole_number('in_transit_between_warehouses') }} as in_transit_units,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
where {{ is_dated_by_as_of('period_date') }}
