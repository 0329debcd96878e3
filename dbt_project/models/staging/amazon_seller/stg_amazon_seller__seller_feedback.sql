with source as (

    select * from {{ source('amazon_seller', 'seller_feedback') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ text_value('_marketplace_id') }} as marketplace_id,
        {{ row_id() }} as feedback_row_id,
        {{ text_value('order_id') }} as amazon_order_id,

        -- dates
        {{ printed_date('date') }} as feedback_date,

        -- measures
        {{ whole_number('rating') }} as rating,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
where {{ is_dated_by_as_of('feedback_date') }}
