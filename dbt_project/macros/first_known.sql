{#- For each account and SKU, the value of one attribute by the most believed source that has it, the latest first. -#}
{% macro first_known(attribute) %}
    select account_id, seller_sku, {{ attribute }}
    from (
        select
            account_id,
            seller_sku,
            {{ attribute }},
            row_number() over (partition by account_id, seller_sku order by priority, said_on desc, {{ attribute }}) as place
        from attributes
        where {{ attribute }} is not null
    ) as ranked
    where place = 1
{% endmacro %}
