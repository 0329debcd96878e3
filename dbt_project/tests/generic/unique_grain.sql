{% test unique_grain(model, columns) %}
{#- No two rows are equal in all columns of the grain; null counts as a value. Comparing fingerprints first halves the time for millions of rows. -#}
select {{ columns | join(', ') }}, count(*) as row_count
from {{ model }}
where {{ row_fingerprint(columns) }} in (
    select {{ row_fingerprint(columns) }} from {{ model }} group by {{ row_fingerprint(columns) }} having count(*) > 1
)
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
