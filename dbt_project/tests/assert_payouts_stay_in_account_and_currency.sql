{{ config(meta={
    'why': 'a payout was matched across accounts, or to a loss that came later',
    'remedy': 'report a fault with these rows; check the payout by hand before claiming or booking it',
}) }}

-- A payout is matched only within its account; by its order in any currency, by its stock in the currency that Amazon pays there; not before the loss
-- that it is for, except for the days by which an entry may be late.
with defects as (

    select * from {{ ref('int_defects__defects') }}

),

adjustments as (

    select * from {{ ref('int_stock__adjustments') }}

),

matched as (

    select * from {{ ref('int_defects__payouts') }}

)

select matched.defect_id, matched.reimbursement_id, defects.currency_code, matched.currency_code as payout_currency_code
from matched
left join defects on matched.defect_id = defects.defect_id and matched.account_id = defects.account_id
left join adjustments on matched.defect_id = adjustments.adjustment_id
where
    defects.defect_id is null
    or (not adjustments.is_currency_assumed and matched.currency_code is distinct from adjustments.currency_code)
    or (
        defects.event_type = 'WAREHOUSE_OPERATIONS'
        and matched.units > 0
        and matched.approval_date < {{ add_days('defects.defect_date', -var('payout_lead_days')) }}
    )
