-- Which payout, find or correction belongs to which loss or damage; each unit of either is used once. Reports have no common key, so the most certain
-- evidence goes first:
--   1 CASE       payouts of a case that the seller filed for the ledger's reference
--   2 REFERENCE  adjustments of the same reference: units found, put back as sellable, or replaced
--   3 NEAR       a find some days before the entry that the unit is missing: Amazon reconciles the two at once
--   4 IN TURN    a find of the same stock that came before any payout that could be for it
--   5 LEDGER     payouts for the same stock, up to the units that Amazon says are reconciled, oldest loss first; a payout without a match was for
--                units that were found later, and stays
--   6 STOCK      finds and corrections of the same stock, for units that are still reported as reconciled
--   7 UNSETTLED  payouts for the same stock that the ledger does not show yet: better to trust them than to claim twice
-- EARLY are payouts of 5 or 7 some days before the entry: days of two zones, or a late entry. REASON are those of 5 or 7 for a damage where
-- there is a loss, or the other way round: a payout for which the stock has no entry of its own kind counts with the other kind.
-- The rest goes to int_stock__matches. Only units that stayed paid count here; units taken back are in int_stock__reversed_matches.

{% set payout_days = var('payout_match_days') + var('payout_lead_days') %}

with adjustments as (

    select * from {{ ref('int_stock__adjustments') }}

),

payouts as (

    select *, {{ add_days('approval_date', var('payout_lead_days')) }} as supply_date from {{ ref('int_stock__payouts') }}

),

cases as (

    select distinct account_id, case_id, transaction_id from {{ ref('int_claims__cases') }} where transaction_id is not null

),

losses as (

    select * from {{ ref('int_stock__losses') }}

),

evidence as (

    select * from {{ ref('int_stock__evidence') }}

),

received as (

    select
        *,
        sum(quantity_units) over (partition by stock_id, reference_id order by event_date, place rows unbounded preceding) as upto
    from adjustments
    where adjustment_group = 'RECEIVED' and quantity_units > 0

),

-- Units that Amazon takes back out of stock after the lost ones were found.
taken_back as (

    select stock_id, reference_id, -sum(quantity_units) as units
    from adjustments
    where adjustment_group = 'TRANSFERRED' and disposition <> 'WAREHOUSE_DAMAGED' and quantity_units < 0
    group by stock_id, reference_id

),

replacements as (

    select
        {{ row_key(['received.stock_id', 'received.reference_id']) }} as pool_id,
        received.adjustment_id as supply_id,
        received.event_date as supply_date,
        received.place as supply_place,
        least(received.quantity_units, greatest(received.upto - coalesce(taken_back.units, 0), 0)) as units
    from received
    left join taken_back on received.stock_id = taken_back.stock_id and received.reference_id = taken_back.reference_id
    where received.reference_id is not null

),

-- 1 CASE

case_losses as (

    select
        {{ row_key(['losses.stock_id', 'cases.case_id']) }} as pool_id,
        losses.demand_id,
        losses.demand_date,
        losses.place,
        losses.settled_units as units
    from losses
    inner join cases on losses.account_id = cases.account_id and losses.reference_id = cases.transaction_id

),

case_payouts as (

    select {{ row_key(['stock_id', 'case_id']) }} as pool_id, supply_id, approval_date as supply_date, supply_place, net_units as units
    from payouts
    where case_id is not null

),

{{ matched_oldest_first('paid_by_case', 'case_losses', 'case_payouts', supply_place='supply_place') }},

paid_for_case as (

    select
        paid_by_case.demand_id,
        sum(paid_by_case.units) as units,
        sum(case when payouts.payout_kind = 'INVENTORY' then paid_by_case.units else 0 end) as inventory_units
    from paid_by_case
    inner join payouts on paid_by_case.supply_id = payouts.supply_id
    group by paid_by_case.demand_id

),

payouts_after_cases as (

    select payouts.*, payouts.net_units - coalesce(paid.units, 0) as left_units
    from payouts
    left join {{ units_by('supply_id', 'paid_by_case') }} as paid on payouts.supply_id = paid.supply_id

),

after_cases as (

    select losses.*, losses.settled_units - coalesce(paid.units, 0) as unpaid_units
    from losses
    left join paid_for_case as paid on losses.demand_id = paid.demand_id

),

-- 2 REFERENCE

referenced_losses as (

    select {{ row_key(['stock_id', 'reference_id', 'adjustment_group']) }} as pool_id, demand_id, demand_date, place, unpaid_units as units
    from after_cases
    where reference_id is not null

),

referenced_evidence as (

    select {{ row_key(['stock_id', 'reference_id', 'settles']) }} as pool_id, supply_id, supply_date, supply_place, units
    from evidence
    where reference_id is not null

),

