{{ config(materialized='table') }}
-- Which loss a payout was for that Amazon has taken back: one whose units were found at that time, else the oldest that is open again.

with recursive matches as (

    select * from {{ ref('int_stock__matches') }}

),

adjustments as (

    select * from {{ ref('int_stock__adjustments') }}

),

payouts as (

    select * from {{ ref('int_payouts__netted') }} where reason_category in ('WAREHOUSE_LOST', 'WAREHOUSE_DAMAGED')

),

reversals as (

    select
        reversals.reimbursement_line_id as supply_id,
        {{ row_key(
            ['payouts.account_id', 'coalesce(payouts.fnsku, payouts.seller_sku)', 'payouts.currency_code', payout_group('payouts.')]
        ) }} as pool_id,
        payouts.approval_date,
        reversals.reversal_date,
        reversals.effective_units as units
    from {{ ref('int_payouts__reversals') }} as reversals
    inner join payouts on reversals.payout_id = payouts.payout_id and reversals.payout_kind = payouts.payout_kind

),

found_units as (

    select
        {{ row_key(['losses.stock_id', 'losses.adjustment_group']) }} as pool_id,
        {{ row_key(['matches.adjustment_id', 'matches.supply_id']) }} as demand_id,
        evidence.event_date as demand_date,
        0 as place,
        matches.units,
        losses.adjustment_id,
        losses.event_date as loss_date
    from matches
    inner join adjustments as losses on matches.adjustment_id = losses.adjustment_id
    inner join adjustments as evidence on matches.supply_id = evidence.adjustment_id
    where matches.what = 'FOUND'

),

-- The units may be entered as found some days before or after.
reversals_when_found as (

    select pool_id, supply_id, {{ dbt.dateadd('day', var('reversal_found_days'), 'reversal_date') }} as supply_date, units from reversals

),

{{ matched_oldest_first('found_again', 'found_units', 'reversals_when_found', 2 * var('reversal_found_days')) }},

-- A payout cannot have been for a later loss.
found_after_payment as (

    select found_units.adjustment_id, found_again.supply_id, sum(found_again.units) as units
    from found_again
    inner join found_units on found_again.demand_id = found_units.demand_id
    inner join reversals on found_again.supply_id = reversals.supply_id
    where found_units.loss_date <= reversals.approval_date
    group by found_units.adjustment_id, found_again.supply_id

),

open_losses as (

    select
        {{ row_key(['losses.stock_id', 'losses.adjustment_group']) }} as pool_id,
        losses.adjustment_id as demand_id,
        losses.event_date as demand_date,
        0 as place,
        -losses.quantity_units - greatest(coalesce(losses.reconciled_units, 0), coalesce(settled.units, 0)) as units
    from adjustments as losses
    left join {{ units_by('adjustment_id', 'matches') }} as settled on losses.adjustment_id = settled.adjustment_id
    where losses.defect_type is not null

),

left_reversals as (

    select reversals.pool_id, reversals.supply_id, reversals.approval_date as supply_date, reversals.units - coalesce(found.units, 0) as units
    from reversals
    left join {{ units_by('supply_id', 'found_after_payment') }} as found on reversals.supply_id = found.supply_id

),

{{ matched_oldest_first('open_again', 'open_losses', 'left_reversals', var('payout_match_days')) }}

select adjustment_id, supply_id as reimbursement_line_id, cast(units as integer) as units from found_after_payment
union all
select demand_id as adjustment_id, supply_id as reimbursement_line_id, units from open_again
