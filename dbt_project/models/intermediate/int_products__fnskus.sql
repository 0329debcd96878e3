{{ config(materialized='table') }}
-- Which FNSKU and SKU belong together, as any report pairs them: one row per account and name of a product, in capitals. A SKU that had several
-- FNSKUs stands for the most believed; an FNSKU that several SKUs share, as commingled stock does, stands for none of them.

with attributes as (

    select
        account_id,
        upper(seller_sku) as sku_key,
        upper(fnsku) as fnsku,
        priority,
        said_at
    from {{ ref('int_products__attributes') }}
    where seller_sku is not null and fnsku is not null

)

select
    account_id,
    'SKU' as name_kind,
    sku_key as name_key,
    {{ first_known('fnsku') }} as paired_key
from attributes
group by account_id, sku_key
union all
select
    account_id,
    'FNSKU' as name_kind,
    fnsku as name_key,
    case when min(sku_key) = max(sku_key) then min(sku_key) end as paired_key
from attributes
group by account_id, fnsku
