{#- Of a group of int_products__attributes: an attribute by the most believed source that has it, the latest first. -#}
{% macro first_known(attribute) -%}
    {{ return(adapter.dispatch('first_known')(attribute)) }}
{%- endmacro %}

{% macro duckdb__first_known(attribute) -%}
    first({{ attribute }} order by priority, said_at desc, {{ attribute }}) filter (where {{ attribute }} is not null)
{%- endmacro %}
