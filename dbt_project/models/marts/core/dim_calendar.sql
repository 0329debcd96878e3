-- Fixed bounds: every build has the same days, enough for every report and deadline.

with days as (

    {{ days_between('2015-01-01', '2035-12-31') }}

)

select
    calendar_date,
    cast(extract(year from calendar_date) as integer) as year_number,
    cast(extract(quarter from calendar_date) as integer) as quarter_number,
    cast(extract(month from calendar_date) as integer) as month_number,
    cast(date_trunc('month', calendar_date) as date) as month_start_date,
    cast(date_trunc('week', calendar_date) as date) as week_start_date,
    cast(extract(isodow from calendar_date) as integer) as iso_day_of_week
from days
