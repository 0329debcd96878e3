with downloads as (

    select * from {{ ref('stg_amazon_seller__order_defects') }} where order_date <= {{ as_of_date() }}

),

feedback as (

    select * from {{ ref('stg_amazon_seller__seller_feedback') }} where feedback_date <= {{ as_of_date() }}

),

returns as (

    select * from {{ ref('stg_amazon_seller__mfn_returns') }} where has_a_to_z_claim and return_request_date <= {{ as_of_date() }}

),

orders as (

    select * from {{ ref('int_order_defects__orders') }}

),

-- Only the transaction type distinguishes a claim from the fees ShippingChargeback and GiftwrapChargeback.
settlements as (

    select
        *,
        case
            when transaction_type like 'A_TO_Z%' then 'A_TO_Z_CLAIM'
            when transaction_type like 'CHARGEBACK%' then 'CHARGEBACK'
        end as component
    from {{ ref('stg_amazon_seller__settlements') }}
    where posted_date <= {{ as_of_date() }}

),

-- The buyer's money, without Amazon's fees: if negative, Amazon took it from the seller.
charged as (

    select
        account_id,
        amazon_order_id,
        component,
        max(case when fulfillment_channel in ('AFN', 'MFN') then fulfillment_channel end) as fulfillment_channel,
        sum(case when amount_type = 'ITEM_FEES' then 0 else line_amount end) as net_amount,
        max(case when amount_type = 'ITEM_FEES' then 0 else line_amount end) as highest_amount
    from settlements
    where component is not null
    group by account_id, amazon_order_id, component, currency_code

),

-- Amazon answers claims for the orders that it fulfils, so money taken for one does not show that the seller was at fault.
settled as (

    select
        charged.account_id,
        charged.amazon_order_id,
        charged.component,
        case
            when charged.component <> 'A_TO_Z_CLAIM' then 'UNDECIDED'
            when charged.net_amount >= 0 and charged.highest_amount > 0 then 'REPAID'
            when charged.net_amount < 0 and coalesce(orders.fulfillment_channel, charged.fulfillment_channel) = 'MFN' then 'GRANTED'
            else 'UNDECIDED'
        end as outcome
    from charged
    left join orders on charged.account_id = orders.account_id and charged.amazon_order_id = orders.amazon_order_id

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
        outcome,
        null as feedback_rating,
        null as order_date,
        null as fulfillment_channel,
        'settlements' as source
    from settled

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
