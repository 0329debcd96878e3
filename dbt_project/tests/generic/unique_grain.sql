{% test unique_grain(model, columns) %}
{#- No two rows agree in all columns of the grain; null counts as a value like any other. -#}
select {{ columns | join(', ') }}, count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
