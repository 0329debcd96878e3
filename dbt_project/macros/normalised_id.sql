{#- An id in the form in which reports are compared: lower case, without surrounding blanks; null if empty. -#}
{% macro normalised_id(column) -%}
    nullif(lower(trim({{ column }})), '')
{%- endmacro %}
