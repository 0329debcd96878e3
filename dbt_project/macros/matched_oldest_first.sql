{#-
Common table expressions that match supplies to demands within a pool, each unit once and the oldest demand first: <name> with demand_id, supply_id
and units.

demands: pool_id, demand_id, demand_date, place (order within a day), units. supplies: pool_id, supply_id, supply_date, units; supply_place orders
them within a day. Row ids break remaining ties.
A supply serves demands of its own day and of up to max_age_days before; null means any age. Units are whole and positive.

A pointer moves along the demands of the pool (macro walked): each supply starts where the last one ended, skips demands that are too old, and cannot
pass what was demanded by its day.
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
        {%- if max_age_days is not none %}
        coalesce(
            max(case when totals.demand_date < {{ dbt.dateadd('day', '-' ~ max_age_days, 'supplies.supply_date') }} then totals.upto end), 0
        ) as outdated,
        {%- endif %}
        coalesce(max(case when totals.demand_date <= supplies.supply_date then totals.upto end), 0) as demanded
    from {{ supplies }} as supplies
    -- Most pools have no demand: without them the rest is quick.
    inner join {{ name }}_totals as totals on supplies.pool_id = totals.pool_id
    where supplies.units > 0
    group by
        supplies.pool_id, supplies.supply_id, supplies.units, supplies.supply_date
        {%- if supply_place != 'supply_id' %}, supplies.{{ supply_place }}{% endif %}

),

{{ walked(
    name, name ~ '_supplies', key='pool_id', step='units', ceiling='demanded', floor=none if max_age_days is none else 'outdated'
) }},

{{ name }} as (

    select
        demands.demand_id,
        walk.supply_id,
        cast(least(demands.upto, walk.walked_upto) - greatest(demands.upto - demands.units, walk.walked_from) as integer) as units
    from {{ name }}_walk as walk
    inner join {{ name }}_demands as demands
        on
            walk.pool_id = demands.pool_id
            and demands.upto > walk.walked_from
            and demands.upto - demands.units < walk.walked_upto

)
{%- endmacro %}
