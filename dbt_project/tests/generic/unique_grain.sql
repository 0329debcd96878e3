{% test unique_grain(model, columns) %}
{#- No two rows are equal in all columns of the grain; null counts as a value. -#}
select {{ columns | join(', ') }}, count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
