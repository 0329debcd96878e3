-- One row per line of the seller's log of cases, with what its status means and the stock that it names.

with claims as (

    select * from {{ ref('stg_amazon_seller__claims') }}

),

statuses as (

    select * from {{ ref('claim_statuses') }}

),

products as (

    select * from {{ ref('dim_products') }}

)

select
    claims.account_id,
    claims.claim_row_id,
    claims.case_id,
    claims.amazon_order_id,
    claims.transaction_id,
    claims.seller_sku,
    coalesce(claims.fnsku, products.fnsku) as fnsku,
    coalesce(statuses.claim_state, case when claims.closed_date is null then 'OPEN' else 'CLOSED' end) as claim_state,
    claims.filed_date,
    claims.closed_date,
    claims.claimed_units
from claims
left join statuses on claims.claim_status = statuses.claim_status
left join products on claims.account_id = products.account_id and claims.seller_sku = products.seller_sku
