{#- The ledger adjustments that a payout is about: units lost in a warehouse are never netted against units damaged there. -#}
{% macro payout_group(prefix='') -%}
    case {{ prefix }}reason_category when 'WAREHOUSE_LOST' then 'LOST' else 'DAMAGED' end
{%- endmacro %}
