with coverage as (

    select * from {{ source('pipeline', 'coverage') }} where is_held

),

loads as (

    select * from {{ source('pipeline', 'loads') }}

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
        max(retrieved_at) as last_retrieved_at,
        count(distinct case when unit = cast(event_date as varchar) then event_date end) as held_days,
        count(case when unit = cast(event_date as varchar) then 1 end) = count(*) as is_daily
    from coverage
    group by account_id, report

),

refused as (

    select
        account_id,
        report,
        max(retrieved_at) as last_refused_at
    from verdicts
    where place = 1 and verdict = 'QUARANTINED' and report <> ''
    group by account_id, report

),

reports as (

    select account_id, report from held
    union
    select account_id, report from refused

)

select
    reports.account_id,
    reports.report,
    held.first_date,
    held.data_through_date,
    held.last_retrieved_at,
    cast(case when held.is_daily then {{ day_count('held.first_date', 'held.data_through_date') }} - held.held_days end as integer) as missing_days,
    refused.last_refused_at,
    held.account_id is not null
    and (not held.is_daily or {{ day_count('held.first_date', 'held.data_through_date') }} = held.held_days)
    and (refused.last_refused_at is null or refused.last_refused_at < held.last_retrieved_at) as is_complete
from reports
left join held on reports.account_id = held.account_id and reports.report = held.report
left join refused on reports.account_id = refused.account_id and reports.report = refused.report
