with source as (

    select * from {{ source('amazon_seller', 'sourcing_costs') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as sourcing_cost_row_id,
        {{ text_value('seller_sku') }} as seller_sku,
        {{ text_value('fnsku') }} as fnsku,

        -- dates
        {{ printed_date('effective_from') }} as effective_from_date,

        -- statuses
        coalesce({{ upper_snake('origin') }}, 'SELLER') as cost_origin,
        {{ code_value('currency') }} as currency_code,

        -- measures
        {{ amount('sourcing_cost') }} as sourcing_cost_amount,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
where {{ is_dated_by_as_of('effective_from_date') }}
