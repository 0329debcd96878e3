{{ config(materialized='table') }}
-- Which payout, find or correction belongs to which loss or damage; each unit of either is used once. Reports carry no common key, so the surest
-- evidence goes first:
--   1 REFERENCE  adjustments of the same ledger reference: units found, put back as sellable, or replaced
--   2 CASE       payouts of a case that the seller filed for that reference
--   3 LEDGER     payouts for the same stock, as far as Amazon says that units are reconciled, oldest loss first
--   4 STOCK      finds and corrections of the same stock, as far as units are still said to be reconciled
--   5 UNSETTLED  payouts for the same stock that the ledger does not show yet: better believed than claimed twice
-- Only units that stayed paid count here; what was taken back is in int_stock__reversed_matches.

with recursive adjustments as (

    select * from {{ ref('int_stock__adjustments') }}

),

payouts as (

    select
        *,
        {{ row_key(['payout_id', 'payout_kind']) }} as supply_id,
        {{ row_key(['account_id', 'coalesce(fnsku, seller_sku)', 'currency_code']) }} as stock_id,
        units - reversed_units as net_units
    from {{ ref('int_payouts__netted') }}
    where reason_category in ('WAREHOUSE_LOST', 'WAREHOUSE_DAMAGED')

),

cases as (

    select distinct account_id, case_id, transaction_id from {{ ref('int_claims__cases') }} where transaction_id is not null

),

-- Without Amazon's own figures, every unit may be settled.
losses as (

    select
        *,
        adjustment_id as demand_id,
        event_date as demand_date,
        0 as place,
        -quantity_units as units,
        coalesce(reconciled_units, -quantity_units) as settled_units
    from adjustments
    where defect_type is not null

),

evidence as (

    select
        *,
        adjustment_id as supply_id,
        event_date as supply_date,
        quantity_units as units,
        case adjustment_group when 'FOUND' then 'LOST' else 'DAMAGED' end as settles
    from adjustments
    where
        quantity_units > 0
        and (adjustment_group = 'FOUND' or (adjustment_group = 'DISPOSITION_CHANGE' and disposition <> 'WAREHOUSE_DAMAGED'))

),

received as (

    select
        *,
        sum(quantity_units) over (partition by stock_id, reference_id order by event_date, adjustment_id rows unbounded preceding) as upto
    from adjustments
    where adjustment_group = 'RECEIVED' and quantity_units > 0

),

-- Units that Amazon takes back out of stock, once the lost ones are found.
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
        least(received.quantity_units, greatest(received.upto - coalesce(taken_back.units, 0), 0)) as units
    from received
    left join taken_back on received.stock_id = taken_back.stock_id and received.reference_id = taken_back.reference_id
    where received.reference_id is not null

),

-- 1 REFERENCE

referenced_losses as (

    select {{ row_key(['stock_id', 'reference_id', 'adjustment_group']) }} as pool_id, demand_id, demand_date, place, settled_units as units
    from losses
    where reference_id is not null

),

referenced_evidence as (

    select {{ row_key(['stock_id', 'reference_id', 'settles']) }} as pool_id, supply_id, supply_date, units
    from evidence
    where reference_id is not null

),

{{ matched_oldest_first('found_by_reference', 'referenced_losses', 'referenced_evidence') }},

after_found as (

    select losses.*, losses.settled_units - coalesce(found.units, 0) as left_units
    from losses
    left join {{ units_by('demand_id', 'found_by_reference') }} as found on losses.demand_id = found.demand_id

),

replaceable_losses as (

    select {{ row_key(['stock_id', 'reference_id']) }} as pool_id, demand_id, demand_date, place, left_units as units
    from after_found
    where reference_id is not null

),

{{ matched_oldest_first('replaced_by_reference', 'replaceable_losses', 'replacements') }},

-- 2 CASE

case_losses as (

    select
        {{ row_key(['losses.stock_id', 'cases.case_id']) }} as pool_id,
        losses.demand_id,
        losses.demand_date,
        losses.place,
        losses.left_units as units
    from after_found as losses
    inner join cases on losses.account_id = cases.account_id and losses.reference_id = cases.transaction_id

),

case_payouts as (

    select {{ row_key(['stock_id', 'case_id']) }} as pool_id, supply_id, approval_date as supply_date, net_units as units
    from payouts
    where case_id is not null

),

{{ matched_oldest_first('paid_by_case', 'case_losses', 'case_payouts') }},

-- 3 LEDGER: units known to be replaced take payouts in kind, the others payouts in money; then whatever is left.

paid_for_case as (

    select
        paid_by_case.demand_id,
        sum(paid_by_case.units) as units,
        sum(case when payouts.payout_kind = 'INVENTORY' then paid_by_case.units else 0 end) as inventory_units
    from paid_by_case
    inner join payouts on paid_by_case.supply_id = payouts.supply_id
    group by paid_by_case.demand_id

),

