{#- Parts of readable sentences. -#}

{#- A count and its noun: 1 unit, 2 units. -#}
{% macro counted_text(count, noun) -%}
    cast({{ count }} as {{ dbt.type_string() }}) || ' {{ noun }}' || case when {{ count }} = 1 then '' else 's' end
{%- endmacro %}

{#- A rate such as 0.0075 as 0.75%. -#}
{% macro percent_text(rate) -%}
    cast(cast({{ rate }} * 100 as decimal(9, 2)) as {{ dbt.type_string() }}) || '%'
{%- endmacro %}

{#- A decimal(18, 4) amount with its currency: cents, and fractions of a cent if there are any. -#}
{% macro worth_text(amount, currency_code) -%}
    coalesce({{ grouped_digits(amount) }} || ' ' || {{ currency_code }}, 'of unknown value')
{%- endmacro %}

{% macro grouped_digits(amount) -%}
    {{ return(adapter.dispatch('grouped_digits')(amount)) }}
{%- endmacro %}

{#- For whole numbers and text only: format() turns a decimal into a float. -#}
{% macro duckdb__grouped_digits(amount) -%}
    case when {{ amount }} < 0 then '-' else '' end || format('{:,}', cast(floor(abs({{ amount }})) as bigint)) || '.'
    || regexp_replace(split_part(cast({{ amount }} as varchar), '.', 2), '00$', '')
{%- endmacro %}
