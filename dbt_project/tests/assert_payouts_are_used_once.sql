{{ config(severity='error') }}

-- No unit of a payout and no found unit is matched to two defects, and no more money is assigned than was paid.
with matched as (

    select reimbursement_id, payout_key, sum(units) as units, sum(cash_amount) as cash_amount
    from {{ ref('int_defects__payouts') }}
    where units > 0
    group by reimbursement_id, payout_key

),

payouts as (

    select * from {{ ref('int_payouts__netted') }}

),

found as (

    select supply_id, sum(units) as units
    from {{ ref('int_stock__matches') }}
    where what in ('FOUND', 'FOUND_OPEN')
    group by supply_id

),

adjustments as (

    select * from {{ ref('int_stock__adjustments') }}

)

select payouts.payout_key as used_id, payouts.units as held_units, matched.units as used_units
from payouts
inner join matched on payouts.payout_key = matched.payout_key
where matched.units > payouts.units or abs(matched.cash_amount) > abs(payouts.cash_amount)
union all
select adjustments.adjustment_id as used_id, adjustments.quantity_units as held_units, found.units as used_units
from adjustments
inner join found on adjustments.adjustment_id = found.supply_id
where found.units > adjustments.quantity_units
