{{ config(materialized='table') }}
-- One row per defect and case about it, from the seller's log: by order, by the ledger's reference, by the payout of the case, else by the stock, the
-- oldest open loss first.

with recursive cases as (

    select * from {{ ref('int_claims__cases') }}

),

defects as (

    select * from {{ ref('int_defects__defects') }} where outcome in ('CLAIMABLE', 'KEPT')

),

payouts as (

    select * from {{ ref('int_defects__payouts') }}

),

about_orders as (

    select cases.claim_row_id, defects.defect_id
    from cases
    inner join defects
        on
            cases.account_id = defects.account_id
            and cases.amazon_order_id = defects.amazon_order_id
            and coalesce(cases.seller_sku, defects.seller_sku) = defects.seller_sku
            and coalesce(cases.fnsku, defects.fnsku, '') = coalesce(defects.fnsku, cases.fnsku, '')

),

about_references as (

    select cases.claim_row_id, defects.defect_id
    from cases
    inner join defects
        on
            cases.account_id = defects.account_id
            and cases.transaction_id = defects.transaction_id
            and coalesce(cases.fnsku, cases.seller_sku) in (defects.fnsku, defects.seller_sku)
    where cases.amazon_order_id is null

),

about_payouts as (

    select distinct cases.claim_row_id, payouts.defect_id
    from cases
    inner join payouts on cases.account_id = payouts.account_id and cases.case_id = payouts.case_id
    where cases.amazon_order_id is null and cases.transaction_id is null

),

known as (

    select * from about_orders
    union all
    select * from about_references
    union all
    select * from about_payouts

),

claimed_stock as (

    select
        {{ row_key(['account_id', 'coalesce(fnsku, seller_sku)']) }} as pool_id,
        claim_row_id as supply_id,
        filed_date as supply_date,
        claimed_units as units
    from cases
    where amazon_order_id is null and transaction_id is null and claim_row_id not in (select known.claim_row_id from known)

),

paid_units as (

    select defect_id, sum(case when reversal_date is null then units else 0 end) as units
    from payouts
    group by defect_id

),

open_losses as (

    select
        {{ row_key(['defects.account_id', 'coalesce(defects.fnsku, defects.seller_sku)']) }} as pool_id,
        defects.defect_id as demand_id,
        defects.defect_date as demand_date,
        0 as place,
        defects.defect_units - coalesce(paid_units.units, 0) - coalesce(found.units, 0) as units
    from defects
    left join paid_units on defects.defect_id = paid_units.defect_id
    left join {{ units_by('defect_id', ref('int_defects__reconciled')) }} as found
        on defects.defect_id = found.defect_id
    where defects.event_type = 'WAREHOUSE_OPERATIONS'

),

{{ matched_oldest_first('about_stock', 'open_losses', 'claimed_stock', var('payout_match_days')) }},

all_known as (

    select claim_row_id, defect_id, 'NAMED' as claim_basis from known
    union all
    select supply_id as claim_row_id, demand_id as defect_id, 'STOCK' as claim_basis from about_stock

)

select
    cases.account_id,
    all_known.defect_id,
    cases.case_id,
    all_known.claim_basis,
    cases.claim_state,
    cases.filed_date,
    cases.closed_date,
    cases.claimed_units
from all_known
inner join cases on all_known.claim_row_id = cases.claim_row_id
