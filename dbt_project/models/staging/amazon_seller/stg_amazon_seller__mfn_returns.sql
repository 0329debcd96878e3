with source as (

    select * from {{ source('amazon_seller', 'mfn_returns') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ text_value('_marketplace_id') }} as marketplace_id,
        {{ row_id() }} as mfn_return_row_id,
        {{ text_value('order_id') }} as amazon_order_id,
        {{ text_value('amazon_rma_id') }} as amazon_rma_id,
        {{ text_value('merchant_rma_id') }} as merchant_rma_id,
        {{ text_value('tracking_id') }} as tracking_id,
        {{ text_value('invoice_number') }} as invoice_number,
        {{ text_value('safe_t_claim_id') }} as safe_t_claim_id,
        {{ text_value('merchant_sku') }} as seller_sku,
        {{ text_value('asin') }} as asin,

        -- dates
        {{ printed_date('order_date') }} as order_date,
        {{ printed_date('return_request_date') }} as return_request_date,
        {{ unless_after_as_of(printed_date('return_delivery_date'), printed_date('return_delivery_date')) }} as return_delivery_date,
        {{ text_value('safe_t_claim_creation_time') }} as safe_t_claim_creation_time_as_sent,

        -- statuses
        {{ upper_snake('return_request_status') }} as return_request_status,
        {{ flag('a_to_z_claim') }} as has_a_to_z_claim,
        {{ flag('is_prime') }} as is_prime,
        {{ flag('in_policy') }} as is_in_policy,
        {{ text_value('return_reason') }} as reason_code,
        {{ upper_snake('return_type') }} as return_type,
        {{ upper_snake('resolution') }} as resolution,
        {{ upper_snake('label_type') }} as label_type,
        {{ upper_snake('label_to_be_paid_by') }} as label_paid_by,
        {{ text_value('return_carrier') }} as return_carrier,
        {{ text_value('safe_t_action_reason') }} as safe_t_action_reason,
        {{ upper_snake('safe_t_claim_state') }} as safe_t_claim_state,
        {{ text_value('item_name') }} as product_name,
        {{ text_value('category') }} as category,
        {{ code_value('currency_code') }} as currency_code,

        -- measures
        {{ whole_number('return_quantity') }} as return_units,
        {{ whole_number('order_quantity') }} as order_units,
        {{ amount('label_cost') }} as label_cost_amount,
        {{ amount('order_amount') }} as order_amount,
        {{ amount('refunded_amount') }} as refunded_amount,
        {{ amount('safe_t_claim_reimbursement_amount') }} as safe_t_reimbursement_amount,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
where {{ is_dated_by_as_of('return_request_date') }}
