{#- An amount in another currency, to the cent, half a cent away from zero; both rates are units per euro. -#}
{% macro converted_amount(amount, from_rate, to_rate) -%}
    {{ return(adapter.dispatch('converted_amount')(amount, from_rate, to_rate)) }}
{%- endmacro %}

{#- DuckDB divides decimals as floats, which lose half cents; whole numbers are exact. -#}
{% macro duckdb__converted_amount(amount, from_rate, to_rate) -%}
    {%- set numerator = "abs(" ~ whole(amount, 10000) ~ ") * " ~ whole(to_rate, 100000000) -%}
    {%- set denominator = whole(from_rate, 100000000) ~ " * 10000" -%}
    cast(sign({{ amount }}) * ((200 * {{ numerator }} + {{ denominator }}) // (2 * {{ denominator }})) as decimal(16, 0))
    * cast(0.01 as decimal(2, 2))
{%- endmacro %}

{#- A decimal in whole parts of it; the wide type leaves room for the product. -#}
{% macro whole(value, parts) -%}
    cast(cast({{ value }} as decimal(38, 8)) * {{ parts }} as hugeint)
{%- endmacro %}
