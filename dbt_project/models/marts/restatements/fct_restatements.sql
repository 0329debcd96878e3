with changes as (

    select * from {{ ref('int_restatements__row_changes') }}

)

select
    account_id,
    report,
    event_date,
    seen_at,
    was_seen_whole,
    currency_code,
    cast(sum(case when is_added then 1 else 0 end) as integer) as rows_added,
    cast(sum(case when is_added then 0 else 1 end) as integer) as rows_removed,
    cast(sum(case when is_added then coalesce(units, 0) else -coalesce(units, 0) end) as integer) as units_change,
    cast(sum(case when is_added then coalesce(cash_amount, 0) else -coalesce(cash_amount, 0) end) as decimal(18, 4)) as cash_amount_change
from changes
where {{ is_dated_by_as_of('event_date') }} and {{ is_dated_by_as_of('cast(seen_at as date)') }}
group by account_id, report, event_date, seen_at, was_seen_whole, currency_code
