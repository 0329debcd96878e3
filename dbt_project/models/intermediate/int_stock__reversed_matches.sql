-- The loss that a reversed payout was for, in this order: the loss of what was given instead of it, or given back; a loss whose units were found at
-- that time; the oldest loss that is open again; the oldest loss that Amazon still calls settled without an explanation. What was given and then
-- taken back follows what it was given for.

with matches as (

    select * from {{ ref('int_stock__matches') }}

),

adjustments as (

    select * from {{ ref('int_stock__adjustments') }}

),

payouts as (

    select * from {{ ref('int_payouts__netted') }} where pays_for = 'STOCK'

),

order_matches as (

    select reversal_key, sum(units) as units
    from {{ ref('int_returns__matches') }}
    where reversal_key is not null
    group by reversal_key

),

reversals as (

    select
        reversals.reversal_key as supply_id,
        reversals.place as supply_place,
        {{ row_key(['payouts.account_id', 'payouts.origin_id', 'payouts.stock_key']) }} as origin_pool_id,
        {{ row_key(
            [row_key(['payouts.account_id', 'payouts.stock_key', 'payouts.currency_code']), payout_group('payouts.')]
        ) }} as pool_id,
        payouts.given_by_line_id,
        payouts.approval_date,
        reversals.reversal_date,
        reversals.units - coalesce(order_matches.units, 0) as units
    from {{ ref('int_payouts__reversals') }} as reversals
    inner join payouts on reversals.payout_key = payouts.payout_key
    left join order_matches on reversals.reversal_key = order_matches.reversal_key

),

given_units as (

    select
        {{ row_key(['payouts.account_id', 'payouts.origin_id', 'payouts.stock_key']) }} as pool_id,
        {{ row_key(['matches.adjustment_id', 'matches.supply_id']) }} as demand_id,
        losses.event_date as demand_date,
        losses.place,
        matches.units,
        matches.adjustment_id
    from matches
    inner join payouts on matches.supply_id = payouts.payout_key
    inner join adjustments as losses on matches.adjustment_id = losses.adjustment_id
    where matches.what = 'PAID' and payouts.given_by_line_id is not null

),

reversals_with_gifts as (

    select origin_pool_id as pool_id, supply_id, {{ add_days('approval_date', var('payout_lead_days')) }} as supply_date, supply_place, units
    from reversals
    where given_by_line_id is null

),

{{ matched_oldest_first('given_again', 'given_units', 'reversals_with_gifts', supply_place='supply_place') }},

left_by_gifts as (

    select reversals.*, reversals.units - coalesce(given.units, 0) as left_units
    from reversals
    left join {{ units_by('supply_id', 'given_again') }} as given on reversals.supply_id = given.supply_id

),

found_units as (

    select
        {{ row_key(['losses.stock_id', 'losses.adjustment_group']) }} as pool_id,
        {{ row_key(['matches.adjustment_id', 'matches.supply_id']) }} as demand_id,
        evidence.event_date as demand_date,
        losses.place,
        matches.units,
        losses.adjustment_id,
        losses.event_date as loss_date
    from matches
    inner join adjustments as losses on matches.adjustment_id = losses.adjustment_id
    inner join adjustments as evidence on matches.supply_id = evidence.adjustment_id
    where matches.what = 'FOUND'

),

-- The units may be entered as found some days before or after.
reversals_when_found as (

    select
        pool_id,
        supply_id,
        {{ dbt.dateadd('day', var('reversal_found_days'), 'reversal_date') }} as supply_date,
        supply_place,
        left_units as units
    from left_by_gifts

),

{{ matched_oldest_first(
    'found_again', 'found_units', 'reversals_when_found', 2 * var('reversal_found_days'), supply_place='supply_place'
) }},

