with attributes as (

    select * from {{ ref('int_products__attributes') }} where seller_sku is not null

)

-- A SKU is one product regardless of case.
select
    account_id,
    {{ first_known('seller_sku') }} as seller_sku,
    {{ first_known('fnsku') }} as fnsku,
    {{ first_known('asin') }} as asin,
    {{ first_known('parent_asin') }} as parent_asin,
    {{ first_known('product_name') }} as product_name,
    {{ first_known('image_url') }} as image_url
from attributes
group by account_id, upper(seller_sku)
