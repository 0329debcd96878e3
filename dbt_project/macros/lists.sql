{#- The distinct values of a group, sorted and separated by commas. -#}
{% macro distinct_list(column) -%}
    {{ return(adapter.dispatch('distinct_list')(column)) }}
{%- endmacro %}

{% macro duckdb__distinct_list(column) -%}
    string_agg(distinct {{ column }}, ',' order by {{ column }})
{%- endmacro %}

{#- The value of a group's last row by a date. -#}
{% macro last_by(column, date_column) -%}
    {{ return(adapter.dispatch('last_by')(column, date_column)) }}
{%- endmacro %}

{% macro duckdb__last_by(column, date_column) -%}
    max_by({{ column }}, struct_pack(d := {{ date_column }}, c := {{ column }}))
{%- endmacro %}
