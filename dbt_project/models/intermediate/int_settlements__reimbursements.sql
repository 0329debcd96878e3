-- Reimbursements have their own amount type, or are among other transactions under a reason or under
-- 'FBA Inventory Reimbursement - <reason>'. ShippingChargeback and the like are fees of orders.

with lines as (

    select * from {{ ref('stg_amazon_seller__settlements') }} where line_amount is not null

),

reasons as (

    select * from {{ ref('reimbursement_reasons') }}

),

keyed as (

    select
        *,
        replace({{ code_key('amount_description') }}, 'FBAINVENTORYREIMBURSEMENT', '') as reason_key
    from lines
    where amount_type in ('FBA_INVENTORY_REIMBURSEMENT', 'OTHER_TRANSACTION')

)

select
    keyed.account_id,
    keyed.settlement_line_id,
    keyed.settlement_id,
    keyed.amazon_order_id,
    keyed.seller_sku,
    keyed.posted_at,
    keyed.posted_date,
    keyed.amount_description as reason_code,
    keyed.reason_key,
    case
        when keyed.line_amount < 0 and reasons.reason_category not in ('FEE_CORRECTION', 'OTHER') then 'REVERSAL'
        else coalesce(reasons.reason_category, 'OTHER')
    end as reason_category,
    keyed.currency_code,
    keyed.line_amount as cash_amount
from keyed
left join reasons on keyed.reason_key = reasons.reason_key
where keyed.amount_type = 'FBA_INVENTORY_REIMBURSEMENT' or reasons.reason_key is not null
