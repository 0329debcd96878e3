-- Payouts for multi-channel orders by order and SKU, net of reversals: with reasons for multi-channel orders only, and with reasons for any parcel.
-- A line without an order or SKU has those of the payout that it takes from or gives back.

with reasons as (

    select * from {{ ref('reimbursement_reasons') }}

),

-- A payment for a parcel's delay pays for no unit of it.
lines as (

    select lines.*
    from {{ ref('fct_reimbursements') }} as lines
    left join reasons on {{ code_key('lines.reason_code') }} = reasons.reason_key
    where
        lines.attributed_reason_category in ('MCF', 'OUTBOUND')
        and lines.approval_date <= {{ as_of_date() }}
        and (lines.is_reversal or coalesce(reasons.pays_for, '') <> 'NOTHING')

),

payouts as (

    select * from {{ ref('int_payouts__netted') }}

),

reversals as (

    select * from {{ ref('int_payouts__reversals') }}

),

names as (

    select * from {{ ref('int_products__names') }} where name_kind = 'FNSKU'

),

belonging as (

    select reversals.reimbursement_line_id, payouts.amazon_order_id, payouts.sku_key
    from reversals
    inner join payouts on reversals.payout_key = payouts.payout_key
    union all
    select given_by_line_id as reimbursement_line_id, amazon_order_id, sku_key
    from payouts
    where given_by_line_id is not null

),

originals as (

    select
        reimbursement_line_id,
        case when min(amazon_order_id) = max(amazon_order_id) then min(amazon_order_id) end as amazon_order_id,
        case when min(sku_key) = max(sku_key) then min(sku_key) end as sku_key
    from belonging
    group by reimbursement_line_id

),

ordered as (

    select
        lines.account_id,
        coalesce(lines.amazon_order_id, originals.amazon_order_id) as amazon_order_id,
        coalesce(upper(lines.seller_sku), names.paired_key, originals.sku_key) as sku_key,
        lines.currency_code,
        lines.is_reversal,
        lines.cash_units + lines.inventory_units as units,
        lines.cash_amount
    from lines
    left join originals on lines.reimbursement_line_id = originals.reimbursement_line_id
    left join names on lines.account_id = names.account_id and upper(lines.fnsku) = names.name_key

)

select
    account_id,
    amazon_order_id,
    sku_key,
    sum(units) as reimbursed_units,
    case when count(distinct currency_code) = 1 then min(currency_code) end as currency_code,
    case when count(distinct currency_code) = 1 then sum(cash_amount) end as reimbursed_cash_amount,
    max(case when is_reversal then 1 else 0 end) = 1 as is_reversed
from ordered
group by account_id, amazon_order_id, sku_key
