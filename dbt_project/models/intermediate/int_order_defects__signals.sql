with downloads as (

    select * from {{ ref('stg_amazon_seller__order_defects') }}

),

feedback as (

    select * from {{ ref('stg_amazon_seller__seller_feedback') }}

),

returns as (

    select * from {{ ref('stg_amazon_seller__mfn_returns') }} where has_a_to_z_claim

),

-- Only the transaction type tells a claim from the fees ShippingChargeback and GiftwrapChargeback.
settlements as (

    select
        *,
        case
            when transaction_type like 'A_TO_Z%' then 'A_TO_Z_CLAIM'
            when transaction_type like 'CHARGEBACK%' then 'CHARGEBACK'
        end as component
    from {{ ref('stg_amazon_seller__settlements') }}

),

signals as (

    select
        account_id,
        amazon_order_id,
        'NEGATIVE_FEEDBACK' as component,
        negative_feedback_outcome as outcome,
        feedback_rating,
        order_date,
        fulfillment_channel,
        'order_defects' as source
    from downloads
    union all
    select
        account_id,
        amazon_order_id,
        'A_TO_Z_CLAIM' as component,
        a_to_z_outcome as outcome,
        null as feedback_rating,
        order_date,
        fulfillment_channel,
        'order_defects' as source
    from downloads
    union all
    select
        account_id,
        amazon_order_id,
        'CHARGEBACK' as component,
        chargeback_outcome as outcome,
        null as feedback_rating,
        order_date,
        fulfillment_channel,
        'order_defects' as source
    from downloads
    union all
    select
        account_id,
        amazon_order_id,
        'NEGATIVE_FEEDBACK' as component,
        case when rating <= 2 then 'COUNTS' when rating = 3 then 'NEUTRAL' else 'POSITIVE' end as outcome,
        rating as feedback_rating,
        null as order_date,
        null as fulfillment_channel,
        'seller_feedback' as source
    from feedback
    union all
    select
        account_id,
        amazon_order_id,
        'A_TO_Z_CLAIM' as component,
        'UNDECIDED' as outcome,
        null as feedback_rating,
        null as order_date,
        null as fulfillment_channel,
        'mfn_returns' as source
    from returns
    union all
    select
        account_id,
        amazon_order_id,
        component,
        'UNDECIDED' as outcome,
        null as feedback_rating,
        null as order_date,
        null as fulfillment_channel,
        'settlements' as source
    from settlements
    where component is not null

)

select distinct
    account_id,
    amazon_order_id,
    component,
    outcome,
    feedback_rating,
    order_date,
    fulfillment_channel,
    source
from signals
where outcome <> 'NONE' and amazon_order_id is not null
