{#- Which adjustments of the ledger a payout is about: what was lost in a warehouse is never netted against what was damaged there. -#}
{% macro payout_group(prefix='') -%}
    case {{ prefix }}reason_category when 'WAREHOUSE_LOST' then 'LOST' else 'DAMAGED' end
{%- endmacro %}
