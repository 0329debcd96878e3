{{ config(severity='error') }}

-- Every lost or damaged unit of the ledger and every returned unit is in exactly one defect, up to the day of the build.
with ledger as (

    select ledger.account_id, sum(-ledger.quantity_units) as units
    from {{ ref('stg_amazon_seller__inventory_ledger') }} as ledger
    left join {{ ref('ledger_reason_codes') }} as codes on ledger.reason_code = codes.reason_code
    where
        ledger.event_type = 'ADJUSTMENTS'
        and ledger.quantity_units < 0
        and (codes.reason_code is null or codes.defect_type is not null)
        and ledger.event_date <= {{ as_of_date() }}
    group by ledger.account_id

),

returned as (

    select account_id, sum(coalesce(returned_units, 1)) as units
    from {{ ref('stg_amazon_seller__customer_returns') }}
    where return_date <= {{ as_of_date() }}
    group by account_id

),

staged as (

    select account_id, 'WAREHOUSE_OPERATIONS' as event_type, units from ledger
    union all
    select account_id, 'CUSTOMER_RETURNS' as event_type, units from returned

),

built as (

    select account_id, event_type, sum(defect_units) as units
    from {{ ref('fct_inventory_defects') }}
    where defect_type <> 'IN_TRANSIT'
    group by account_id, event_type

)

select staged.account_id, staged.event_type, staged.units, built.units as built_units
from staged
full outer join built on staged.account_id = built.account_id and staged.event_type = built.event_type
where staged.units is distinct from built.units
