with order_defect_rates as (

    select * from {{ ref('fct_order_defect_rate_daily') }}

),

claims_to_file as (

    select * from {{ ref('claims_to_file') }}

),

settlement_reconciliation as (

    select * from {{ ref('fct_settlement_reconciliation') }}

),

loads as (

    select * from {{ ref('stg_pipeline__loads') }}

),

freshness as (

    select * from {{ ref('freshness') }}

),

marketplaces as (

    select * from {{ ref('marketplaces') }}

),

accounts as (

    select * from {{ source('pipeline_settings', 'accounts') }}

),

report_types as (

    select * from {{ source('pipeline_settings', 'report_types') }}

),

-- Until a backfill is done, everything before the first day held looks unpaid or unknown.
unfinished_history as (

    select
        account_id,
        report,
        coalesce(first_date, cast('9999-12-31' as date)) as first_date
    from freshness
    where missing_history_days > 0

),

last_good_days as (

    select
        *,
        max(report_date) over () as last_report_date,
        coalesce(
            max(case when rate_status = 'GOOD' then report_date end) over (partition by account_id, marketplace_id, fulfillment_channel),
            cast('1970-01-01' as date)
        ) as last_good_date
    from order_defect_rates

),

-- An episode lasts until a day is GOOD. Past days are restated, so the day on which it began may change.
rate_episodes as (

    select
        *,
        min(case when report_date > last_good_date and rate_status in ('AT_RISK', 'BAD') then report_date end)
            over (partition by account_id, marketplace_id, fulfillment_channel)
            as episode_start_date
    from last_good_days

),

order_defect_rate_events as (

    select
        'ORDER_DEFECT_RATE' as kind,
        rates.account_id,
        coalesce(rates.marketplace_id, '') || '|' || coalesce(rates.fulfillment_channel, '') || '|' || rates.rate_status || '|'
        || cast(rates.report_date as {{ dbt.type_string() }}) as key_rest,
        coalesce(marketplaces.country_code, 'unknown marketplace') || ' ' || coalesce(rates.fulfillment_channel, 'unknown channel') || ': '
        || rates.rate_status || ', ' || {{ percent_text('rates.order_defect_rate') }} || ' ('
        || cast(rates.defective_order_count as {{ dbt.type_string() }}) || ' of ' || cast(rates.order_count as {{ dbt.type_string() }})
        || ' orders) on ' || cast(rates.report_date as {{ dbt.type_string() }}) || ', at worst ' || {{ percent_text('rates.worst_case_rate') }}
        || '; the target is below ' || {{ percent_text('rates.target_rate') }} || ', '
        || {{ counted_text('rates.defects_until_target', 'further defect') }} || ' may come' as message,
        cast(null as integer) as units,
        cast(null as decimal(18, 4)) as amount,
        cast(null as {{ dbt.type_string() }}) as currency_code,
        cast(null as date) as first_date,
        cast(null as date) as last_date,
        rates.episode_start_date,
        row_number() over (
            partition by rates.account_id
            order by coalesce(rates.marketplace_id, '~'), coalesce(rates.fulfillment_channel, '~')
        ) as place
    from rate_episodes as rates
    left join marketplaces on rates.marketplace_id = marketplaces.marketplace_id
    left join unfinished_history as unfinished
        on rates.account_id = unfinished.account_id and unfinished.report = 'orders' and rates.window_start_date < unfinished.first_date
    where
        rates.report_date = rates.last_report_date
        and rates.rate_status in ('AT_RISK', 'BAD')
        and unfinished.account_id is null

),

claim_events as (

    select
        'CLAIMS_CLOSING' as kind,
        claims.account_id,
        claims.defect_id as key_rest,
        'until ' || cast(claims.claim_deadline_date as {{ dbt.type_string() }}) || ': ' || {{ counted_text('claims.eligible_units', 'unit') }} || ', '
        || {{ worth_text('claims.estimated_recovery_amount', 'claims.currency_code') }} || ', ' || claims.defect_type || ' '
        || coalesce(claims.amazon_order_id, claims.transaction_id, claims.defect_id) as message,
        claims.eligible_units as units,
        claims.estimated_recovery_amount as amount,
        claims.currency_code,
        {{ add_days('claims.claim_deadline_date', '-' ~ var('alert_claim_days')) }} as first_date,
        claims.claim_deadline_date as last_date,
        cast(null as date) as episode_start_date,
        row_number() over (partition by claims.account_id order by claims.claim_deadline_date, claims.claim_rank, claims.defect_id) as place
    from claims_to_file as claims
    left join unfinished_history as unfinished
        on claims.account_id = unfinished.account_id and unfinished.report = 'reimbursements' and claims.defect_date < unfinished.first_date
    where claims.claim_deadline_date is not null and unfinished.account_id is null

),

