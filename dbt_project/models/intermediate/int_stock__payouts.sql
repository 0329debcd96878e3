-- Payouts for stock, and how many of their units stayed paid and are for no order. A payout that names an order is for that order.

with payouts as (

    select * from {{ ref('int_payouts__netted') }} where pays_for = 'STOCK'

),

order_matches as (

    select payout_key, sum(units) as units
    from {{ ref('int_returns__matches') }}
    where reversal_key is null
    group by payout_key

)

select
    payouts.account_id,
    payouts.payout_key as supply_id,
    -- What a reversal gives instead of a payout is matched like that payout.
    coalesce(payouts.original_date, payouts.approval_date) as approval_date,
    payouts.place as supply_place,
    payouts.payout_kind,
    payouts.reason_category,
    {{ row_key(['payouts.account_id', 'payouts.stock_key', 'payouts.currency_code']) }} as stock_id,
    payouts.stock_key,
    payouts.case_id,
    payouts.origin_id,
    payouts.given_by_line_id,
    payouts.units - payouts.reversed_units - coalesce(order_matches.units, 0) as net_units
from payouts
left join order_matches on payouts.payout_key = order_matches.payout_key
