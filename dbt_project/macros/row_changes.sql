{#-
What Amazon changed in one report after it was first seen: rows that were added later, and rows that were closed.
units, cash_amount and currency_code are SQL over the raw columns; null if the report has none. relation replaces
the raw table if a value has to be computed first. A row that another document of the same instant replaced was never known.
-#}
{% macro row_changes(report, units='null', cash_amount='null', currency_code='null', relation=none) %}
    {%- set table = relation or source('amazon_seller', report) %}
    select
        rows.account_id,
        '{{ report }}' as report,
        rows._event_date as event_date,
        rows.seen_at,
        coalesce(rows.seen_at > first_seen.first_whole_at, false) as was_seen_whole,
        {{ currency_code }} as currency_code,
        rows.is_added,
        cast({{ units }} as bigint) as units,
        cast({{ cash_amount }} as decimal(18, 4)) as cash_amount
    from (
        select *, _valid_from as seen_at, true as is_added from {{ table }}
        where coalesce(_valid_to > _valid_from, true) and {{ is_known_by('_valid_from') }}
        union all
        select *, _valid_to as seen_at, false as is_added from {{ table }}
        where _valid_to > _valid_from and {{ is_known_by('_valid_to') }}
    ) as rows
    inner join first_seen
        on
            rows.account_id = first_seen.account_id
            and rows._unit = first_seen.unit
            and first_seen.report = '{{ report }}'
            and rows.seen_at > first_seen.first_seen_at
{% endmacro %}
