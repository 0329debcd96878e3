with attributes as (

    select * from {{ ref('int_products__attributes') }} where seller_sku is not null

),

products as (

    select distinct account_id, seller_sku from attributes

),

fnskus as ({{ first_known('fnsku') }}),

asins as ({{ first_known('asin') }}),

parent_asins as ({{ first_known('parent_asin') }}),

names as ({{ first_known('product_name') }}),

images as ({{ first_known('image_url') }})

select
    products.account_id,
    products.seller_sku,
    fnskus.fnsku,
    asins.asin,
    parent_asins.parent_asin,
    names.product_name,
    images.image_url
from products
left join fnskus on products.account_id = fnskus.account_id and products.seller_sku = fnskus.seller_sku
left join asins on products.account_id = asins.account_id and products.seller_sku = asins.seller_sku
left join parent_asins on products.account_id = parent_asins.account_id and products.seller_sku = parent_asins.seller_sku
left join names on products.account_id = names.account_id and products.seller_sku = names.seller_sku
left join images on products.account_id = images.account_id and products.seller_sku = images.seller_sku
