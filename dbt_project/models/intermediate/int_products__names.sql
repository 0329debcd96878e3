-- The product of each SKU or FNSKU, as any report pairs them: one row per account and name of a product, in capitals. A SKU with several FNSKUs
-- has the one of the most trusted report; an FNSKU that several SKUs share, as commingled stock does, has no SKU. The product is spelled as in the
-- most trusted report.

with attributes as (

    select *, upper(seller_sku) as sku_key, upper(fnsku) as fnsku_key from {{ ref('int_products__attributes') }}

),

skus as (

    select account_id, sku_key, {{ first_known('fnsku_key') }} as fnsku_key, {{ first_known('seller_sku') }} as seller_sku
    from attributes
    where sku_key is not null
    group by account_id, sku_key

),

fnskus as (

    select account_id, fnsku_key, case when min(sku_key) = max(sku_key) then min(sku_key) end as sku_key
    from attributes
    where sku_key is not null and fnsku_key is not null
    group by account_id, fnsku_key

)

select account_id, 'SKU' as name_kind, sku_key as name_key, fnsku_key as paired_key, seller_sku from skus
union all
select fnskus.account_id, 'FNSKU' as name_kind, fnskus.fnsku_key as name_key, fnskus.sku_key as paired_key, skus.seller_sku
from fnskus
left join skus on fnskus.account_id = skus.account_id and fnskus.sku_key = skus.sku_key
