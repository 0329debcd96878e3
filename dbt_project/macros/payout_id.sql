{#- The identity of a payout: the lines of one reimbursement for one product, order and reason. -#}
{% macro payout_id() -%}
    md5(concat_ws('|', account_id, reimbursement_id, reason_category, seller_sku, '/' || fnsku, currency_code, '#' || amazon_order_id))
{%- endmacro %}
