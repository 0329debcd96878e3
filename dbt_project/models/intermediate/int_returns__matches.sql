{{ config(materialized='table') }}
-- Which payout of an order is for which of its units: those that Amazon owes first, then those that are still to come, then any. Of units that
-- Amazon has taken back, the reimbursement line that did so stands beside them.

with recursive defects as (

    select
        *,
        {{ row_key(['account_id', 'amazon_order_id', 'seller_sku', 'currency_code']) }} as pool_id,
        row_number() over (
            partition by account_id, amazon_order_id, seller_sku, currency_code
            order by case when outcome <> 'CLAIMABLE' then 3 when defect_type = 'IN_TRANSIT' then 2 else 1 end, anchor_date, defect_date, defect_id
        ) as place
    from {{ ref('int_returns__defects') }}

),

payouts as (

    select *, {{ row_key(['account_id', 'amazon_order_id', 'seller_sku', 'currency_code']) }} as pool_id
    from {{ ref('int_payouts__netted') }}
    where amazon_order_id is not null

),

-- A payment may come before the unit, so within an order no date decides.
owed as (

    select
        defects.pool_id,
        defects.defect_id as demand_id,
        date '1970-01-01' as demand_date,
        defects.place,
        defects.defect_units - defects.returned_units as units
    from defects

),

kept as (

    select pool_id, {{ row_key(['payout_id', 'payout_kind']) }} as supply_id, approval_date as supply_date, units - reversed_units as units
    from payouts

),

{{ matched_oldest_first('paid', 'owed', 'kept') }},

still_owed as (

    select owed.pool_id, owed.demand_id, owed.demand_date, owed.place, owed.units - coalesce(paid_units.units, 0) as units
    from owed
    left join {{ units_by('demand_id', 'paid') }} as paid_units on owed.demand_id = paid_units.demand_id

),

reversals as (

    select
        payouts.pool_id,
        reversals.reimbursement_line_id as supply_id,
        reversals.reversal_date as supply_date,
        reversals.effective_units as units,
        {{ row_key(['payouts.payout_id', 'payouts.payout_kind']) }} as payout_key
    from {{ ref('int_payouts__reversals') }} as reversals
    inner join payouts on reversals.payout_id = payouts.payout_id and reversals.payout_kind = payouts.payout_kind

),

{{ matched_oldest_first('taken_back', 'still_owed', 'reversals') }}

select
    demand_id as defect_id,
    supply_id as payout_key,
    cast(null as varchar) as reimbursement_line_id,
    units
from paid
union all
select
    taken_back.demand_id as defect_id,
    reversals.payout_key,
    reversals.supply_id as reimbursement_line_id,
    taken_back.units
from taken_back
inner join reversals on taken_back.supply_id = reversals.supply_id