{{ matched_oldest_first('found_by_reference', 'referenced_losses', 'referenced_evidence', supply_place='supply_place') }},

after_found as (

    select losses.*, losses.unpaid_units - coalesce(found.units, 0) as left_units
    from after_cases as losses
    left join {{ units_by('demand_id', 'found_by_reference') }} as found on losses.demand_id = found.demand_id

),

replaceable_losses as (

    select
        {{ row_key(['losses.stock_id', 'losses.reference_id']) }} as pool_id,
        losses.demand_id,
        losses.demand_date,
        losses.place,
        losses.left_units + coalesce(paid.inventory_units, 0) as units
    from after_found as losses
    left join paid_for_case as paid on losses.demand_id = paid.demand_id
    where losses.reference_id is not null

),

{{ matched_oldest_first('replaced_by_reference', 'replaceable_losses', 'replacements', supply_place='supply_place') }},

-- 3 NEAR

missing_losses as (

    select
        {{ row_key(['losses.stock_id', 'losses.adjustment_group']) }} as pool_id,
        losses.demand_id,
        losses.demand_date,
        losses.place,
        losses.left_units - coalesce(replaced.units, 0) as units
    from after_found as losses
    left join {{ units_by('demand_id', 'replaced_by_reference') }} as replaced on losses.demand_id = replaced.demand_id

),

finds as (

    select
        {{ row_key(['evidence.stock_id', 'evidence.settles']) }} as pool_id,
        evidence.supply_id,
        {{ add_days('evidence.supply_date', var('found_lookback_days')) }} as supply_date,
        evidence.supply_place,
        evidence.units - coalesce(found.units, 0) as units
    from evidence
    left join {{ units_by('supply_id', 'found_by_reference') }} as found on evidence.supply_id = found.supply_id
    where evidence.settles = 'LOST'

),

{{ matched_oldest_first('found_shortly_before', 'missing_losses', 'finds', var('found_lookback_days') - 1, supply_place='supply_place') }},

after_near as (

    select
        losses.demand_id, losses.demand_date, losses.place, losses.account_id, losses.adjustment_group, losses.stock_id, losses.units,
        losses.settled_units, losses.left_units - coalesce(near.units, 0) as left_units
    from after_found as losses
    left join {{ units_by('demand_id', 'found_shortly_before') }} as near on losses.demand_id = near.demand_id

),

found_units as (

    select
        {{ row_key(['losses.stock_id', 'losses.adjustment_group']) }} as pool_id,
        {{ row_key(['found.demand_id', 'found.supply_id']) }} as demand_id,
        losses.stock_id,
        losses.adjustment_group,
        losses.demand_date,
        losses.place,
        found.units,
        found.demand_id as loss_id,
        found.supply_id as find_id,
        evidence.supply_date as found_date
    from found_by_reference as found
    inner join losses on found.demand_id = losses.demand_id
    inner join evidence on found.supply_id = evidence.supply_id

),

-- Payouts whose stock has an entry of their kind: an entry of a unit that was not found, or not found yet.
entries as (

    select
        {{ row_key(['losses.stock_id', 'losses.adjustment_group']) }} as pool_id,
        losses.demand_id,
        losses.demand_date,
        losses.place,
        losses.units - coalesce(paid.units, 0) - coalesce(found.units, 0) - coalesce(near.units, 0) as units
    from losses
    left join paid_for_case as paid on losses.demand_id = paid.demand_id
    left join {{ units_by('demand_id', 'found_by_reference') }} as found on losses.demand_id = found.demand_id
    left join {{ units_by('demand_id', 'found_shortly_before') }} as near on losses.demand_id = near.demand_id

),

stated_payouts as (

    select {{ row_key(['stock_id', payout_group()]) }} as pool_id, supply_id, supply_date, supply_place, left_units as units
    from payouts_after_cases

),

{{ matched_oldest_first('entered', 'entries', 'stated_payouts', payout_days, supply_place='supply_place') }},

paid_while_missing as (

    select distinct payouts.supply_id
    from payouts
    inner join found_units
        on
            payouts.stock_id = found_units.stock_id
            and {{ payout_group('payouts.') }} = found_units.adjustment_group
            and payouts.approval_date < found_units.found_date
            and payouts.supply_date between found_units.demand_date and {{ add_days('found_units.demand_date', payout_days) }}

),

grouped_payouts as (

    select
        payouts.*,
        case
            when coalesce(entered.supply_id, paid_while_missing.supply_id) is not null then {{ payout_group('payouts.') }}
            when {{ payout_group('payouts.') }} = 'LOST' then 'DAMAGED'
            else 'LOST'
        end as counted_group
    from payouts_after_cases as payouts
    left join {{ units_by('supply_id', 'entered') }} as entered on payouts.supply_id = entered.supply_id
    left join paid_while_missing on payouts.supply_id = paid_while_missing.supply_id

),

