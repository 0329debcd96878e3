{#- Several columns as one unique text (injective): each value is prefixed with its length, null is a dash. -#}
{% macro row_key(columns) -%}
    {%- for column in columns -%}
        coalesce(length(cast({{ column }} as varchar)) || ':' || cast({{ column }} as varchar), '-'){{ " || '|' || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
