{#-
An amount in another currency, rounded to its minor unit (currency_minor_units), half away from zero; null if it exceeds decimal(18, 4).
Both rates are units per euro, and below ten million.
-#}
{% macro converted_amount(amount, from_rate, to_rate, minor_units='2') -%}
    {{ return(adapter.dispatch('converted_amount')(amount, from_rate, to_rate, minor_units)) }}
{%- endmacro %}

{#- DuckDB divides decimals as floats, which lose half cents; whole numbers are exact. -#}
{% macro duckdb__converted_amount(amount, from_rate, to_rate, minor_units) -%}
    {%- set numerator = "abs(" ~ whole(amount, 10000) ~ ") * " ~ whole(to_rate, 100000000) ~ " * " ~ power_of_ten(minor_units) -%}
    {%- set denominator = whole(from_rate, 100000000) ~ " * 10000" -%}
    {%- set rounded = "((2 * " ~ numerator ~ " + " ~ denominator ~ ") // (2 * " ~ denominator ~ "))" -%}
    {{ of_ten_thousandths("sign(" ~ amount ~ ") * " ~ rounded ~ " * " ~ power_of_ten("4 - (" ~ minor_units ~ ")")) }}
{%- endmacro %}

{#- A decimal as a whole number of its smallest parts; the wide type leaves room for the product. -#}
{% macro whole(value, parts) -%}
    cast(cast({{ value }} as decimal(38, 8)) * {{ parts }} as hugeint)
{%- endmacro %}

{% macro power_of_ten(exponent) -%}
    cast(power(10, {{ exponent }}) as hugeint)
{%- endmacro %}

{#- An amount from whole ten-thousandths; null if it exceeds decimal(18, 4). -#}
{% macro of_ten_thousandths(number) -%}
    cast(try_cast({{ number }} as decimal(18, 0)) * cast(0.0001 as decimal(4, 4)) as decimal(18, 4))
{%- endmacro %}