-- 4 IN TURN: units that were found before any payout that could be for them.

settled_supplies as (

    select {{ row_key(['stock_id', 'counted_group']) }} as pool_id, supply_id, supply_date, supply_place, left_units as units from grouped_payouts
    union all
    select finds.pool_id, finds.supply_id, finds.supply_date, finds.supply_place, finds.units - coalesce(near.units, 0) as units
    from finds
    left join {{ units_by('supply_id', 'found_shortly_before') }} as near on finds.supply_id = near.supply_id

),

still_missing_losses as (

    select
        {{ row_key(['losses.stock_id', 'losses.adjustment_group']) }} as pool_id,
        losses.demand_id,
        losses.demand_date,
        losses.place,
        losses.left_units - coalesce(replaced.units, 0) as units
    from after_near as losses
    left join {{ units_by('demand_id', 'replaced_by_reference') }} as replaced on losses.demand_id = replaced.demand_id

),

{{ matched_oldest_first('settled_in_turn', 'still_missing_losses', 'settled_supplies', payout_days, supply_place='supply_place') }},

found_in_turn as (

    select settled_in_turn.*
    from settled_in_turn
    inner join evidence on settled_in_turn.supply_id = evidence.supply_id

),

found_near as (

    select demand_id, supply_id, units from found_shortly_before
    union all
    select demand_id, supply_id, units from found_in_turn

),

after_turn as (

    select
        losses.demand_id, losses.demand_date, losses.place, losses.account_id, losses.adjustment_group, losses.stock_id, losses.units,
        losses.settled_units, losses.left_units - coalesce(found.units, 0) as left_units
    from after_near as losses
    left join {{ units_by('demand_id', 'found_in_turn') }} as found on losses.demand_id = found.demand_id

),

-- 5 LEDGER: units known to be replaced take payouts in kind, the others payouts in money; then the rest.

by_kind as (

    select
        losses.*,
        least(losses.left_units, greatest(coalesce(replaced.units, 0) - coalesce(paid.inventory_units, 0), 0)) as inventory_units
    from after_turn as losses
    left join {{ units_by('demand_id', 'replaced_by_reference') }} as replaced on losses.demand_id = replaced.demand_id
    left join paid_for_case as paid on losses.demand_id = paid.demand_id

),

kind_losses as (

    select {{ row_key(['stock_id', 'adjustment_group', "'INVENTORY'"]) }} as pool_id, demand_id, demand_date, place, inventory_units as units
    from by_kind
    union all
    select
        {{ row_key(['stock_id', 'adjustment_group', "'CASH'"]) }} as pool_id, demand_id, demand_date, place, left_units - inventory_units as units
    from by_kind

),

kind_payouts as (

    select
        {{ row_key(['stock_id', 'counted_group', 'payout_kind']) }} as pool_id,
        supply_id,
        supply_date,
        supply_place,
        left_units as units
    from grouped_payouts

),

{{ matched_oldest_first('paid_by_kind', 'kind_losses', 'kind_payouts', payout_days, supply_place='supply_place') }},

after_kinds as (

    select losses.*, losses.left_units - coalesce(paid.units, 0) as open_settled_units
    from after_turn as losses
    left join {{ units_by('demand_id', 'paid_by_kind') }} as paid on losses.demand_id = paid.demand_id

),

payouts_after_kinds as (

    select payouts.*, payouts.left_units - coalesce(paid.units, 0) as still_left_units
    from grouped_payouts as payouts
    left join {{ units_by('supply_id', 'paid_by_kind') }} as paid on payouts.supply_id = paid.supply_id

),

settled_losses as (

    select {{ row_key(['stock_id', 'adjustment_group']) }} as pool_id, demand_id, demand_date, place, open_settled_units as units from after_kinds

),

left_payouts as (

    select
        {{ row_key(['stock_id', 'counted_group']) }} as pool_id,
        supply_id,
        supply_date,
        supply_place,
        still_left_units as units
    from payouts_after_kinds

),

{{ matched_oldest_first('paid_as_settled', 'settled_losses', 'left_payouts', payout_days, supply_place='supply_place') }},

payouts_after_settled as (

    select payouts.*, payouts.still_left_units - coalesce(paid.units, 0) as unmatched_units
    from payouts_after_kinds as payouts
    left join {{ units_by('supply_id', 'paid_as_settled') }} as paid on payouts.supply_id = paid.supply_id

),

