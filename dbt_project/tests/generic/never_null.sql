{% test never_null(model, columns) %}
{#- Rows with a missing required value. A constraint would stop the whole build for one row. -#}
select * from {{ model }}
where {% for column in columns %}{{ column }} is null{{ ' or ' if not loop.last }}{% endfor %}
{% endtest %}
