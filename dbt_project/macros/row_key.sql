{#- Several columns as one text that no other values make: each value behind its length, null as a dash. -#}
{% macro row_key(columns) -%}
    {%- for column in columns -%}
        coalesce(length(cast({{ column }} as varchar)) || ':' || cast({{ column }} as varchar), '-'){{ " || '|' || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