-- Only units that may have been paid before they were found.
displaceable_units as (

    select *
    from found_units
    where exists (
            select 1
            from payouts_after_settled as payouts
            where
                payouts.unmatched_units > 0
                and payouts.stock_id = found_units.stock_id
                and payouts.counted_group = found_units.adjustment_group
                and payouts.approval_date < found_units.found_date
                and payouts.supply_date between found_units.demand_date and {{ add_days('found_units.demand_date', payout_days) }}
        )

),

unplaced_payouts as (

    select
        {{ row_key(['stock_id', 'counted_group']) }} as pool_id,
        supply_id,
        supply_date,
        supply_place,
        unmatched_units as units
    from payouts_after_settled

),

{{ matched_oldest_first('paid_for_found', 'displaceable_units', 'unplaced_payouts', payout_days, supply_place='supply_place') }},

paid_before_found as (

    select found_units.loss_id as demand_id, found_units.find_id, paid.supply_id, paid.units
    from paid_for_found as paid
    inner join found_units on paid.demand_id = found_units.demand_id
    inner join payouts on paid.supply_id = payouts.supply_id
    where payouts.approval_date < found_units.found_date

),

found_in_time as (

    select found.demand_id, found.supply_id, cast(found.units - coalesce(sum(late.units), 0) as integer) as units
    from found_by_reference as found
    left join paid_before_found as late on found.demand_id = late.demand_id and found.supply_id = late.find_id
    group by found.demand_id, found.supply_id, found.units

),

-- 6 STOCK

after_payouts as (

    select losses.*, losses.open_settled_units - coalesce(paid.units, 0) as unexplained_units
    from after_kinds as losses
    left join {{ units_by('demand_id', 'paid_as_settled') }} as paid on losses.demand_id = paid.demand_id

),

unexplained_losses as (

    select {{ row_key(['stock_id', 'adjustment_group']) }} as pool_id, demand_id, demand_date, place, unexplained_units as units from after_payouts

),

left_evidence as (

    select
        {{ row_key(['evidence.stock_id', 'evidence.settles']) }} as pool_id,
        evidence.supply_id,
        -- A unit may be entered as found shortly before it is entered as missing.
        {{ dbt.dateadd('day', var('found_lookback_days'), 'evidence.supply_date') }} as supply_date,
        evidence.supply_place,
        evidence.units - coalesce(found.units, 0) - coalesce(near.units, 0) as units
    from evidence
    left join {{ units_by('supply_id', 'found_in_time') }} as found on evidence.supply_id = found.supply_id
    left join {{ units_by('supply_id', 'found_near') }} as near on evidence.supply_id = near.supply_id

),

{{ matched_oldest_first('found_as_settled', 'unexplained_losses', 'left_evidence', supply_place='supply_place') }},

-- 7 UNSETTLED

unsettled_losses as (

    select {{ row_key(['stock_id', 'adjustment_group']) }} as pool_id, demand_id, demand_date, place, units - settled_units as units
    from after_payouts

),

unmatched_payouts as (

    select
        {{ row_key(['payouts.stock_id', 'payouts.counted_group']) }} as pool_id,
        payouts.supply_id,
        payouts.supply_date,
        payouts.supply_place,
        payouts.unmatched_units - coalesce(late.units, 0) as units
    from payouts_after_settled as payouts
    left join {{ units_by('supply_id', 'paid_before_found') }} as late on payouts.supply_id = late.supply_id

),

{{ matched_oldest_first('paid_unsettled', 'unsettled_losses', 'unmatched_payouts', payout_days, supply_place='supply_place') }},

matches as (

    select 'CASE' as match_basis, 'PAID' as what, * from paid_by_case
    union all
    select 'REFERENCE' as match_basis, 'FOUND' as what, * from found_in_time where units > 0
    union all
    select 'LEDGER' as match_basis, 'PAID' as what, * from paid_by_kind
    union all
    select 'LEDGER' as match_basis, 'PAID' as what, * from paid_as_settled
    union all
    select 'LEDGER' as match_basis, 'PAID' as what, demand_id, supply_id, units from paid_before_found
    union all
    select 'STOCK' as match_basis, 'FOUND' as what, * from found_near
    union all
    select 'STOCK' as match_basis, 'FOUND' as what, * from found_as_settled
    union all
    select 'UNSETTLED' as match_basis, 'PAID' as what, * from paid_unsettled

)

select
    losses.account_id,
    matches.demand_id as adjustment_id,
    case
        when matches.match_basis in ('LEDGER', 'UNSETTLED') and {{ payout_group('payouts.') }} <> losses.adjustment_group then 'REASON'
        when payouts.approval_date < losses.demand_date then 'EARLY'
        else matches.match_basis
    end as match_basis,
    matches.what,
    matches.match_basis <> 'UNSETTLED' as is_settled,
    matches.supply_id,
    matches.units
from matches
inner join losses on matches.demand_id = losses.demand_id
left join payouts on matches.supply_id = payouts.supply_id