after_cases as (

    select
        losses.*,
        greatest(coalesce(replaced.units, 0) - coalesce(paid.inventory_units, 0), 0) as inventory_units,
        losses.left_units - coalesce(paid.units, 0) - greatest(coalesce(replaced.units, 0) - coalesce(paid.inventory_units, 0), 0) as cash_units
    from after_found as losses
    left join {{ units_by('demand_id', 'replaced_by_reference') }} as replaced on losses.demand_id = replaced.demand_id
    left join paid_for_case as paid on losses.demand_id = paid.demand_id

),

kind_losses as (

    select {{ row_key(['stock_id', 'adjustment_group', "'INVENTORY'"]) }} as pool_id, demand_id, demand_date, place, inventory_units as units
    from after_cases
    union all
    select {{ row_key(['stock_id', 'adjustment_group', "'CASH'"]) }} as pool_id, demand_id, demand_date, place, cash_units as units from after_cases

),

payouts_after_cases as (

    select payouts.*, payouts.net_units - coalesce(paid.units, 0) as left_units
    from payouts
    left join {{ units_by('supply_id', 'paid_by_case') }} as paid on payouts.supply_id = paid.supply_id

),

kind_payouts as (

    select
        {{ row_key(['stock_id', payout_group(), 'payout_kind']) }} as pool_id,
        supply_id,
        approval_date as supply_date,
        left_units as units
    from payouts_after_cases

),

{{ matched_oldest_first('paid_by_kind', 'kind_losses', 'kind_payouts', var('payout_match_days')) }},

paid_so_far as (

    select * from paid_by_case
    union all
    select * from paid_by_kind

),

after_kinds as (

    select losses.*, losses.left_units - coalesce(paid.units, 0) as open_settled_units
    from after_found as losses
    left join {{ units_by('demand_id', 'paid_so_far') }} as paid on losses.demand_id = paid.demand_id

),

payouts_after_kinds as (

    select payouts.*, payouts.net_units - coalesce(paid.units, 0) as left_units
    from payouts
    left join {{ units_by('supply_id', 'paid_so_far') }} as paid on payouts.supply_id = paid.supply_id

),

settled_losses as (

    select {{ row_key(['stock_id', 'adjustment_group']) }} as pool_id, demand_id, demand_date, place, open_settled_units as units from after_kinds

),

left_payouts as (

    select {{ row_key(['stock_id', payout_group()]) }} as pool_id, supply_id, approval_date as supply_date, left_units as units
    from payouts_after_kinds

),

{{ matched_oldest_first('paid_as_settled', 'settled_losses', 'left_payouts', var('payout_match_days')) }},

-- 4 STOCK

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
        -- A unit may turn up in the ledger shortly before the entry that it is missing.
        {{ dbt.dateadd('day', var('found_lookback_days'), 'evidence.supply_date') }} as supply_date,
        evidence.units - coalesce(found.units, 0) as units
    from evidence
    left join {{ units_by('supply_id', 'found_by_reference') }} as found on evidence.supply_id = found.supply_id

),

{{ matched_oldest_first('found_as_settled', 'unexplained_losses', 'left_evidence') }},

-- 5 UNSETTLED

unsettled_losses as (

    select {{ row_key(['stock_id', 'adjustment_group']) }} as pool_id, demand_id, demand_date, place, units - settled_units as units
    from after_payouts

),

unmatched_payouts as (

    select
        {{ row_key(['payouts.stock_id', payout_group('payouts.')]) }} as pool_id,
        payouts.supply_id,
        payouts.approval_date as supply_date,
        payouts.left_units - coalesce(paid.units, 0) as units
    from payouts_after_kinds as payouts
    left join {{ units_by('supply_id', 'paid_as_settled') }} as paid on payouts.supply_id = paid.supply_id

),

{{ matched_oldest_first('paid_unsettled', 'unsettled_losses', 'unmatched_payouts', var('payout_match_days')) }},

matches as (

    select 'REFERENCE' as match_basis, 'FOUND' as what, * from found_by_reference
    union all
    select 'CASE' as match_basis, 'PAID' as what, * from paid_by_case
    union all
    select 'LEDGER' as match_basis, 'PAID' as what, * from paid_by_kind
    union all
    select 'LEDGER' as match_basis, 'PAID' as what, * from paid_as_settled
    union all
    select 'STOCK' as match_basis, 'FOUND' as what, * from found_as_settled
    union all
    select 'UNSETTLED' as match_basis, 'PAID' as what, * from paid_unsettled

)

select
    losses.account_id,
    matches.demand_id as adjustment_id,
    matches.match_basis,
    matches.what,
    matches.supply_id,
    matches.units
from matches
inner join losses on matches.demand_id = losses.demand_id
