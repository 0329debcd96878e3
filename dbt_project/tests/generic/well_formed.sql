{% test well_formed(model, unique=[], never_null=[], accepted={}) %}
{#-
Rows without a required value, with an unknown code, or with a key that occurs more than once; the column ``broken`` names the rule and its columns.
Null counts as a value of a key, but a row whose key is null altogether has none.

All rules of a model are one test, which reads it once: a test costs dbt more than its query, and a view is computed again for each. A constraint
would stop the whole build for one row.
-#}
{%- set faults = [] -%}
{%- for column in never_null -%}
    {%- do faults.append((column ~ ' is null', 'never_null ' ~ column)) -%}
{%- endfor -%}
{%- for column, codes in accepted.items() -%}
    {%- do faults.append(('coalesce(' ~ column ~ ' not in (' ~ literals(codes) ~ '), false)', 'accepted ' ~ column)) -%}
{%- endfor -%}
select * from (
    select
        *,
        case
            {%- for condition, broken in faults %}
            when {{ condition }} then '{{ broken }}'
            {%- endfor %}
            {%- if unique %}
            when rows_of_key > 1 and not ({{ unique | join(' is null and ') }} is null) then 'unique {{ unique | join(", ") }}'
            {%- endif %}
        end as broken
    from {% if unique %}(
        select *, count(*) over (partition by {{ unique | join(', ') }}) as rows_of_key
        from {{ model }}
        where {{ row_fingerprint(unique) }} in (
            select {{ row_fingerprint(unique) }} from {{ model }}
            group by {{ row_fingerprint(unique) }}
            having count(*) > 1 or max(case when {{ faults | map('first') | join(' or ') or 'false' }} then 1 else 0 end) = 1
        )
    ) as candidates {%- else %}{{ model }}{% endif %}
) as judged
where broken is not null
{% endtest %}
