with published as (

    select rate_date, currency_code, units_per_euro
    from {{ source('pipeline_settings', 'exchange_rates') }}
    where {{ is_dated_by_as_of('rate_date') }} and {{ is_known_by('rate_date') }}
    union all
    select distinct rate_date, 'EUR' as currency_code, cast(1 as decimal(18, 8)) as units_per_euro
    from {{ source('pipeline_settings', 'exchange_rates') }}
    where {{ is_dated_by_as_of('rate_date') }} and {{ is_known_by('rate_date') }}

),

minor_units as (

    select * from {{ ref('currency_minor_units') }}

),

followed as (

    select
        *,
        lead(rate_date) over (partition by currency_code order by rate_date) as next_rate_date
    from published

),

ages as (

    {% for age in range(var('exchange_rate_max_age_days') + 1) -%}
        select {{ age }} as age_days {{ 'union all' if not loop.last }}
    {% endfor %}

),

dated as (

    select
        followed.*,
        cast({{ dbt.dateadd('day', 'ages.age_days', 'followed.rate_date') }} as date) as calendar_date
    from followed
    cross join ages

)

select
    dated.calendar_date,
    dated.currency_code,
    dated.rate_date,
    dated.units_per_euro,
    coalesce(minor_units.minor_units, 2) as minor_units
from dated
left join minor_units on dated.currency_code = minor_units.currency_code
where dated.next_rate_date is null or dated.calendar_date < dated.next_rate_date
