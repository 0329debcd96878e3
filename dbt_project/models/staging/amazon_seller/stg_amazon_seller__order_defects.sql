with source as (

    select * from {{ source('amazon_seller', 'order_defects') }} where {{ is_known() }}

),

renamed as (

    select
        -- ids
        account_id,
        {{ row_id() }} as order_defect_row_id,
        {{ text_value('order_id') }} as amazon_order_id,

        -- dates
        {{ printed_date('order_date') }} as order_date,

        -- statuses
        case
            when
                {{ upper_snake('fulfilled_by') }} in (
                    'AMAZON', 'AFN', 'FBA', 'FULFILLED_BY_AMAZON', 'FULFILLMENT_BY_AMAZON', 'FULFILMENT_BY_AMAZON', 'AMAZON_FULFILLED'
                )
                then 'AFN'
            when
                {{ upper_snake('fulfilled_by') }} in (
                    'MERCHANT', 'SELLER', 'MFN', 'FBM', 'FULFILLED_BY_MERCHANT', 'FULFILLED_BY_SELLER', 'MERCHANT_FULFILLED',
                    'SELLER_FULFILLED', 'SELF'
                )
                then 'MFN'
        end as fulfillment_channel,
        case
            when nullif(negative_feedback, '') is null or upper(negative_feedback) in ('NONE', 'N/A', '-') then 'NONE'
            when {{ flag('negative_feedback') }} or {{ upper_snake('negative_feedback') }} in ('2', '1_STAR', '2_STARS') then 'COUNTS'
            when not {{ flag('negative_feedback') }} then 'NONE'
            when {{ upper_snake('negative_feedback') }} in ('3', '3_STARS') then 'NEUTRAL'
            when {{ upper_snake('negative_feedback') }} in ('4', '5', '4_STARS', '5_STARS') then 'POSITIVE'
            else coalesce({{ upper_snake('negative_feedback') }}, 'UNRECOGNISED')
        end as negative_feedback_outcome,
        case
            when nullif(a_to_z_guarantee_claim, '') is null or upper(a_to_z_guarantee_claim) in ('NONE', 'N/A', '-') then 'NONE'
            when {{ flag('a_to_z_guarantee_claim') }} then 'COUNTS'
            when not {{ flag('a_to_z_guarantee_claim') }} then 'NONE'
            when {{ upper_snake('a_to_z_guarantee_claim') }} = 'CANCELED' then 'CANCELLED'
            else coalesce({{ upper_snake('a_to_z_guarantee_claim') }}, 'UNRECOGNISED')
        end as a_to_z_outcome,
        case
            when nullif(chargeback_claim, '') is null or upper(chargeback_claim) in ('NONE', 'N/A', '-') then 'NONE'
            when {{ flag('chargeback_claim') }} then 'COUNTS'
            when not {{ flag('chargeback_claim') }} then 'NONE'
            else coalesce({{ upper_snake('chargeback_claim') }}, 'UNRECOGNISED')
        end as chargeback_outcome,

        -- measures
        case
            when {{ upper_snake('negative_feedback') }} in ('1', '2', '3', '4', '5', '1_STAR', '2_STARS', '3_STARS', '4_STARS', '5_STARS')
                then cast(left({{ upper_snake('negative_feedback') }}, 1) as integer)
        end as feedback_rating,

        -- load metadata
        _document_id as document_id,
        _valid_from as known_since_at
    from source

)

select * from renamed
where {{ is_dated_by_as_of('order_date') }}
