{{ config(severity='error') }}

-- Every unit of a defect is in exactly one bucket, and none has a negative count; denied and expired units are ineligible.
select account_id, defect_id
from {{ ref('fct_inventory_defects') }}
where
    defect_units <> reimbursed_cash_units + reimbursed_inventory_units + reconciled_units + in_progress_units + eligible_units + ineligible_units
    or least(reimbursed_cash_units, reimbursed_inventory_units, reconciled_units, in_progress_units, eligible_units, ineligible_units) < 0
    or denied_units < 0
    or expired_units < 0
    or denied_units + expired_units > ineligible_units
