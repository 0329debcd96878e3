-- What changes a defect, by day: units that are paid, replaced, settled without payment, or come back; claims filed and answered; and the days on which
-- its window opens and closes. Columns are changes, so a running sum of each is the state.

with defects as (

    select * from {{ ref('int_defects__defects') }}

),

payouts as (

    select payouts.*, defects.event_type, defects.defect_date, defects.amazon_order_id, defects.seller_sku
    from {{ ref('int_defects__payouts') }} as payouts
    inner join defects on payouts.defect_id = defects.defect_id

),

reconciled as (

    select * from {{ ref('int_defects__reconciled') }}

),

claims as (

    select * from {{ ref('int_defects__claims') }}

),

in_transit as (

    select * from defects where defect_type = 'IN_TRANSIT'

),

returned as (

    select * from defects where event_type = 'CUSTOMER_RETURNS' and defect_type <> 'IN_TRANSIT'

),

paid as (

    select defect_id, greatest(approval_date, defect_date) as change_date, payout_kind, units, cash_amount from payouts
    union all
    select defect_id, greatest(reversal_date, defect_date) as change_date, payout_kind, -units as units, reversed_cash_amount as cash_amount
    from payouts
    where reversal_date is not null

),

-- Until a unit came back, what was paid for it was paid for a unit in transit.
paid_before_return as (

    select
        in_transit.defect_id,
        in_transit.defect_date,
        payouts.defect_date as return_date,
        payouts.approval_date,
        payouts.payout_kind,
        payouts.units,
        payouts.cash_amount
    from payouts
    inner join in_transit
        on
            payouts.account_id = in_transit.account_id
            and payouts.amazon_order_id = in_transit.amazon_order_id
            and payouts.seller_sku = in_transit.seller_sku
    where payouts.defect_id <> in_transit.defect_id and payouts.approval_date < payouts.defect_date

),

carried as (

    select defect_id, greatest(approval_date, defect_date) as change_date, payout_kind, units, cash_amount from paid_before_return
    union all
    select defect_id, return_date as change_date, payout_kind, -units as units, -cash_amount as cash_amount from paid_before_return

),

arrivals as (

    select
        in_transit.defect_id,
        greatest(returned.defect_date, in_transit.defect_date) as change_date,
        returned.defect_units as units
    from returned
    inner join in_transit
        on
            returned.account_id = in_transit.account_id
            and returned.amazon_order_id = in_transit.amazon_order_id
            and returned.seller_sku = in_transit.seller_sku

),

answered as (

    select *, coalesce({{ add_days('closed_date', var('claim_payment_days')) }}, date '9999-12-31') as payable_until from claims

),

changes as (

    select
        defect_id, defect_date as change_date,
        0 as cash_units, 0 as inventory_units, 0 as found_units, 0 as corrected_units, 0 as unexplained_units, 0 as returned_units,
        0 as claimed_units, 0 as payable_units, 0 as denied_units, cast(0 as decimal(18, 4)) as cash_amount
    from defects
    union all
    select defect_id, eligible_from_date as change_date, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 from defects where eligible_from_date > defect_date
    union all
    select defect_id, {{ add_days('claim_deadline_date', 1) }} as change_date, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from defects
    where claim_deadline_date >= defect_date
    union all
    select
        defect_id, change_date,
        case payout_kind when 'CASH' then units else 0 end, case payout_kind when 'INVENTORY' then units else 0 end,
        0, 0, 0, 0, 0, 0, 0, cash_amount
    from paid
    union all
    select
        defect_id, change_date,
        case payout_kind when 'CASH' then units else 0 end, case payout_kind when 'INVENTORY' then units else 0 end,
        0, 0, 0, 0, 0, 0, 0, cash_amount
    from carried
    union all
    select
        defect_id, reconciled_date as change_date, 0, 0,
        case status_reason when 'FOUND' then units else 0 end,
        case status_reason when 'DISPOSITION_CORRECTED' then units else 0 end,
        case status_reason when 'RECONCILED_BY_AMAZON' then units else 0 end,
        0, 0, 0, 0, 0
    from reconciled
    union all
    select defect_id, change_date, 0, 0, 0, 0, 0, units, 0, 0, 0, 0 from arrivals
    union all
    select defect_id, filed_date as change_date, 0, 0, 0, 0, 0, 0, claimed_units, 0, 0, 0 from answered
    union all
    select
        defect_id, closed_date as change_date, 0, 0, 0, 0, 0, 0, -claimed_units,
        case when claim_state in ('GRANTED', 'CLOSED') then claimed_units else 0 end,
        case when claim_state = 'DENIED' then claimed_units else 0 end,
        0
    from answered
    where closed_date is not null
    union all
    select
        defect_id, payable_until as change_date, 0, 0, 0, 0, 0, 0, 0, -claimed_units,
        case when claim_state = 'CLOSED' then claimed_units else 0 end,
        0
    from answered
    where closed_date is not null and claim_state in ('GRANTED', 'CLOSED')

)

select
    changes.defect_id,
    greatest(changes.change_date, defects.defect_date) as change_date,
    cast(sum(changes.cash_units) as integer) as cash_units,
    cast(sum(changes.inventory_units) as integer) as inventory_units,
    cast(sum(changes.found_units) as integer) as found_units,
    cast(sum(changes.corrected_units) as integer) as corrected_units,
    cast(sum(changes.unexplained_units) as integer) as unexplained_units,
    cast(sum(changes.returned_units) as integer) as returned_units,
    cast(sum(changes.claimed_units) as integer) as claimed_units,
    cast(sum(changes.payable_units) as integer) as payable_units,
    cast(sum(changes.denied_units) as integer) as denied_units,
    cast(sum(changes.cash_amount) as decimal(18, 4)) as cash_amount
from changes
inner join defects on changes.defect_id = defects.defect_id
group by changes.defect_id, greatest(changes.change_date, defects.defect_date)
