{#- Parts of sentences that people read. -#}

{#- A count and its noun: 1 unit, 2 units. -#}
{% macro counted_text(count, noun) -%}
    cast({{ count }} as {{ dbt.type_string() }}) || ' {{ noun }}' || case when {{ count }} = 1 then '' else 's' end
{%- endmacro %}

{#- A rate such as 0.0075 as 0.75%. -#}
{% macro percent_text(rate) -%}
    cast(cast({{ rate }} * 100 as decimal(9, 2)) as {{ dbt.type_string() }}) || '%'
{%- endmacro %}

{#- An amount of decimal(18, 4) with its currency: cents, and fractions of a cent where there are some. -#}
{% macro worth_text(amount, currency_code) -%}
    coalesce({{ grouped_digits(amount) }} || ' ' || {{ currency_code }}, 'of unknown value')
{%- endmacro %}

{% macro grouped_digits(amount) -%}
    {{ return(adapter.dispatch('grouped_digits')(amount)) }}
{%- endmacro %}

{#- Of whole numbers and text alone, since format() makes a float of a decimal. -#}
{% macro duckdb__grouped_digits(amount) -%}
    case when {{ amount }} < 0 then '-' else '' end || format('{:,}', cast(floor(abs({{ amount }})) as bigint)) || '.'
    || regexp_replace(split_part(cast({{ amount }} as varchar), '.', 2), '00$', '')
{%- endmacro %}
