with source as (

    select * from {{ source('amazon_seller', 'reimbursements') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as reimbursement_line_id,
        {{ text_value('reimbursement_id') }} as reimbursement_id,
        {{ text_value('case_id') }} as case_id,
        {{ text_value('amazon_order_id') }} as amazon_order_id,
        {{ text_value('original_reimbursement_id') }} as original_reimbursement_id,
        {{ text_value('sku') }} as seller_sku,
        {{ text_value('fnsku') }} as fnsku,
        {{ text_value('asin') }} as asin,

        -- dates
        {{ utc_timestamp('approval_date') }} as approval_at,
        {{ printed_date('approval_date') }} as approval_date,

        -- statuses
        {{ text_value('reason') }} as reason_code,
        {{ text_value('original_reimbursement_type') }} as original_reimbursement_type,
        {{ text_value('product_name') }} as product_name,
        {{ text_value('condition') }} as condition,
        {{ code_value('currency_code') }} as currency_code,

        -- measures
        {{ amount('amount_per_unit') }} as amount_per_unit,
        {{ amount('amount_total') }} as cash_amount,
        {{ whole_number('quantity_reimbursed_cash') }} as cash_units,
        {{ whole_number('quantity_reimbursed_inventory') }} as inventory_units,
        {{ whole_number('quantity_reimbursed_total') }} as total_units,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
