with published as (

    select rate_date, currency_code, units_per_euro
    from {{ source('pipeline_settings', 'exchange_rates') }}
    where {{ is_dated_by_as_of('rate_date') }} and {{ is_known_by('rate_date') }}
    union all
    select distinct rate_date, 'EUR' as currency_code, cast(1 as decimal(18, 8)) as units_per_euro
    from {{ source('pipeline_settings', 'exchange_rates') }}
    where {{ is_dated_by_as_of('rate_date') }} and {{ is_known_by('rate_date') }}

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
    calendar_date,
    currency_code,
    rate_date,
    units_per_euro
from dated
where next_rate_date is null or calendar_date < next_rate_date
