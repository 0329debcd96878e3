with source as (

    select * from {{ source('amazon_seller', 'seller_performance') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as seller_performance_row_id,
        {{ text_value('marketplace_id') }} as marketplace_id,
        {{ upper_snake('fulfillment_channel') }} as fulfillment_channel,

        -- dates
        cast(_valid_from as date) as snapshot_date,
        {{ printed_date('reporting_date_from') }} as window_start_date,
        {{ printed_date('reporting_date_to') }} as window_end_date,

        -- statuses
        {{ upper_snake('account_status') }} as account_status,
        {{ upper_snake('account_health_status') }} as account_health_status,
        {{ upper_snake('status') }} as order_defect_rate_status,
        {{ upper_snake('order_with_defects_status') }} as defective_order_status,
        {{ upper_snake('claims_status') }} as a_to_z_status,
        {{ upper_snake('chargebacks_status') }} as chargeback_status,
        {{ upper_snake('negative_feedback_status') }} as negative_feedback_status,
        {{ upper_snake('target_condition') }} as target_condition,
        {{ upper_snake('late_shipment_status') }} as late_shipment_status,
        {{ upper_snake('pre_fulfillment_cancellation_status') }} as pre_fulfillment_cancellation_status,
        {{ upper_snake('on_time_delivery_status') }} as on_time_delivery_status,
        {{ upper_snake('valid_tracking_status') }} as valid_tracking_status,
        {{ upper_snake('invoice_defect_status') }} as invoice_defect_status,
        {{ text_value('fulfillment_type') }} as fulfillment_type_as_sent,

        -- measures
        {{ whole_number('order_count') }} as order_count,
        {{ whole_number('order_with_defects_count') }} as defective_order_count,
        {{ whole_number('claims_count') }} as a_to_z_order_count,
        {{ whole_number('chargebacks_count') }} as chargeback_order_count,
        {{ whole_number('negative_feedback_count') }} as negative_feedback_order_count,
        cast({{ text_value('rate') }} as decimal(9, 6)) as order_defect_rate,
        cast({{ text_value('target_value') }} as decimal(9, 6)) as target_rate,
        cast({{ text_value('late_shipment_rate') }} as decimal(9, 6)) as late_shipment_rate,
        cast({{ text_value('pre_fulfillment_cancellation_rate') }} as decimal(9, 6)) as pre_fulfillment_cancellation_rate,
        cast({{ text_value('on_time_delivery_rate') }} as decimal(9, 6)) as on_time_delivery_rate,
        cast({{ text_value('valid_tracking_rate') }} as decimal(9, 6)) as valid_tracking_rate,
        cast({{ text_value('invoice_defect_rate') }} as decimal(9, 6)) as invoice_defect_rate,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
where {{ is_dated_by_as_of('snapshot_date') }}
