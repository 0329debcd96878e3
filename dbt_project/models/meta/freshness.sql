with coverage as (

    select * from {{ ref('stg_pipeline__coverage') }} where is_held and {{ is_dated_by_as_of('event_date') }}

),

loads as (

    select * from {{ ref('stg_pipeline__loads') }}

),

report_types as (

    select * from {{ source('pipeline_settings', 'report_types') }}

),

accounts as (

    select * from {{ source('pipeline_settings', 'accounts') }}

),

-- A document that was refused and dropped again after a setting was corrected counts by its latest verdict.
verdicts as (

    select
        *,
        row_number() over (partition by account_id, report, document_id order by loaded_at desc, verdict asc) as place
    from loads

),

held as (

    select
        account_id,
        report,
        min(event_date) as first_date,
        max(event_date) as data_through_date,
        max(retrieved_at) as last_retrieved_at
    from coverage
    group by account_id, report

),

-- Answered days: held from a document, or requested, with rows or without.
answered_days as (

    select account_id, report, event_date as calendar_date from coverage
    union
    select verdicts.account_id, verdicts.report, calendar.calendar_date
    from verdicts
    inner join {{ ref('dim_calendar') }} as calendar
        on calendar.calendar_date between verdicts.window_start and verdicts.window_end
    where
        verdicts.place = 1
        and verdicts.verdict <> 'QUARANTINED'
        and verdicts.source = 'sp_api'
        and {{ is_dated_by_as_of('calendar.calendar_date') }}

),

answered as (

    select
        account_id,
        report,
        min(calendar_date) as first_answered_date,
        max(calendar_date) as last_answered_date,
        count(*) as answered_days
    from answered_days
    where calendar_date is not null
    group by account_id, report

),

refusals as (

    select
        *,
        row_number() over (partition by account_id, report order by retrieved_at desc, document_id asc) as newest
    from verdicts
    where place = 1 and verdict = 'QUARANTINED' and report <> ''

),

refused as (

    select
        account_id,
        report,
        retrieved_at as last_refused_at,
        reason as last_refusal
    from refusals
    where newest = 1

),

reports as (

    select account_id, report from held
    union
    select account_id, report from answered
    union
    select account_id, report from refused

),

measured as (

    select
        reports.account_id,
        reports.report,
        held.first_date,
        held.data_through_date,
        held.last_retrieved_at,
        report_types.reaches_back,
        refused.last_refused_at,
        refused.last_refusal,
        held.account_id is not null as is_held,
        report_types.comes_by_days or (accounts.source = 'sp_api' and report_types.reaches_back = 'EIGHTEEN_MONTHS') as has_days,
        {{ day_count('answered.first_answered_date', 'answered.last_answered_date') }} - answered.answered_days as unanswered_days,
        case when accounts.source = 'sp_api' and report_types.reaches_back = 'EIGHTEEN_MONTHS' then true end as has_history,
        {{ dbt.dateadd('month', -18, as_of_date()) }} as limit_date,
        answered.first_answered_date
    from reports
    left join held on reports.account_id = held.account_id and reports.report = held.report
    left join answered on reports.account_id = answered.account_id and reports.report = answered.report
    left join refused on reports.account_id = refused.account_id and reports.report = refused.report
    left join report_types on reports.report = report_types.report
    left join accounts on reports.account_id = accounts.account_id

),

late as (

    select
        *,
        {{ dbt.datediff('limit_date', 'first_answered_date', 'day') }} as days_late
    from measured

),

-- Up to six days after the limit are not a gap: nobody knows how many days Amazon's 18 months have, so five are left out, and the account's day is
-- not the UTC day.
judged as (

    select
        *,
        cast(case when has_days then unanswered_days end as integer) as missing_days,
        cast(case when has_history then case when days_late > 6 then days_late else 0 end end as integer) as missing_history_days
    from late

)

select
    account_id,
    report,
    first_date,
    data_through_date,
    last_retrieved_at,
    missing_days,
    reaches_back,
    missing_history_days,
    last_refused_at,
    last_refusal,
    is_held
    and coalesce(missing_days, 0) = 0
    and coalesce(missing_history_days, 0) = 0
    and (last_refused_at is null or last_refused_at < last_retrieved_at) as is_complete
from judged
