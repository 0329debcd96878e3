-- Amazon settles each marketplace separately, one settlement after the other, so days between two of them belong to a settlement that is not held.
-- A settlement that names no marketplace, or several, may hold lines of any.

with lines as (

    select * from {{ ref('stg_amazon_seller__settlements') }}

),

marketplaces as (

    select * from {{ ref('marketplaces') }}

),

settlements as (

    select
        lines.account_id,
        lines.settlement_id,
        lines.currency_code,
        min(coalesce(lines.settlement_start_at, lines.posted_at)) as start_at,
        max(coalesce(lines.settlement_end_at, lines.posted_at)) as end_at,
        case when count(distinct marketplaces.marketplace_id) = 1 then min(marketplaces.marketplace_id) end as marketplace_id
    from lines
    left join marketplaces on lower(lines.marketplace_name) = lower(marketplaces.sales_channel)
    group by lines.account_id, lines.settlement_id, lines.currency_code

),

named as (

    select distinct account_id, currency_code, marketplace_id from settlements where marketplace_id is not null

),

placed as (

    select account_id, currency_code, marketplace_id, start_at, end_at from settlements where marketplace_id is not null
    union all
    select settlements.account_id, settlements.currency_code, named.marketplace_id, settlements.start_at, settlements.end_at
    from settlements
    left join named on settlements.account_id = named.account_id and settlements.currency_code = named.currency_code
    where settlements.marketplace_id is null

),

followed as (

    select
        *,
        max(end_at) over (
            partition by account_id, currency_code, marketplace_id order by start_at, end_at rows between unbounded preceding and 1 preceding
        ) as held_until_at
    from placed

),

-- Some files give the days of a settlement without times, so that the next one begins a day later.
numbered as (

    select
        *,
        sum(case when start_at <= {{ dbt.dateadd('day', 1, 'held_until_at') }} then 0 else 1 end) over (
            partition by account_id, currency_code, marketplace_id order by start_at, end_at rows unbounded preceding
        ) as period_number
    from followed

),

-- A settlement that continues after the day of the build has no later lines here.
periods as (

    select
        account_id,
        currency_code,
        marketplace_id,
        cast(min(start_at) as date) as held_from_date,
        cast(max(end_at) as date) as end_date
    from numbered
    group by account_id, currency_code, marketplace_id, period_number

)

select
    account_id,
    currency_code,
    marketplace_id,
    held_from_date,
    {{ unless_after_as_of('end_date', 'end_date', as_of_date()) }} as held_through_date
from periods
