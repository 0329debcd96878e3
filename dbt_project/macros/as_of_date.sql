{#- "Today" for every status and deadline, as the run was given it. -#}
{% macro as_of_date() -%}
    cast(nullif('{{ var("as_of_date") }}', '') as date)
{%- endmacro %}
