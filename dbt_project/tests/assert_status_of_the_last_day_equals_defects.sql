{{ config(severity='error') }}

-- The daily history ends with the statuses of the defects, and every settled unit is in the distribution.
with daily as (

    select account_id, event_type, defect_type, defect_status, units
    from {{ ref('fct_defect_status_daily') }}
    where status_date = {{ as_of_date() }}

),

defects as (

    select * from {{ ref('fct_inventory_defects') }}

),

statuses as (

    select account_id, event_type, defect_type, 'ELIGIBLE_FOR_CLAIM' as defect_status, eligible_units as units from defects
    union all
    select account_id, event_type, defect_type, 'IN_PROGRESS' as defect_status, in_progress_units as units from defects
    union all
    select account_id, event_type, defect_type, 'RESOLVED' as defect_status, defect_units - eligible_units - in_progress_units as units from defects

),

expected as (

    select account_id, event_type, defect_type, defect_status, sum(units) as units
    from statuses
    group by account_id, event_type, defect_type, defect_status
    having sum(units) > 0

),

resolved as (

    select account_id, event_type, defect_type, sum(units) as units
    from {{ ref('fct_resolution_distribution') }}
    group by account_id, event_type, defect_type

)

select expected.account_id, expected.event_type, expected.defect_type, expected.defect_status, expected.units, daily.units as daily_units
from expected
full outer join daily
    on
        expected.account_id = daily.account_id
        and expected.event_type = daily.event_type
        and expected.defect_type = daily.defect_type
        and expected.defect_status = daily.defect_status
left join resolved
    on expected.account_id = resolved.account_id and expected.event_type = resolved.event_type and expected.defect_type = resolved.defect_type
where
    expected.units is distinct from daily.units
    or (expected.defect_status = 'RESOLVED' and expected.units is distinct from resolved.units)
