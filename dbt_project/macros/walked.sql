{#-
CTE <name>_walk: the rows of a table with the part of a line that each covers, from walked_from to walked_upto. A pointer moves along the line, for
each key from 0, row by row in the order of place: a row moves it up to its floor, if there is one, then by its step, but not beyond its ceiling.
Within a key neither floors nor ceilings fall, and no floor is above its ceiling. Steps are whole and positive.

Not every engine has recursion, and none is fast at it. Counted from the sum of the steps so far, a row leaves the pointer where it is unless its
floor moves it up or its ceiling down. So its end is the highest, over this row and all before, of the floor there or the lowest ceiling since,
whichever is lower; only rows at which the floor rises matter. With floors that is a self-join, without any only a window.
-#}
{% macro walked(name, rows, key, step, ceiling, floor=none) %}
{{ name }}_steps as (

    select
        *,
        {%- if floor is not none %}
        coalesce({{ floor }} > lag({{ floor }}) over (partition by {{ key }} order by place), true) as is_moved_up,
        {%- endif %}
        sum({{ step }}) over (partition by {{ key }} order by place rows unbounded preceding) as steps_upto
    from {{ rows }}

),

{% if floor is none -%}
{{ name }}_ends as (

    select
        *,
        steps_upto
        + least(0, min({{ ceiling }} - steps_upto) over (partition by {{ key }} order by place rows unbounded preceding)) as walked_upto
    from {{ name }}_steps

),
{%- else -%}
{{ name }}_starts as (

    select
        starts.{{ key }},
        steps.place,
        starts.{{ floor }} - (starts.steps_upto - starts.{{ step }}) as moved_up,
        min(steps.{{ ceiling }} - steps.steps_upto) over (
            partition by starts.{{ key }}, starts.place order by steps.place rows unbounded preceding
        ) as moved_down
    from {{ name }}_steps as starts
    inner join {{ name }}_steps as steps on starts.{{ key }} = steps.{{ key }} and starts.place <= steps.place
    where starts.is_moved_up

),

{{ name }}_moves as (

    select {{ key }}, place, max(least(moved_up, moved_down)) as moved
    from {{ name }}_starts
    group by {{ key }}, place

),

{{ name }}_ends as (

    select steps.*, steps.steps_upto + moves.moved as walked_upto
    from {{ name }}_steps as steps
    inner join {{ name }}_moves as moves on steps.{{ key }} = moves.{{ key }} and steps.place = moves.place

),
{%- endif %}

{{ name }}_walk as (

    select
        *,
        greatest(
            coalesce(lag(walked_upto) over (partition by {{ key }} order by place), 0), {{ floor or 0 }}
        ) as walked_from
    from {{ name }}_ends

)
{%- endmacro %}
