{#- The share of an amount for the units from first_unit to before last_unit; the shares of all units add up to the amount. -#}
{% macro amount_of_units(amount, first_unit, last_unit, all_units) -%}
    {{ return(adapter.dispatch('amount_of_units')(amount, first_unit, last_unit, all_units)) }}
{%- endmacro %}

{#- In whole ten-thousandths: a division of decimals would be a float. -#}
{% macro duckdb__amount_of_units(amount, first_unit, last_unit, all_units) -%}
    {%- set all_of_it = whole(amount, 10000) -%}
    {{ of_ten_thousandths(
        all_of_it ~ " * (" ~ last_unit ~ ") // (" ~ all_units ~ ") - " ~ all_of_it ~ " * (" ~ first_unit ~ ") // (" ~ all_units ~ ")"
    ) }}
{%- endmacro %}

{#- An amount times a number, which may be a fraction; null if the result exceeds decimal(18, 4). -#}
{% macro amount_times(amount, factor) -%}
    {{ return(adapter.dispatch('amount_times')(amount, factor)) }}
{%- endmacro %}

{% macro duckdb__amount_times(amount, factor) -%}
    try_cast(cast({{ amount }} as decimal(38, 4)) * ({{ factor }}) as decimal(18, 4))
{%- endmacro %}

{#- The number of units that an amount pays for, if a unit counts as paid from a percentage of its price on. -#}
{% macro units_paid_in_full(amount, price_of_all, units, percent) -%}
    {{ return(adapter.dispatch('units_paid_in_full')(amount, price_of_all, units, percent)) }}
{%- endmacro %}

{% macro duckdb__units_paid_in_full(amount, price_of_all, units, percent) -%}
    {%- set price = whole(price_of_all, 10000) -%}
    {%- set paid = "(" ~ whole(amount, 10000) ~ " * " ~ units ~ " * 100 + " ~ price ~ " * (100 - " ~ percent ~ ")) // (" ~ price ~ " * 100)" -%}
    cast(case when {{ paid }} > 2147483647 then 2147483647 else {{ paid }} end as integer)
{%- endmacro %}

{#- The median over a group of an amount per unit; for an even number of rows the lower one, so that the amount was really paid. -#}
{% macro median_amount(amount, units) -%}
    {{ return(adapter.dispatch('median_amount')(amount, units)) }}
{%- endmacro %}

{% macro duckdb__median_amount(amount, units) -%}
    quantile_disc({{ amount_of_units(amount, '0', '1', units) }}, 0.5)
{%- endmacro %}

{#- The units of a relation, or of its rows that meet a condition, for each value of a column. -#}
{% macro units_by(column, relation, condition='true') -%}
    (select {{ column }}, sum(units) as units from {{ relation }} where {{ condition }} group by {{ column }})
{%- endmacro %}

{#- The units of one measure of int_defects__changes. -#}
{% macro units_of(measure) -%}
    cast(sum(case when changes.measure = '{{ measure }}' then changes.units else 0 end) as integer)
{%- endmacro %}

{#- Units of rows of one payout_kind, CASH or INVENTORY. -#}
{% macro units_of_kind(kind, units) -%}
    case payout_kind when '{{ kind }}' then {{ units }} else 0 end
{%- endmacro %}

{#- In the select list of a query: its row once for each number from 1 to a whole number. -#}
{% macro each_number_upto(last) -%}
    {{ return(adapter.dispatch('each_number_upto')(last)) }}
{%- endmacro %}

{% macro duckdb__each_number_upto(last) -%}
    cast(unnest(generate_series(1, {{ last }})) as integer)
{%- endmacro %}
