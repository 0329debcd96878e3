-- Evidence that a loss or damage was settled without payment: units found, and units moved back from damaged stock. Units that were found but
-- that Amazon has not reconciled yet are separate.

with adjustments as (

    select * from {{ ref('int_stock__adjustments') }}

),

-- A correction is two entries: one takes units from their old disposition, one adds them to the new one. Only units that leave the damaged
-- stock of the warehouse settle a damage.
events as (

    select
        *,
        {{ row_key(['stock_id', 'reference_id', 'case when reference_id is null then event_date end']) }} as correction_id
    from adjustments
    where adjustment_group = 'DISPOSITION_CHANGE'

),

left_damaged as (

    select correction_id, -sum(quantity_units) as units
    from events
    where quantity_units < 0 and disposition = 'WAREHOUSE_DAMAGED'
    group by correction_id

),

arrived as (

    select
        events.*,
        left_damaged.units as left_units,
        sum(events.quantity_units) over (
            partition by events.correction_id
            order by case events.disposition when 'SELLABLE' then 0 else 1 end, events.place
            rows unbounded preceding
        ) as upto
    from events
    inner join left_damaged on events.correction_id = left_damaged.correction_id
    where events.quantity_units > 0 and events.disposition <> 'WAREHOUSE_DAMAGED'

),

found as (

    select * from adjustments where adjustment_group = 'FOUND' and quantity_units > 0

)

select
    account_id,
    adjustment_id as supply_id,
    stock_id,
    stock_key,
    reference_id,
    'LOST' as settles,
    event_date as supply_date,
    place as supply_place,
    coalesce(reconciled_units, quantity_units) as units,
    coalesce(unreconciled_units, 0) as open_units
from found
union all
select
    account_id,
    adjustment_id as supply_id,
    stock_id,
    stock_key,
    reference_id,
    'DAMAGED' as settles,
    event_date as supply_date,
    place as supply_place,
    least(quantity_units, greatest(left_units - (upto - quantity_units), 0)) as units,
    0 as open_units
from arrived
