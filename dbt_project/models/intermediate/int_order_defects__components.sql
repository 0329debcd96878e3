with signals as (

    select * from {{ ref('int_order_defects__signals') }}

),

orders as (

    select * from {{ ref('int_order_defects__orders') }}

),

rules as (

    select * from {{ ref('order_defect_rules') }}

),

coverage as (

    select * from {{ ref('stg_pipeline__coverage') }} where is_held

),

downloaded_days as (

    select account_id, event_date, max(retrieved_at) as retrieved_at
    from coverage
    where report = 'order_defects'
    group by account_id, event_date

),

downloaded_feedback as (

    select distinct signals.account_id, signals.amazon_order_id, signals.order_date, orders.marketplace_id, downloaded_days.retrieved_at
    from signals
    inner join orders on signals.account_id = orders.account_id and signals.amazon_order_id = orders.amazon_order_id
    inner join downloaded_days on signals.account_id = downloaded_days.account_id and signals.order_date = downloaded_days.event_date
    where signals.component = 'NEGATIVE_FEEDBACK' and signals.source = 'order_defects'

),

-- The feedback report has no order dates: it takes precedence over the download once it was requested again for every day on which the feedback
-- that the download names can have been left.
overtaken as (

    select downloaded_feedback.account_id, downloaded_feedback.amazon_order_id
    from downloaded_feedback
    inner join coverage
        on
            downloaded_feedback.account_id = coverage.account_id
            and coverage.report = 'seller_feedback'
            and downloaded_feedback.marketplace_id || '|' || cast(coverage.event_date as varchar) = coverage.unit
            and coverage.event_date between downloaded_feedback.order_date and cast(downloaded_feedback.retrieved_at as date)
            and downloaded_feedback.retrieved_at <= coverage.retrieved_at
    group by downloaded_feedback.account_id, downloaded_feedback.amazon_order_id, downloaded_feedback.order_date, downloaded_feedback.retrieved_at
    having count(*) = {{ day_count('downloaded_feedback.order_date', 'cast(downloaded_feedback.retrieved_at as date)') }}

),

-- An outcome in the download takes precedence over other reports; feedback in it that is missing from a newer feedback report was removed.
weighed as (

    select
        signals.account_id,
        signals.amazon_order_id,
        signals.component,
        signals.feedback_rating,
        case when overtaken.amazon_order_id is not null then 'REMOVED' else signals.outcome end as outcome,
        case
            when overtaken.amazon_order_id is not null or signals.outcome = 'UNDECIDED' then 3
            when signals.source = 'order_defects' then 1
            else 2
        end as belief
    from signals
    left join overtaken
        on
            signals.account_id = overtaken.account_id
            and signals.amazon_order_id = overtaken.amazon_order_id
            and signals.component = 'NEGATIVE_FEEDBACK'
            and signals.source = 'order_defects'

),

judged as (

    select
        weighed.*,
        coalesce(rules.counts, false) as counts,
        coalesce(rules.counts_at_worst, true) as counts_at_worst
    from weighed
    left join rules on weighed.component = rules.component and weighed.outcome = rules.outcome

),

ranked as (

    select
        *,
        row_number() over (
            partition by account_id, amazon_order_id, component
            order by belief asc, counts desc, counts_at_worst desc, outcome asc, feedback_rating asc
        ) as place
    from judged

)

select
    account_id,
    amazon_order_id,
    component,
    outcome,
    feedback_rating,
    counts,
    counts_at_worst
from ranked
where place = 1
