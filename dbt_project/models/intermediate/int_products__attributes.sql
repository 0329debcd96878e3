-- The attributes of a product by source: one row per account, SKU and source, with the time of its last report.
-- A source with a lower priority number takes precedence: the seller's own catalogue first.

with catalog as (

    select
        account_id, seller_sku, cast(null as varchar) as fnsku, asin, parent_asin, product_name, image_url,
        1 as priority, known_since_at as said_at
    from {{ ref('stg_amazon_seller__product_catalog') }}

),

listings as (

    select
        account_id, seller_sku, cast(null as varchar) as fnsku, asin, cast(null as varchar) as parent_asin, product_name, image_url,
        2 as priority, known_since_at as said_at
    from {{ ref('stg_amazon_seller__listings') }}

),

inventory as (

    select
        account_id, seller_sku, fnsku, asin, cast(null as varchar) as parent_asin, product_name, cast(null as varchar) as image_url,
        3 as priority, known_since_at as said_at
    from {{ ref('stg_amazon_seller__fba_inventory') }}

),

ledger as (

    select
        account_id, seller_sku, fnsku, asin, cast(null as varchar) as parent_asin, product_name, cast(null as varchar) as image_url,
        4 as priority, cast(max(event_date) as timestamp) as said_at
    from {{ ref('stg_amazon_seller__inventory_ledger') }}
    where {{ is_dated_by_as_of('event_date') }}
    group by account_id, seller_sku, fnsku, asin, product_name

),

reimbursements as (

    select
        account_id, seller_sku, fnsku, asin, cast(null as varchar) as parent_asin, product_name, cast(null as varchar) as image_url,
        5 as priority, cast(max(approval_date) as timestamp) as said_at
    from {{ ref('stg_amazon_seller__reimbursements') }}
    where {{ is_dated_by_as_of('approval_date') }}
    group by account_id, seller_sku, fnsku, asin, product_name

),

orders as (

    select
        account_id, seller_sku, cast(null as varchar) as fnsku, asin, cast(null as varchar) as parent_asin, product_name,
        cast(null as varchar) as image_url, 6 as priority, cast(max(purchase_date) as timestamp) as said_at
    from {{ ref('stg_amazon_seller__orders') }}
    group by account_id, seller_sku, asin, product_name

),

returns as (

    select
        account_id, seller_sku, fnsku, asin, cast(null as varchar) as parent_asin, product_name, cast(null as varchar) as image_url,
        7 as priority, cast(max(return_date) as timestamp) as said_at
    from {{ ref('stg_amazon_seller__customer_returns') }}
    group by account_id, seller_sku, fnsku, asin, product_name

)

select * from catalog
union all
select * from listings
union all
select * from inventory
union all
select * from ledger
union all
select * from reimbursements
union all
select * from orders
union all
select * from returns
