-- The changes of a defect by day: units paid, replaced, settled without payment, or returned; claims filed and answered; and the days on
-- which its window opens and closes. Columns hold changes, so a running sum of each is the state.

with defects as (

    select * from {{ ref('int_defects__defects') }}

),

payouts as (

    select
        payouts.account_id,
        payouts.defect_id,
        payouts.payout_kind,
        payouts.approval_date,
        payouts.reversal_date,
        payouts.units,
        -- Money of two currencies is never added.
        case when payouts.currency_code = defects.currency_code then payouts.cash_amount else 0 end as cash_amount,
        case when payouts.currency_code = defects.currency_code then payouts.reversed_cash_amount else 0 end as reversed_cash_amount,
        defects.defect_date,
        defects.refund_defect_id
    from {{ ref('int_defects__payouts') }} as payouts
    inner join defects on payouts.defect_id = defects.defect_id

),

reconciled as (

    select * from {{ ref('int_defects__reconciled') }}

),

claims as (

    select * from {{ ref('int_defects__claims') }}

),

paid as (

    select defect_id, approval_date as change_date, payout_kind as measure, units, cash_amount from payouts
    union all
    select defect_id, reversal_date as change_date, payout_kind as measure, -units as units, reversed_cash_amount as cash_amount
    from payouts
    where reversal_date is not null

),

-- Until a unit comes back, a payment for it is one for a unit in transit.
paid_before_return as (

    select
        refund_defect_id as defect_id,
        defect_date as return_date,
        approval_date,
        payout_kind,
        units,
        cash_amount
    from payouts
    where refund_defect_id is not null and approval_date < defect_date

),

carried as (

    select defect_id, approval_date as change_date, payout_kind as measure, units, cash_amount from paid_before_return
    union all
    select defect_id, return_date as change_date, payout_kind as measure, -units as units, -cash_amount as cash_amount from paid_before_return

),

-- A unit that was found and that Amazon has not reconciled yet.
offset_units as (

    select
        matches.adjustment_id as defect_id,
        evidence.supply_date as change_date,
        'OFFSET' as measure,
        matches.units,
        0 as cash_amount
    from {{ ref('int_stock__matches') }} as matches
    inner join {{ ref('int_stock__evidence') }} as evidence on matches.supply_id = evidence.supply_id
    where matches.what = 'FOUND_OPEN'

),

arrived as (

    select refund_defect_id as defect_id, defect_date as change_date, 'RETURNED' as measure, defect_units as units, 0 as cash_amount
    from defects
    where refund_defect_id is not null

),

claimed as (

    select defect_id, open_from_date as change_date, 'CLAIMED' as measure, claimed_units as units from claims
    union all
    select defect_id, open_until_date as change_date, 'CLAIMED' as measure, -claimed_units as units from claims
    union all
    select defect_id, payable_from_date as change_date, 'PAYABLE' as measure, claimed_units as units from claims
    union all
    select defect_id, payable_until_date as change_date, 'PAYABLE' as measure, -claimed_units as units from claims
    union all
    select defect_id, denied_from_date as change_date, 'DENIED' as measure, claimed_units as units from claims
    union all
    select defect_id, denied_until_date as change_date, 'DENIED' as measure, -claimed_units as units from claims

),

-- Days on which only time passes.
passed as (

    select defect_id, defect_date as change_date, 'TIME' as measure, 0 as units, 0 as cash_amount from defects
    union all
    select defect_id, eligible_from_date as change_date, 'TIME' as measure, 0 as units, 0 as cash_amount
    from defects
    where eligible_from_date is not null
    union all
    select defect_id, {{ add_days('claim_deadline_date', 1) }} as change_date, 'TIME' as measure, 0 as units, 0 as cash_amount
    from defects
    where claim_deadline_date is not null

),

changes as (

    select * from paid
    union all
    select * from carried
    union all
    select defect_id, reconciled_date as change_date, status_reason as measure, units, 0 as cash_amount from reconciled
    union all
    select * from arrived
    union all
    select * from offset_units
    union all
    select defect_id, change_date, measure, units, 0 as cash_amount from claimed where change_date is not null
    union all
    select * from passed

)

select
    changes.defect_id,
    -- Nothing can change before the defect exists.
    greatest(changes.change_date, defects.defect_date) as change_date,
    {{ units_of('CASH') }} as cash_units,
    {{ units_of('INVENTORY') }} as inventory_units,
    {{ units_of('FOUND') }} as found_units,
    {{ units_of('DISPOSITION_CORRECTED') }} as corrected_units,
    {{ units_of('RECONCILED_BY_AMAZON') }} as unexplained_units,
    {{ units_of('OFFSET') }} as offset_units,
    {{ units_of('RETURNED') }} as returned_units,
    {{ units_of('CLAIMED') }} as claimed_units,
    {{ units_of('PAYABLE') }} as payable_units,
    {{ units_of('DENIED') }} as denied_units,
    cast(sum(changes.cash_amount) as decimal(18, 4)) as cash_amount
from changes
inner join defects on changes.defect_id = defects.defect_id
group by changes.defect_id, greatest(changes.change_date, defects.defect_date)
