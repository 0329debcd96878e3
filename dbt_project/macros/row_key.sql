{#- Several columns as one text, blank and null alike; the last one alone may be free text. -#}
{% macro row_key(columns) -%}
    {%- for column in columns -%}
        coalesce(cast({{ column }} as varchar), ''){{ " || '|' || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
