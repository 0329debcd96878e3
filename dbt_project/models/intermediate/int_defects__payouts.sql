-- One row per defect and payout of it: units and money, and what took them back, if anything did. Money is divided by units, and the shares of
-- a payout or reversal add up to it. Money that was taken back or added without a unit is a row with 0 units.

with stock_matches as (

    select * from {{ ref('int_stock__matches') }} where what = 'PAID'

),

stock_reversals as (

    select * from {{ ref('int_stock__reversed_matches') }}

),

return_matches as (

    select * from {{ ref('int_returns__matches') }}

),

losses as (

    select * from {{ ref('int_stock__adjustments') }}

),

returns as (

    select * from {{ ref('int_returns__defects') }}

),

payouts as (

    select * from {{ ref('int_payouts__netted') }}

),

reversals as (

    select * from {{ ref('int_payouts__reversals') }}

),

matches as (

    select adjustment_id as defect_id, supply_id as payout_key, cast(null as varchar) as reversal_key, units, match_basis from stock_matches
    union all
    select matches.adjustment_id as defect_id, reversals.payout_key, matches.reversal_key, matches.units, 'REVERSAL' as match_basis
    from stock_reversals as matches
    inner join reversals on matches.reversal_key = reversals.reversal_key
    union all
    select defect_id, payout_key, reversal_key, units, match_basis from return_matches

),

-- Units that were kept come first, then units that were taken back, each in the order of the defects.
dated as (

    select
        matches.*,
        case when matches.reversal_key is null then 0 else reversals.place end as reversal_place,
        coalesce(losses.event_date, returns.defect_date) as defect_date,
        losses.place as loss_place,
        returns.amazon_order_id,
        returns.seller_sku,
        returns.transaction_id
    from matches
    left join reversals on matches.reversal_key = reversals.reversal_key
    left join losses on matches.defect_id = losses.adjustment_id
    left join returns on matches.defect_id = returns.defect_id

),

placed as (

    select
        *,
        sum(units) over (
            partition by payout_key
            order by reversal_place, reversal_key, defect_date, loss_place, amazon_order_id, seller_sku, transaction_id, match_basis, defect_id
            rows unbounded preceding
        ) as last_unit,
        sum(units) over (
            partition by reversal_key
            order by defect_date, loss_place, amazon_order_id, seller_sku, transaction_id, match_basis, defect_id
            rows unbounded preceding
        ) as last_reversed_unit
    from dated

),

-- Money without units goes to the units that are still paid, or to all if none is.
money_alone as (

    select
        reversals.payout_key,
        reversals.reversal_date,
        reversals.cash_amount,
        payouts.units > payouts.reversed_units as is_of_kept,
        case when payouts.units > payouts.reversed_units then payouts.units - payouts.reversed_units else payouts.units end as units
    from reversals
    inner join payouts on reversals.payout_key = payouts.payout_key
    where reversals.units = 0

),

shares as (

    select
        defect_id,
        payout_key,
        match_basis,
        units,
        cast(null as date) as money_date,
        last_unit,
        reversal_key,
        last_reversed_unit,
        cast(null as decimal(18, 4)) as money_amount,
        cast(null as integer) as money_units
    from placed
    union all
    select
        placed.defect_id,
        placed.payout_key,
        placed.match_basis,
        placed.units,
        money_alone.reversal_date as money_date,
        placed.last_unit,
        cast(null as varchar) as reversal_key,
        cast(null as integer) as last_reversed_unit,
        money_alone.cash_amount as money_amount,
        money_alone.units as money_units
    from placed
    inner join money_alone on placed.payout_key = money_alone.payout_key
    where placed.reversal_key is null or not money_alone.is_of_kept

)

select
    payouts.account_id,
    shares.defect_id,
    shares.payout_key,
    payouts.reimbursement_id,
    payouts.payout_kind,
    payouts.currency_code,
    payouts.case_id,
    coalesce(shares.money_date, payouts.approval_date) as approval_date,
    reversals.reversal_date,
    shares.match_basis,
    case when shares.money_date is null then shares.units else 0 end as units,
    case
        when shares.money_date is null
            then {{ amount_of_units('payouts.cash_amount', 'shares.last_unit - shares.units', 'shares.last_unit', 'payouts.units') }}
        else {{ amount_of_units('shares.money_amount', 'shares.last_unit - shares.units', 'shares.last_unit', 'shares.money_units') }}
    end as cash_amount,
    case
        when shares.reversal_key is not null
            then {{ amount_of_units(
                'reversals.cash_amount', 'shares.last_reversed_unit - shares.units', 'shares.last_reversed_unit', 'reversals.units'
            ) }}
    end as reversed_cash_amount
from shares
inner join payouts on shares.payout_key = payouts.payout_key
left join reversals on shares.reversal_key = reversals.reversal_key
