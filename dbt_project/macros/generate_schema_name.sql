{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- Schemas have the names of the contract, without the target's name as a prefix. -#}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
