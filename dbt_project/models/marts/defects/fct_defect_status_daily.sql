with moves as (

    select * from {{ ref('fct_defect_status_moves') }}

),

calendar as (

    select * from {{ ref('dim_calendar') }}

),

moved as (

    select
        account_id,
        event_type,
        defect_type,
        defect_status,
        move_date,
        sum(units) as units
    from moves
    group by account_id, event_type, defect_type, defect_status, move_date

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
