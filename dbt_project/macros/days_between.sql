{#- Every day from first to last, both included, as calendar_date. -#}
{% macro days_between(first, last) -%}
    {{ return(adapter.dispatch('days_between')(first, last)) }}
{%- endmacro %}

{% macro duckdb__days_between(first, last) -%}
    select cast(unnest(generate_series(timestamp '{{ first }}', timestamp '{{ last }}', interval 1 day)) as date) as calendar_date
{%- endmacro %}

{#- The number of days of a range, both ends included. -#}
{% macro day_count(first, last) -%}
    {{ dbt.datediff(first, last, 'day') }} + 1
{%- endmacro %}

{#- A date some days later, or earlier if days is negative. -#}
{% macro add_days(column, days) -%}
    cast({{ dbt.dateadd('day', days, column) }} as date)
{%- endmacro %}

{#- The same day of the month some months later, or the last day of that month. -#}
{% macro add_months(column, months) -%}
    cast({{ dbt.dateadd('month', months, column) }} as date)
{%- endmacro %}
