{#- Joins int_products__names to a row by its SKU or, if it has none, by its FNSKU. -#}
{% macro names_product(names, row) -%}
    {{ names }}.account_id = {{ row }}.account_id
    and {{ names }}.name_kind = case when {{ row }}.seller_sku is null then 'FNSKU' else 'SKU' end
    and {{ names }}.name_key = upper(coalesce({{ row }}.seller_sku, {{ row }}.fnsku))
{%- endmacro %}
