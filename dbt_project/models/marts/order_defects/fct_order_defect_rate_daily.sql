{%- set last_order_date = dbt.dateadd('day', -var('odr_lag_days'), as_of_date()) -%}
{%- set window -%}
    partition by account_id, marketplace_id, fulfillment_channel
    order by order_date range between interval '{{ var('odr_window_days') - 1 }}' day preceding and current row
{%- endset -%}

with orders as (

    select * from {{ ref('int_order_defects__orders') }} where exclusion_reason is null or exclusion_reason = 'ORDER_CANCELLED'

),

defects as (

    select * from {{ ref('fct_order_defects') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

marketplaces as (

    select * from {{ ref('marketplaces') }}

),

calendar as (

    select * from {{ ref('dim_calendar') }}

),

performance as (

    select * from {{ ref('stg_amazon_seller__seller_performance') }}

),

-- A cancelled order is in both numbers of a rate or in neither: in both if its defect counts, in those of the worst case if it may count.
counted_orders as (

    select
        orders.account_id,
        orders.marketplace_id,
        orders.fulfillment_channel,
        orders.order_date,
        case when orders.exclusion_reason is null or defects.counts_toward_odr then 1 else 0 end as order_count,
        1 as worst_case_order_count,
        case when defects.counts_toward_odr then 1 else 0 end as defective_order_count,
        case when defects.counts_toward_odr or defects.is_undecided then 1 else 0 end as worst_case_defective_order_count,
        case when defects.has_negative_feedback then 1 else 0 end as negative_feedback_order_count,
        case when defects.has_a_to_z_claim then 1 else 0 end as a_to_z_order_count,
        case when defects.has_chargeback then 1 else 0 end as chargeback_order_count
    from orders
    left join defects on orders.account_id = defects.account_id and orders.amazon_order_id = defects.amazon_order_id
    where
        orders.order_date <= {{ last_order_date }}
        and (orders.exclusion_reason is null or defects.counts_toward_odr or defects.is_undecided)

),

fulfillment_channels as (

    select 'AFN' as fulfillment_channel
    union all
    select 'MFN' as fulfillment_channel

),

channels as (

    select accounts.account_id, marketplaces.marketplace_id, fulfillment_channels.fulfillment_channel
    from accounts
    inner join marketplaces on ',' || accounts.marketplace_ids || ',' like '%,' || marketplaces.marketplace_id || ',%'
    cross join fulfillment_channels
    union
    select account_id, marketplace_id, fulfillment_channel from counted_orders

),

first_days as (

    select account_id, min(order_date) as order_date
    from counted_orders
    group by account_id

),

days_without_orders as (

    select
        channels.account_id,
        channels.marketplace_id,
        channels.fulfillment_channel,
        calendar.calendar_date as order_date,
        0 as order_count,
        0 as worst_case_order_count,
        0 as defective_order_count,
        0 as worst_case_defective_order_count,
        0 as negative_feedback_order_count,
        0 as a_to_z_order_count,
        0 as chargeback_order_count
    from channels
    inner join first_days on channels.account_id = first_days.account_id
    inner join calendar on calendar.calendar_date between first_days.order_date and {{ last_order_date }}

),

days as (

    select
        account_id,
        marketplace_id,
        fulfillment_channel,
        order_date,
        sum(order_count) as order_count,
        sum(worst_case_order_count) as worst_case_order_count,
        sum(defective_order_count) as defective_order_count,
        sum(worst_case_defective_order_count) as worst_case_defective_order_count,
        sum(negative_feedback_order_count) as negative_feedback_order_count,
        sum(a_to_z_order_count) as a_to_z_order_count,
        sum(chargeback_order_count) as chargeback_order_count
    from (
        select * from counted_orders
        union all
        select * from days_without_orders
    ) as all_days
    group by account_id, marketplace_id, fulfillment_channel, order_date

),

windows as (

    select
        account_id,
        marketplace_id,
        fulfillment_channel,
        cast({{ dbt.dateadd('day', var('odr_lag_days'), 'order_date') }} as date) as report_date,
        cast({{ dbt.dateadd('day', 1 - var('odr_window_days'), 'order_date') }} as date) as window_start_date,
        order_date as window_end_date,
        cast(sum(order_count) over ({{ window }}) as integer) as order_count,
        cast(sum(worst_case_order_count) over ({{ window }}) as integer) as worst_case_order_count,
        cast(sum(defective_order_count) over ({{ window }}) as integer) as defective_order_count,
        cast(sum(worst_case_defective_order_count) over ({{ window }}) as integer) as worst_case_defective_order_count,
        cast(sum(negative_feedback_order_count) over ({{ window }}) as integer) as negative_feedback_order_count,
        cast(sum(a_to_z_order_count) over ({{ window }}) as integer) as a_to_z_order_count,
        cast(sum(chargeback_order_count) over ({{ window }}) as integer) as chargeback_order_count
    from days

),

rates as (

    select
        *,
        cast(1.0 * defective_order_count / nullif(order_count, 0) as decimal(9, 6)) as order_defect_rate,
        cast(1.0 * worst_case_defective_order_count / nullif(worst_case_order_count, 0) as decimal(9, 6)) as worst_case_rate,
        case
            when order_count = 0 then 'NONE'
            when defective_order_count >= order_count * {{ var('odr_target_rate') }} then 'BAD'
            when defective_order_count >= order_count * {{ var('odr_at_risk_rate') }} then 'AT_RISK'
            else 'GOOD'
        end as rate_status,
        cast(greatest(ceil(order_count * {{ var('odr_target_rate') }}) - 1 - defective_order_count, 0) as integer) as defects_until_target
    from windows

),

snapshots as (

    select
        *,
        row_number() over (
            partition by account_id, marketplace_id, fulfillment_channel, snapshot_date
            order by known_since_at desc, seller_performance_row_id asc
        ) as place
    from performance

),

-- Amazon's figure holds until the next snapshot.
carried as (

    select
        *,
        lead(snapshot_date) over (partition by account_id, marketplace_id, fulfillment_channel order by snapshot_date) as next_snapshot_date
    from snapshots
    where place = 1

),

-- Different windows are different sets of orders: their figures cannot be compared.
compared as (

    select
        rates.*,
        carried.snapshot_date as amazon_snapshot_date,
        {{ dbt.datediff('carried.snapshot_date', 'rates.report_date', 'day') }}
            as amazon_snapshot_age_days,
        carried.window_start_date as amazon_window_start_date,
        carried.window_end_date as amazon_window_end_date,
        carried.order_count as amazon_order_count,
        carried.defective_order_count as amazon_defective_order_count,
        carried.order_defect_rate as amazon_rate,
        case
            when carried.snapshot_date is null then 'NO_SNAPSHOT'
            when carried.window_start_date = rates.window_start_date and carried.window_end_date = rates.window_end_date then 'SAME_WINDOW'
            else 'OTHER_WINDOW'
        end as amazon_comparison,
        carried.negative_feedback_order_count as amazon_negative_feedback_order_count,
        carried.a_to_z_order_count as amazon_a_to_z_order_count,
        carried.chargeback_order_count as amazon_chargeback_order_count
    from rates
    left join carried
        on
            rates.account_id = carried.account_id
            and rates.marketplace_id = carried.marketplace_id
            and rates.fulfillment_channel = carried.fulfillment_channel
            and rates.report_date >= carried.snapshot_date
            and (carried.next_snapshot_date is null or rates.report_date < carried.next_snapshot_date)

)

select
    account_id,
    marketplace_id,
    fulfillment_channel,
    report_date,
    window_start_date,
    window_end_date,
    order_count,
    defective_order_count,
    negative_feedback_order_count,
    a_to_z_order_count,
    chargeback_order_count,
    order_defect_rate,
    worst_case_order_count,
    worst_case_defective_order_count,
    worst_case_rate,
    cast({{ var('odr_target_rate') }} as decimal(9, 6)) as target_rate,
    rate_status,
    defects_until_target,
    amazon_order_count,
    amazon_defective_order_count,
    amazon_rate,
    amazon_snapshot_date,
    cast(amazon_snapshot_age_days as integer) as amazon_snapshot_age_days,
    amazon_window_start_date,
    amazon_window_end_date,
    amazon_comparison,
    case when amazon_comparison = 'SAME_WINDOW' then cast(order_defect_rate - amazon_rate as decimal(9, 6)) end as rate_difference,
    case when amazon_comparison = 'SAME_WINDOW' then order_count - amazon_order_count end as order_count_difference,
    case when amazon_comparison = 'SAME_WINDOW' then defective_order_count - amazon_defective_order_count end as defective_order_difference,
    case
        when amazon_comparison = 'SAME_WINDOW' then negative_feedback_order_count - amazon_negative_feedback_order_count
    end as negative_feedback_difference,
    case when amazon_comparison = 'SAME_WINDOW' then a_to_z_order_count - amazon_a_to_z_order_count end as a_to_z_difference,
    case when amazon_comparison = 'SAME_WINDOW' then chargeback_order_count - amazon_chargeback_order_count end as chargeback_difference
from compared
