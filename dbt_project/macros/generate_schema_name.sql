{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- Schemas are named as the contract names them, without the target's own name in front. -#}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
