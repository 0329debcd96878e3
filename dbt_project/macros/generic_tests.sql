{#- dbt's own test with whole rows instead of counts, so that a reported row can be found. -#}
{% macro default__test_relationships(model, column_name, to, field) %}
select * from {{ model }}
where {{ column_name }} is not null and {{ column_name }} not in (select {{ field }} from {{ to }})
{% endmacro %}

{#- Values as a list in SQL; numbers as they are. -#}
{% macro literals(values) -%}
    {%- for value in values -%}
        {{ value if value is number else "'" ~ value ~ "'" }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
