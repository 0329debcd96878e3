{#- Several columns as one unique text (injective): each value is prefixed with its length, null is a dash. -#}
{% macro row_key(columns) -%}
    {%- for column in columns -%}
        coalesce(length(cast({{ column }} as varchar)) || ':' || cast({{ column }} as varchar), '-'){{ " || '|' || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- A short hash of a row: equal rows have the same one, different rows rarely do. -#}
{% macro row_fingerprint(columns) -%}
    {{ return(adapter.dispatch('row_fingerprint')(columns)) }}
{%- endmacro %}

{% macro default__row_fingerprint(columns) -%}
    {{ row_key(columns) }}
{%- endmacro %}

{% macro duckdb__row_fingerprint(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}