-- A payout cannot be for a loss that came much later.
found_after_payment as (

    select found_units.adjustment_id, found_again.supply_id, sum(found_again.units) as units
    from found_again
    inner join found_units on found_again.demand_id = found_units.demand_id
    inner join reversals on found_again.supply_id = reversals.supply_id
    where found_units.loss_date <= {{ add_days('reversals.approval_date', var('payout_lead_days')) }}
    group by found_units.adjustment_id, found_again.supply_id

),

open_losses as (

    select
        {{ row_key(['losses.stock_id', 'losses.adjustment_group']) }} as pool_id,
        losses.adjustment_id as demand_id,
        losses.event_date as demand_date,
        losses.place,
        -losses.quantity_units - greatest(coalesce(losses.reconciled_units, 0), coalesce(settled.units, 0)) as units,
        greatest(coalesce(losses.reconciled_units, 0) - coalesce(settled.units, 0), 0) as unexplained_units
    from adjustments as losses
    left join {{ units_by('adjustment_id', 'matches', "what <> 'FOUND_OPEN'") }} as settled on losses.adjustment_id = settled.adjustment_id
    where losses.defect_type is not null

),

left_reversals as (

    select
        reversals.pool_id,
        reversals.supply_id,
        {{ add_days('reversals.approval_date', var('payout_lead_days')) }} as supply_date,
        reversals.supply_place,
        reversals.left_units - coalesce(found.units, 0) as units
    from left_by_gifts as reversals
    left join {{ units_by('supply_id', 'found_after_payment') }} as found on reversals.supply_id = found.supply_id

),

{{ matched_oldest_first(
    'open_again', 'open_losses', 'left_reversals', var('payout_match_days') + var('payout_lead_days'), supply_place='supply_place'
) }},

unexplained_losses as (

    select pool_id, demand_id, demand_date, place, unexplained_units as units from open_losses

),

still_left_reversals as (

    select
        reversals.pool_id,
        reversals.supply_id,
        reversals.supply_date,
        reversals.supply_place,
        reversals.units - coalesce(open_again.units, 0) as units
    from left_reversals as reversals
    left join {{ units_by('supply_id', 'open_again') }} as open_again on reversals.supply_id = open_again.supply_id

),

{{ matched_oldest_first(
    'settled_unexplained', 'unexplained_losses', 'still_left_reversals', var('payout_match_days') + var('payout_lead_days'),
    supply_place='supply_place'
) }},

known_in_parts as (

    select given_units.adjustment_id, given_again.supply_id, given_again.units
    from given_again
    inner join given_units on given_again.demand_id = given_units.demand_id
    union all
    select adjustment_id, supply_id, units from found_after_payment
    union all
    select demand_id as adjustment_id, supply_id, units from open_again
    union all
    select demand_id as adjustment_id, supply_id, units from settled_unexplained

),

known as (

    select adjustment_id, supply_id, sum(units) as units
    from known_in_parts
    group by adjustment_id, supply_id

),

first_payments as (

    select
        reversals.origin_pool_id as pool_id,
        {{ row_key(['known.adjustment_id', 'known.supply_id']) }} as demand_id,
        reversals.reversal_date as demand_date,
        reversals.supply_place as place,
        known.units,
        known.adjustment_id
    from known
    inner join reversals on known.supply_id = reversals.supply_id
    where reversals.given_by_line_id is null

),

gifts_taken_back as (

    select
        reversals.origin_pool_id as pool_id,
        reversals.supply_id,
        reversals.reversal_date as supply_date,
        reversals.supply_place,
        reversals.units - coalesce(known.units, 0) as units
    from reversals
    left join {{ units_by('supply_id', 'known') }} as known on reversals.supply_id = known.supply_id
    where reversals.given_by_line_id is not null

),

{{ matched_oldest_first('following', 'first_payments', 'gifts_taken_back', supply_place='supply_place') }}

select adjustment_id, supply_id as reversal_key, cast(units as integer) as units from known
union all
select first_payments.adjustment_id, following.supply_id as reversal_key, cast(sum(following.units) as integer) as units
from following
inner join first_payments on following.demand_id = first_payments.demand_id
group by first_payments.adjustment_id, following.supply_id
