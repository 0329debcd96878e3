with components as (

    select * from {{ ref('int_order_defects__components') }}

),

signals as (

    select * from {{ ref('int_order_defects__signals') }}

),

orders as (

    select * from {{ ref('int_order_defects__orders') }}

),

downloaded as (

    select account_id, amazon_order_id, min(order_date) as order_date, min(fulfillment_channel) as fulfillment_channel
    from signals
    where source = 'order_defects'
    group by account_id, amazon_order_id

),

-- An order with only positive feedback has no defect.
told as (

    select distinct account_id, amazon_order_id, source from signals where outcome <> 'POSITIVE'

),

order_sources as (

    select account_id, amazon_order_id, {{ dbt.listagg('source', "','", 'order by source') }} as defect_sources
    from told
    group by account_id, amazon_order_id

),

leading_components as (

    select
        *,
        row_number() over (partition by account_id, amazon_order_id order by counts desc, counts_at_worst desc, component asc) as place
    from components

),

defects as (

    select
        account_id,
        amazon_order_id,
        max(case when component = 'NEGATIVE_FEEDBACK' then outcome end) as negative_feedback_outcome,
        max(case when component = 'A_TO_Z_CLAIM' then outcome end) as a_to_z_outcome,
        max(case when component = 'CHARGEBACK' then outcome end) as chargeback_outcome,
        max(feedback_rating) as feedback_rating,
        max(case when component = 'NEGATIVE_FEEDBACK' and counts then 1 else 0 end) = 1 as has_negative_feedback,
        max(case when component = 'A_TO_Z_CLAIM' and counts then 1 else 0 end) = 1 as has_a_to_z_claim,
        max(case when component = 'CHARGEBACK' and counts then 1 else 0 end) = 1 as has_chargeback,
        max(case when counts or counts_at_worst then 1 else 0 end) = 1 as counts_at_worst,
        max(case when place = 1 then component || '_' || outcome end) as leading_outcome
    from leading_components
    group by account_id, amazon_order_id

),

-- A cancelled order is left out unless it has a complaint that counts or may count.
placed as (

    select
        defects.*,
        order_sources.defect_sources,
        coalesce(orders.order_date, downloaded.order_date) as order_date,
        coalesce(orders.fulfillment_channel, downloaded.fulfillment_channel) as fulfillment_channel,
        orders.marketplace_id,
        case
            when orders.amazon_order_id is null then 'ORDER_NOT_HELD'
            when orders.exclusion_reason <> 'ORDER_CANCELLED' or not defects.counts_at_worst then orders.exclusion_reason
        end as exclusion_reason,
        defects.has_negative_feedback or defects.has_a_to_z_claim or defects.has_chargeback as has_defect
    from defects
    inner join order_sources on defects.account_id = order_sources.account_id and defects.amazon_order_id = order_sources.amazon_order_id
    left join orders on defects.account_id = orders.account_id and defects.amazon_order_id = orders.amazon_order_id
    left join downloaded on defects.account_id = downloaded.account_id and defects.amazon_order_id = downloaded.amazon_order_id

)

select
    account_id,
    amazon_order_id,
    order_date,
    fulfillment_channel,
    marketplace_id,
    has_negative_feedback,
    has_a_to_z_claim,
    has_chargeback,
    negative_feedback_outcome,
    a_to_z_outcome,
    chargeback_outcome,
    feedback_rating,
    has_defect and exclusion_reason is null as counts_toward_odr,
    counts_at_worst and not has_defect and exclusion_reason is null as is_undecided,
    coalesce(exclusion_reason, leading_outcome) as status_reason,
    defect_sources
from placed
