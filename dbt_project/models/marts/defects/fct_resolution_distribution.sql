with defects as (

    select * from {{ ref('fct_inventory_defects') }}

),

resolutions as (

    select *, 'REIMBURSED' as bucket, reimbursed_cash_units + reimbursed_inventory_units as units, reimbursed_cash_amount as cash_amount from defects
    union all
    select *, 'RECONCILE' as bucket, reconciled_units as units, 0 as cash_amount from defects
    union all
    select *, 'INELIGIBLE' as bucket, ineligible_units as units, 0 as cash_amount from defects

)

select
    account_id,
    cast(date_trunc('month', defect_date) as date) as month,
    event_type,
    defect_type,
    bucket as resolution_type,
    currency_code,
    cast(sum(units) as integer) as units,
    cast(count(*) as integer) as defect_count,
    cast(sum(cash_amount) as decimal(18, 4)) as cash_amount
from resolutions
where units > 0 or cash_amount <> 0
group by account_id, date_trunc('month', defect_date), event_type, defect_type, bucket, currency_code
