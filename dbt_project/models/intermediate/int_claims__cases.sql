-- One row per line of the seller's log of cases, with its state, since when, and the stock that it names.

with claims as (

    select * from {{ ref('stg_amazon_seller__claims') }}

),

statuses as (

    select * from {{ ref('claim_statuses') }}

),

names as (

    select * from {{ ref('int_products__names') }} where name_kind = 'SKU'

),

judged as (

    select
        claims.*,
        coalesce(claims.fnsku, names.paired_key) as stock_fnsku,
        case
            when statuses.claim_state = 'GRANTED_IN_PART' then 'GRANTED'
            when statuses.claim_state is not null then statuses.claim_state
            when claims.closed_date is null then 'OPEN'
            else 'CLOSED'
        end as claim_state,
        coalesce(statuses.claim_state = 'GRANTED_IN_PART', false) as is_granted_in_part
    from claims
    left join statuses on claims.claim_status = statuses.claim_status
    left join names on claims.account_id = names.account_id and upper(claims.seller_sku) = names.name_key

)

select
    account_id,
    claim_row_id,
    case_id,
    amazon_order_id,
    transaction_id,
    seller_sku,
    stock_fnsku as fnsku,
    claim_state,
    is_granted_in_part,
    filed_date,
    case when claim_state <> 'OPEN' and closed_date >= filed_date then closed_date end as closed_date,
    -- The status decides: a case decided without a day, or on a day before it was filed, counts as decided from its filing on.
    case when claim_state = 'OPEN' then null when closed_date >= filed_date then closed_date else filed_date end as decided_date,
    claimed_units
from judged
