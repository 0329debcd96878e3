{#- Of a group of int_products__attributes: an attribute by the most believed source that has it, the latest first.
What was said by the day of the build comes before what was said later: that describes the product, but is no newer than the marts may be. -#}
{% macro first_known(attribute) -%}
    {{ return(adapter.dispatch('first_known')(attribute)) }}
{%- endmacro %}

{% macro duckdb__first_known(attribute) -%}
    first(
        {{ attribute }}
        order by priority, case when cast(said_at as date) > {{ as_of_date() }} then said_at end asc nulls first, said_at desc, {{ attribute }}
    ) filter (where {{ attribute }} is not null)
{%- endmacro %}
