{#- The day on which a reimbursement counts in the books (variable accounting_date_basis); the day of approval until it is posted. -#}
{% macro accounting_date(approval_date, settlement_posted_date) -%}
    {%- set basis = var('accounting_date_basis') -%}
    {%- if basis == 'approval_date' -%}
        {{ approval_date }}
    {%- elif basis == 'settlement_posted_date' -%}
        coalesce({{ settlement_posted_date }}, {{ approval_date }})
    {%- else -%}
        {{ exceptions.raise_compiler_error("accounting_date_basis is '" ~ basis ~ "'; it must be approval_date or settlement_posted_date") }}
    {%- endif -%}
{%- endmacro %}
