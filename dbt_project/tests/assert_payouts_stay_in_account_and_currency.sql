{{ config(meta={
    'why': 'a payout was matched across accounts, or to a loss that came later',
    'remedy': 'report a fault with these rows; check the payout by hand before claiming or booking it',
}) }}

-- A payout is matched within its account and currency alone, and never before the loss that it is for.
with defects as (

    select * from {{ ref('int_defects__defects') }}

),

matched as (

    select * from {{ ref('int_defects__payouts') }}

)

select matched.defect_id, matched.reimbursement_id, defects.currency_code, matched.currency_code as payout_currency_code
from matched
left join defects on matched.defect_id = defects.defect_id and matched.account_id = defects.account_id
where
    defects.defect_id is null
    or matched.currency_code is distinct from defects.currency_code
    or (defects.event_type = 'WAREHOUSE_OPERATIONS' and matched.approval_date < defects.defect_date)
