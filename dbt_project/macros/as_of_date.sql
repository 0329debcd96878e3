{#-
Two questions of time, each answered once, in staging.
What had happened by the day of the build (as_of_date): is_dated_by_as_of, unless_after_as_of. Two reports keep later rows in staging, the ledger
and the reimbursements: the ledger states today's open balance, and only a later find or payout shows that a loss was still open on the day.
They are matched over all time, and the results are cut afterwards.
What was known by the time of the build (as_known_at): is_known, is_known_by.
-#}

{#-
as_of_date or as_known_at, as text: the variable, else the environment of the build. dbt parses every model again after a variable
changed; the environment is read when a model runs, so the next day's build parses nothing.
-#}
{% macro time_of_build(name) -%}
    {{- return(var(name) or (env_var('SELLER_WAREHOUSE_BUILD_' ~ name | upper, '') if execute else '')) -}}
{%- endmacro %}

{#- "Today" for every status and deadline. -#}
{% macro as_of_date() -%}
    cast(nullif('{{ time_of_build("as_of_date") }}', '') as date)
{%- endmacro %}

{#- Whether a row happened by the day of the build; one without a date always has. -#}
{% macro is_dated_by_as_of(date_column) -%}
    coalesce({{ date_column }} <= {{ as_of_date() }}, true)
{%- endmacro %}

{#- A value that a row has had since a date; null if the date is after the day of the build, since the earlier value is unknown. -#}
{% macro unless_after_as_of(value, date_column, otherwise='null') -%}
    case when coalesce({{ date_column }} > {{ as_of_date() }}, false) then {{ otherwise }} else {{ value }} end
{%- endmacro %}

{#- Whether a row of raw was current at the time of knowledge of the build. -#}
{% macro is_known() -%}
    {%- set known_at = time_of_build('as_known_at') -%}
    {%- if known_at -%}
        _valid_from <= cast('{{ known_at }}' as timestamp) and coalesce(_valid_to > cast('{{ known_at }}' as timestamp), true)
    {%- else -%}
        _valid_to is null
    {%- endif -%}
{%- endmacro %}

{#- Whether a fact received at a time (UTC) was known at the time of knowledge of the build. -#}
{% macro is_known_by(moment) -%}
    {%- set known_at = time_of_build('as_known_at') -%}
    {%- if known_at -%} {{ moment }} <= cast('{{ known_at }}' as timestamp) {%- else -%} true {%- endif -%}
{%- endmacro %}
