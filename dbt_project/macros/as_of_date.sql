{#-
Two questions of time, and where each is answered once: staging.
What had happened by the day of the build (as_of_date): is_dated_by_as_of, unless_after_as_of. Two reports keep their later rows in staging, the ledger
and the reimbursements: the ledger states the open balance of now, and only a find or payout of later can say that a loss was still open on the day.
They are matched over all time, and what is made of them is cut afterwards.
What was known by the time of the build (as_known_at): is_known, is_known_by.
-#}

{#-
as_of_date or as_known_at, as text: the variable, else what the build was given in its environment. dbt parses every model anew where a variable
changed; the environment is read when a model runs, so that the next day's build parses nothing.
-#}
{% macro time_of_build(name) -%}
    {{- return(var(name) or (env_var('SELLER_WAREHOUSE_BUILD_' ~ name | upper, '') if execute else '')) -}}
{%- endmacro %}

{#- "Today" for every status and deadline, as the run was given it. -#}
{% macro as_of_date() -%}
    cast(nullif('{{ time_of_build("as_of_date") }}', '') as date)
{%- endmacro %}

{#- Whether a row happened by the day of the build; one without a date always has. -#}
{% macro is_dated_by_as_of(date_column) -%}
    coalesce({{ date_column }} <= {{ as_of_date() }}, true)
{%- endmacro %}

{#- A value that a row has since a date; where the date is after the day of the build the row did not have it yet, and what it had is not known. -#}
{% macro unless_after_as_of(value, date_column, otherwise='null') -%}
    case when coalesce({{ date_column }} > {{ as_of_date() }}, false) then {{ otherwise }} else {{ value }} end
{%- endmacro %}

{#- Whether a row of raw was true, as far as was known at the time of the build. -#}
{% macro is_known() -%}
    {%- set known_at = time_of_build('as_known_at') -%}
    {%- if known_at -%}
        _valid_from <= cast('{{ known_at }}' as timestamp) and coalesce(_valid_to > cast('{{ known_at }}' as timestamp), true)
    {%- else -%}
        _valid_to is null
    {%- endif -%}
{%- endmacro %}

{#- Whether what was learned at a moment (UTC) was known at the time of the build. -#}
{% macro is_known_by(moment) -%}
    {%- set known_at = time_of_build('as_known_at') -%}
    {%- if known_at -%} {{ moment }} <= cast('{{ known_at }}' as timestamp) {%- else -%} true {%- endif -%}
{%- endmacro %}
