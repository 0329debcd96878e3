{#-
Common table expressions that match supplies to demands within a pool, each unit once and the oldest demand first: <name> with demand_id, supply_id
and units. The statement must begin with "with recursive".

demands: pool_id, demand_id, demand_date, place (order within a day), units. supplies: pool_id, supply_id, supply_date, units; supply_place orders
them within a day. Row ids break remaining ties.
A supply serves demands of its own day and of up to max_age_days before; null means any age. Units are whole and positive.

A pointer moves along the demands of the pool: each supply starts where the last one ended, skips demands that are too old, and cannot
pass what was demanded by its day. Each supply's pointer depends on the one before, hence the recursion.
-#}
{% macro matched_oldest_first(name, demands, supplies, max_age_days=none, supply_place='supply_id') %}
{{ name }}_demands as (

    select
        *,
        sum(units) over (partition by pool_id order by demand_date, place, demand_id rows unbounded preceding) as upto
    from {{ demands }}
    where units > 0

),

{{ name }}_totals as (

    select pool_id, demand_date, max(upto) as upto from {{ name }}_demands group by pool_id, demand_date

),

{{ name }}_supplies as (

    select
        supplies.pool_id,
        supplies.supply_id,
        supplies.units,
        row_number() over (
            partition by supplies.pool_id order by supplies.supply_date, supplies.{{ supply_place }}, supplies.supply_id
        ) as place,
        coalesce(max(case when totals.demand_date <= supplies.supply_date then totals.upto end), 0) as demanded,
        {% if max_age_days is none -%}
        0 as outdated
        {%- else -%}
        coalesce(
            max(case when totals.demand_date < {{ dbt.dateadd('day', '-' ~ max_age_days, 'supplies.supply_date') }} then totals.upto end), 0
        ) as outdated
        {%- endif %}
    from {{ supplies }} as supplies
    -- Most pools have no demand: without them the rest is quick.
    inner join {{ name }}_totals as totals on supplies.pool_id = totals.pool_id
    where supplies.units > 0
    group by
        supplies.pool_id, supplies.supply_id, supplies.units, supplies.supply_date
        {%- if supply_place != 'supply_id' %}, supplies.{{ supply_place }}{% endif %}

),

{{ name }}_served as (

    select pool_id, supply_id, place, outdated as served_from, least(demanded, outdated + units) as served_upto
    from {{ name }}_supplies
    where place = 1
    union all
    select
        following.pool_id,
        following.supply_id,
        following.place,
        greatest(served.served_upto, following.outdated) as served_from,
        greatest(
            served.served_upto, least(following.demanded, greatest(served.served_upto, following.outdated) + following.units)
        ) as served_upto
    from {{ name }}_served as served
    inner join {{ name }}_supplies as following on served.pool_id = following.pool_id and following.place = served.place + 1

),

{{ name }} as (

    select
        demands.demand_id,
        served.supply_id,
        cast(least(demands.upto, served.served_upto) - greatest(demands.upto - demands.units, served.served_from) as integer) as units
    from {{ name }}_served as served
    inner join {{ name }}_demands as demands
        on
            served.pool_id = demands.pool_id
            and demands.upto > served.served_from
            and demands.upto - demands.units < served.served_upto

)
{%- endmacro %}