last_answers as (

    select
        account_id,
        report,
        cast(max(retrieved_at) as date) as answered_date
    from loads
    where verdict <> 'QUARANTINED'
    group by account_id, report

),

-- Settlements come every two weeks, files every week, everything else is requested every day. Reports that only the seller has are never due.
promised_answers as (

    select
        last_answers.*,
        case
            when report_types.reaches_back = 'NINETY_DAYS' then 14
            when accounts.source = 'files' then 7
            else 1
        end as promised_days
    from last_answers
    inner join accounts on last_answers.account_id = accounts.account_id
    inner join report_types on last_answers.report = report_types.report
    where report_types.reaches_back <> 'FILES_ONLY'

),

stale_events as (

    select
        'DATA_STALE' as kind,
        promised.account_id,
        promised.report || '|' || cast(promised.answered_date as {{ dbt.type_string() }}) as key_rest,
        promised.report || ': last answer on ' || cast(promised.answered_date as {{ dbt.type_string() }}) || ', expected '
        || case
            when promised.promised_days = 1 then 'every day'
            else 'within ' || cast(promised.promised_days as {{ dbt.type_string() }}) || ' days'
        end
        || coalesce('; data through ' || cast(freshness.data_through_date as {{ dbt.type_string() }}), '') as message,
        cast(null as integer) as units,
        cast(null as decimal(18, 4)) as amount,
        cast(null as {{ dbt.type_string() }}) as currency_code,
        {{ add_days('promised.answered_date', 'promised.promised_days + 1 + ' ~ var('alert_late_days')) }} as first_date,
        cast(null as date) as last_date,
        cast(null as date) as episode_start_date,
        row_number() over (partition by promised.account_id order by promised.report) as place
    from promised_answers as promised
    left join freshness on promised.account_id = freshness.account_id and promised.report = freshness.report

),

-- Money that is neither matched nor in transit; the amounts are part of the key, so it is alerted again when one changes.
settlement_events as (

    select
        'SETTLEMENT_DIFFERENCE' as kind,
        months.account_id,
        substr(cast(months.month as {{ dbt.type_string() }}), 1, 7) || '|' || months.currency_code || '|'
        || cast(months.unexplained_reported_amount as {{ dbt.type_string() }}) || '|'
        || cast(months.unexplained_settled_amount as {{ dbt.type_string() }}) as key_rest,
        substr(cast(months.month as {{ dbt.type_string() }}), 1, 7) || ': '
        || {{ worth_text('months.unexplained_reported_amount', 'months.currency_code') }} || ' reported and posted to no settlement, '
        || {{ worth_text('months.unexplained_settled_amount', 'months.currency_code') }} || ' posted and in no report' as message,
        cast(null as integer) as units,
        cast(null as decimal(18, 4)) as amount,
        months.currency_code,
        cast(null as date) as first_date,
        cast(null as date) as last_date,
        cast(null as date) as episode_start_date,
        row_number() over (partition by months.account_id order by months.month desc, months.currency_code asc) as place
    from settlement_reconciliation as months
    left join unfinished_history as unfinished
        on months.account_id = unfinished.account_id and unfinished.report = 'reimbursements' and months.month < unfinished.first_date
    where
        (months.unexplained_reported_amount <> 0 or months.unexplained_settled_amount <> 0)
        and unfinished.account_id is null

),

events as (

    select * from order_defect_rate_events
    union all
    select * from claim_events
    union all
    select * from stale_events
    union all
    select * from settlement_events

)

select
    kind || '|' || account_id || '|' || key_rest as key,
    kind,
    account_id,
    message,
    units,
    amount,
    currency_code,
    first_date,
    last_date,
    episode_start_date,
    cast(place as integer) as place
from events
