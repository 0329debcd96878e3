-- Which payout of an order is for which of its units, in any currency: first units that Amazon owes, then units that have not come back yet, then
-- any. Units that were taken back have their reversal beside them. Last, a payout for a return that names no order goes to the oldest
-- unpaid return of its stock.

with defects as (

    select
        returns.*,
        upper(returns.seller_sku) as sku_key,
        coalesce(upper(returns.fnsku), names.paired_key, upper(returns.seller_sku)) as stock_key,
        row_number() over (
            partition by returns.account_id
            order by
                returns.anchor_date, returns.defect_date, returns.amazon_order_id, returns.seller_sku, returns.fnsku, returns.transaction_id,
                returns.disposition, returns.fulfillment_center_id, returns.defect_id
        ) as date_place
    from {{ ref('int_returns__defects') }} as returns
    left join {{ ref('int_products__names') }} as names
        on returns.account_id = names.account_id and names.name_kind = 'SKU' and upper(returns.seller_sku) = names.name_key

),

payouts as (

    select * from {{ ref('int_payouts__netted') }} where pays_for in ('ORDER', 'STOCK')

),

reversals as (

    select * from {{ ref('int_payouts__reversals') }} where units > 0

),

pooled as (

    select
        *,
        {{ row_key(['account_id', 'amazon_order_id', 'sku_key']) }} as pool_id,
        row_number() over (
            partition by account_id
            order by case when outcome <> 'CLAIMABLE' then 3 when defect_type = 'IN_TRANSIT' then 2 else 1 end, date_place
        ) as place
    from defects

),

-- Products of an order, for payouts that do not name the SKU.
order_skus as (

    select account_id, amazon_order_id, min(sku_key) as sku_key
    from defects
    where amazon_order_id is not null
    group by account_id, amazon_order_id
    having min(sku_key) = max(sku_key)

),

order_stock as (

    select account_id, amazon_order_id, stock_key, min(sku_key) as sku_key
    from defects
    where amazon_order_id is not null
    group by account_id, amazon_order_id, stock_key
    having min(sku_key) = max(sku_key)

),

order_payouts as (

    select
        payouts.*,
        {{ row_key([
            'payouts.account_id', 'payouts.amazon_order_id',
            'coalesce(upper(payouts.seller_sku), order_stock.sku_key, payouts.sku_key, case when payouts.fnsku is null then order_skus.sku_key end)',
        ]) }} as pool_id
    from payouts
    left join order_stock
        on
            payouts.account_id = order_stock.account_id
            and payouts.amazon_order_id = order_stock.amazon_order_id
            and payouts.stock_key = order_stock.stock_key
    left join order_skus on payouts.account_id = order_skus.account_id and payouts.amazon_order_id = order_skus.amazon_order_id
    where payouts.amazon_order_id is not null

),

-- A payment may come before the returned unit, so dates do not matter within an order.
owed as (

    select
        pooled.pool_id,
        pooled.defect_id as demand_id,
        date '1970-01-01' as demand_date,
        pooled.place,
        pooled.defect_units - pooled.returned_units as units
    from pooled

),

kept as (

    select pool_id, payout_key as supply_id, approval_date as supply_date, place as supply_place, units - reversed_units as units
    from order_payouts

),

{{ matched_oldest_first('paid', 'owed', 'kept', supply_place='supply_place') }},

still_owed as (

    select owed.pool_id, owed.demand_id, owed.demand_date, owed.place, owed.units - coalesce(paid_units.units, 0) as units
    from owed
    left join {{ units_by('demand_id', 'paid') }} as paid_units on owed.demand_id = paid_units.demand_id

),

order_reversals as (

    select
        payouts.pool_id,
        reversals.reversal_key as supply_id,
        reversals.reversal_date as supply_date,
        reversals.place as supply_place,
        reversals.units,
        payouts.payout_key
    from reversals
    inner join order_payouts as payouts on reversals.payout_key = payouts.payout_key

),

{{ matched_oldest_first('taken_back', 'still_owed', 'order_reversals', supply_place='supply_place') }},

-- Without an order.

unpaid as (

    select
        {{ row_key(['pooled.account_id', 'pooled.stock_key', 'pooled.currency_code']) }} as pool_id,
        still_owed.demand_id,
        pooled.defect_date as demand_date,
        pooled.date_place as place,
        still_owed.units - coalesce(taken_units.units, 0) as units
    from still_owed
    inner join pooled on still_owed.demand_id = pooled.defect_id
    left join {{ units_by('demand_id', 'taken_back') }} as taken_units on still_owed.demand_id = taken_units.demand_id
    where pooled.outcome = 'CLAIMABLE'

),

nameless as (

    select
        {{ row_key(['account_id', 'stock_key', 'currency_code']) }} as pool_id,
        payout_key as supply_id,
        approval_date as supply_date,
        place as supply_place,
        units - reversed_units as units
    from payouts
    where amazon_order_id is null and reason_category = 'CUSTOMER_RETURN'

),

{{ matched_oldest_first('paid_nameless', 'unpaid', 'nameless', var('payout_match_days'), supply_place='supply_place') }}

select demand_id as defect_id, supply_id as payout_key, cast(null as varchar) as reversal_key, 'ORDER' as match_basis, units
from paid
union all
select
    taken_back.demand_id as defect_id,
    order_reversals.payout_key,
    order_reversals.supply_id as reversal_key,
    'ORDER' as match_basis,
    taken_back.units
from taken_back
inner join order_reversals on taken_back.supply_id = order_reversals.supply_id
union all
select demand_id as defect_id, supply_id as payout_key, cast(null as varchar) as reversal_key, 'RETURN' as match_basis, units
from paid_nameless
