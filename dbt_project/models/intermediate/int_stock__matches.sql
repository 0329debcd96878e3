-- Which payout, find or correction belongs to which loss or damage: the sure matches, then the last resorts for the rest, each first for units that
-- are still reported as reconciled and then for open units:
--   CURRENCY  a payout in another currency, if the account has no marketplace in the country of the stock
--   REASON    a payout for a damage where there is a loss, or the other way round
-- A unit that was found but that Amazon has not reconciled yet offsets a unit that is still missing, and settles nothing.
-- sqlfluff:indentation:template_blocks_indent:False

{% set lead_days = var('payout_lead_days') %}
{% set resorts = [
    ('CURRENCY', ['account_id', 'stock_key', 'adjustment_group'], ['account_id', 'stock_key', payout_group()], 'losses.is_currency_assumed'),
    ('REASON', ['stock_id'], ['stock_id'], "losses.adjustment_group in ('LOST', 'DAMAGED')"),
] %}

with sure_matches as (

    select * from {{ ref('int_stock__sure_matches') }}

),

losses as (

    select * from {{ ref('int_stock__losses') }}

),

payouts as (

    select
        *,
        {{ add_days('approval_date', lead_days) }} as supply_date
    from {{ ref('int_stock__payouts') }}

),

evidence as (

    select * from {{ ref('int_stock__evidence') }}

),

matches_0 as (

    select adjustment_id, match_basis, what, is_settled, supply_id, units from sure_matches

),

{% for basis, loss_keys, payout_keys, condition in resorts %}
{% set number = loop.index0 * 2 %}
{% for settled in ['true', 'false'] %}
{% set before = 'matches_' ~ (number + loop.index0) %}
{% set now = 'resort_' ~ (number + loop.index) %}
{{ now }}_losses as (

    select
        {{ row_key(loss_keys) }} as pool_id,
        losses.demand_id,
        losses.demand_date,
        losses.place,
        {{ 'losses.settled_units' if settled == 'true' else 'losses.units - losses.settled_units' }} - coalesce(used.units, 0) as units
    from losses
    left join {{ units_by('adjustment_id', before, 'is_settled = ' ~ settled) }} as used on losses.demand_id = used.adjustment_id
    where {{ condition }}

),

{{ now }}_payouts as (

    select
        {{ row_key(payout_keys) }} as pool_id,
        payouts.supply_id,
        payouts.supply_date,
        payouts.supply_place,
        payouts.net_units - coalesce(used.units, 0) as units
    from payouts
    left join {{ units_by('supply_id', before) }} as used on payouts.supply_id = used.supply_id

),

{{ matched_oldest_first(now, now ~ '_losses', now ~ '_payouts', var('payout_match_days') + lead_days, supply_place='supply_place') }},

matches_{{ number + loop.index }} as (

    select * from {{ before }}
    union all
    select demand_id as adjustment_id, '{{ basis }}' as match_basis, 'PAID' as what, {{ settled }} as is_settled, supply_id, units
    from {{ now }}

),

{% endfor %}
{% endfor %}
open_losses as (

    select losses.*, losses.units - losses.settled_units - coalesce(used.units, 0) as open_units
    from losses
    left join {{ units_by('adjustment_id', 'matches_' ~ resorts | length * 2, 'not is_settled') }} as used on losses.demand_id = used.adjustment_id
    where losses.adjustment_group = 'LOST'

),

open_referenced_losses as (

    select {{ row_key(['stock_id', 'reference_id']) }} as pool_id, demand_id, demand_date, place, open_units as units
    from open_losses
    where reference_id is not null

),

open_referenced_finds as (

    select {{ row_key(['stock_id', 'reference_id']) }} as pool_id, supply_id, supply_date, supply_place, open_units as units
    from evidence
    where reference_id is not null

),

{{ matched_oldest_first('offset_by_reference', 'open_referenced_losses', 'open_referenced_finds', supply_place='supply_place') }},

still_open_losses as (

    select
        losses.stock_id as pool_id,
        losses.demand_id,
        losses.demand_date,
        losses.place,
        losses.open_units - coalesce(used.units, 0) as units
    from open_losses as losses
    left join {{ units_by('demand_id', 'offset_by_reference') }} as used on losses.demand_id = used.demand_id

),

open_finds as (

    select
        evidence.stock_id as pool_id,
        evidence.supply_id,
        {{ add_days('evidence.supply_date', var('found_lookback_days')) }} as supply_date,
        evidence.supply_place,
        evidence.open_units - coalesce(used.units, 0) as units
    from evidence
    left join {{ units_by('supply_id', 'offset_by_reference') }} as used on evidence.supply_id = used.supply_id

),

{{ matched_oldest_first(
    'offset_by_stock', 'still_open_losses', 'open_finds', var('payout_match_days') + var('found_lookback_days'), supply_place='supply_place'
) }},

matches as (

    select * from matches_{{ resorts | length * 2 }}
    union all
    select demand_id as adjustment_id, 'REFERENCE' as match_basis, 'FOUND_OPEN' as what, false as is_settled, supply_id, units
    from offset_by_reference
    union all
    select demand_id as adjustment_id, 'STOCK' as match_basis, 'FOUND_OPEN' as what, false as is_settled, supply_id, units
    from offset_by_stock

)

select
    losses.account_id,
    matches.adjustment_id,
    matches.match_basis,
    matches.what,
    matches.is_settled,
    matches.supply_id,
    matches.units
from matches
inner join losses on matches.adjustment_id = losses.demand_id
