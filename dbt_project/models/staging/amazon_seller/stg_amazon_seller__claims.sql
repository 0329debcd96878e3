with source as (

    select * from {{ source('amazon_seller', 'claims') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as claim_row_id,
        {{ text_value('case_id') }} as case_id,
        {{ text_value('order_id') }} as amazon_order_id,
        {{ text_value('seller_sku') }} as seller_sku,
        {{ text_value('fnsku') }} as fnsku,
        {{ text_value('transaction_id') }} as transaction_id,

        -- dates
        {{ printed_date('filed_date') }} as filed_date,
        {{ unless_after_as_of(printed_date('closed_date'), printed_date('closed_date')) }} as closed_date,

        -- statuses
        {{ unless_after_as_of(upper_snake('status'), printed_date('closed_date')) }} as claim_status,

        -- measures
        {{ whole_number('units') }} as claimed_units,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
where {{ is_dated_by_as_of('filed_date') }}
