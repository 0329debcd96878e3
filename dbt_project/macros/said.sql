{#- An id as two reports may both say it: without regard to capitals and to blanks around it; null where nothing is left. -#}
{% macro said(column) -%}
    nullif(lower(trim({{ column }})), '')
{%- endmacro %}
