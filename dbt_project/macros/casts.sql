{#- Raw text to typed values. Raw has dates in ISO 8601 and amounts with a decimal point; blank is null, never 0. -#}

{% macro text_value(column) -%}
    nullif({{ column }}, '')
{%- endmacro %}

{#- The address of a picture for a page; null unless it is https: any other scheme shows others what is looked at, or runs something. -#}
{% macro https_address(column) -%}
    case when lower({{ column }}) like 'https://_%' and {{ column }} not like '% %' then {{ column }} end
{%- endmacro %}

{#- A code that is compared exactly, such as a country or a currency: spreadsheets and people change capitals and add blanks. -#}
{% macro code_value(column) -%}
    nullif(upper(trim({{ column }})), '')
{%- endmacro %}

{% macro whole_number(column) -%}
    cast(nullif({{ column }}, '') as integer)
{%- endmacro %}

{% macro amount(column) -%}
    cast(nullif({{ column }}, '') as decimal(18, 4))
{%- endmacro %}

{#- The calendar day as printed, in the report's time zone. -#}
{% macro printed_date(column) -%}
    cast(substr(nullif({{ column }}, ''), 1, 10) as date)
{%- endmacro %}

{#- The time in UTC; text without an offset is UTC. -#}
{% macro utc_timestamp(column) -%}
    {{ return(adapter.dispatch('utc_timestamp')(column)) }}
{%- endmacro %}

{#- The session's time zone is UTC (profiles.yml), so the second cast drops the zone and moves nothing. -#}
{% macro duckdb__utc_timestamp(column) -%}
    cast(cast(nullif({{ column }}, '') as timestamptz) as timestamp)
{%- endmacro %}

{#- The day of that time in UTC. -#}
{% macro utc_date(column) -%}
    cast({{ utc_timestamp(column) }} as date)
{%- endmacro %}

{#- A code in UPPER_SNAKE: CustomerReturns, "Customer returns" and customer_returns are one. -#}
{% macro upper_snake(column) -%}
    {{ return(adapter.dispatch('upper_snake')(column)) }}
{%- endmacro %}

{% macro duckdb__upper_snake(column) -%}
    nullif(upper(trim(regexp_replace(regexp_replace({{ column }}, '([a-z0-9])([A-Z])', '\1_\2', 'g'), '[^\p{L}\p{N}]+', '_', 'g'), '_')), '')
{%- endmacro %}

{#- Y, Yes, true and 1 are true; N, No, false and 0 are false; anything else is unknown. -#}
{% macro flag(column) -%}
    case
        when lower(trim({{ column }})) in ('y', 'yes', 'true', '1') then true
        when lower(trim({{ column }})) in ('n', 'no', 'false', '0') then false
    end
{%- endmacro %}

{#- The identity of a row of raw; equal rows of one scope (a day, a key) are distinguished by their number. -#}
{% macro row_id() -%}
    md5({{ row_key(['account_id', '_unit', '_row_hash', '_occurrence']) }})
{%- endmacro %}

{#- A code without case, blanks and punctuation: Lost_Warehouse, Lost:Warehouse and lost_warehouse are one. -#}
{% macro code_key(column) -%}
    {{ return(adapter.dispatch('code_key')(column)) }}
{%- endmacro %}

{% macro duckdb__code_key(column) -%}
    upper(regexp_replace({{ column }}, '[^\p{L}\p{N}]', '', 'g'))
{%- endmacro %}

{#- The first of a comma-separated list. -#}
{% macro first_of_list(column) -%}
    {{ dbt.split_part(column, "','", 1) }}
{%- endmacro %}

{#- dbt casts the rows of unit tests with this macro: a blank date or number of a seed becomes null there, as in the seed's table. -#}
{% macro duckdb__safe_cast(field, type) -%}
    cast({{ 'null' if field == "''" and 'char' not in type | lower else field }} as {{ type }})
{%- endmacro %}
