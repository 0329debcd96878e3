-- Losses and damages, and how many of their units Amazon calls settled. Without its figures, every unit may be settled.

with adjustments as (

    select * from {{ ref('int_stock__adjustments') }} where defect_type is not null

)

select
    account_id,
    adjustment_id as demand_id,
    event_date as demand_date,
    place,
    adjustment_group,
    stock_id,
    stock_key,
    currency_code,
    is_currency_assumed,
    reference_id,
    -quantity_units as units,
    coalesce(reconciled_units, -quantity_units) as settled_units
from adjustments
