with periods as (

    select * from {{ ref('int_defects__status_periods') }}

),

defects as (

    select * from {{ ref('int_defects__defects') }}

),

statuses as (

    select account_id, defect_id, valid_from, valid_before, 'ELIGIBLE_FOR_CLAIM' as defect_status, eligible_units as units from periods
    union all
    select account_id, defect_id, valid_from, valid_before, 'IN_PROGRESS' as defect_status, in_progress_units as units from periods
    union all
    select
        account_id, defect_id, valid_from, valid_before, 'RESOLVED' as defect_status,
        defect_units - eligible_units - in_progress_units as units
    from periods

),

-- Units enter a status on one day and leave it on another.
moves as (

    select defect_id, defect_status, valid_from as move_date, units from statuses where units > 0
    union all
    select defect_id, defect_status, valid_before as move_date, -units as units from statuses where units > 0 and valid_before is not null

),

moved as (

    select defect_id, defect_status, move_date, sum(units) as units
    from moves
    group by defect_id, defect_status, move_date
    having sum(units) <> 0

)

select
    defects.account_id,
    moved.defect_id,
    defects.event_type,
    defects.defect_type,
    defects.seller_sku,
    defects.fnsku,
    defects.asin,
    moved.defect_status,
    moved.move_date,
    cast(moved.units as integer) as units
from moved
inner join defects on moved.defect_id = defects.defect_id
