{% test never_null(model, columns) %}
{#- Rows without a value that every row of the model has. A constraint would do the same and stop the whole build for one row. -#}
select * from {{ model }}
where {% for column in columns %}{{ column }} is null{{ ' or ' if not loop.last }}{% endfor %}
{% endtest %}
