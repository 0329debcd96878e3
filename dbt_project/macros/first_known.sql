{#- Aggregate over int_products__attributes: an attribute from the most trusted source that has it, latest first.
Values reported by the day of the build come before later ones, which still describe the product. -#}
{% macro first_known(attribute) -%}
    {{ return(adapter.dispatch('first_known')(attribute)) }}
{%- endmacro %}

{% macro duckdb__first_known(attribute) -%}
    first(
        {{ attribute }}
        order by priority, case when cast(said_at as date) > {{ as_of_date() }} then said_at end asc nulls first, said_at desc, {{ attribute }}
    ) filter (where {{ attribute }} is not null)
{%- endmacro %}
