with periods as (

    select * from {{ ref('int_defects__status_periods') }}

),

defects as (

    select * from {{ ref('int_defects__defects') }}

),

calendar as (

    select * from {{ ref('dim_calendar') }}

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

    select account_id, defect_id, defect_status, valid_from as move_date, units from statuses where units > 0
    union all
    select account_id, defect_id, defect_status, valid_before as move_date, -units as units from statuses where units > 0 and valid_before is not null

),

moved as (

    select
        moves.account_id,
        defects.event_type,
        defects.defect_type,
        moves.defect_status,
        moves.move_date,
        sum(moves.units) as units
    from moves
    inner join defects on moves.defect_id = defects.defect_id
    group by moves.account_id, defects.event_type, defects.defect_type, moves.defect_status, moves.move_date

),

held as (

    select
        *,
        sum(units) over kind as held_units,
        coalesce(lead(move_date) over kind, {{ add_days(as_of_date(), 1) }}) as until_date
    from moved
    window kind as (partition by account_id, event_type, defect_type, defect_status order by move_date)

)

select
    held.account_id,
    calendar.calendar_date as status_date,
    held.event_type,
    held.defect_type,
    held.defect_status,
    cast(held.held_units as integer) as units
from held
inner join calendar on held.move_date <= calendar.calendar_date and held.until_date > calendar.calendar_date
where held.held_units > 0
