-- Payouts of the MCF category by order and SKU, net of what was taken back. A reversal that names no order belongs to its original's.

with lines as (

    select * from {{ ref('fct_reimbursements') }} where attributed_reason_category = 'MCF' and approval_date <= {{ as_of_date() }}

),

originals as (

    select account_id, reimbursement_id, seller_sku, min(amazon_order_id) as amazon_order_id
    from lines
    where not is_reversal
    group by account_id, reimbursement_id, seller_sku
    having count(distinct amazon_order_id) = 1

),

ordered as (

    select
        lines.account_id,
        coalesce(lines.amazon_order_id, originals.amazon_order_id) as amazon_order_id,
        lines.seller_sku,
        lines.currency_code,
        lines.is_reversal,
        lines.cash_units + lines.inventory_units as units,
        lines.cash_amount
    from lines
    left join originals
        on
            lines.account_id = originals.account_id
            and lines.original_reimbursement_id = originals.reimbursement_id
            and lines.seller_sku = originals.seller_sku

)

select
    account_id,
    amazon_order_id,
    seller_sku,
    sum(units) as reimbursed_units,
    case when count(distinct currency_code) = 1 then min(currency_code) end as currency_code,
    case when count(distinct currency_code) = 1 then sum(cash_amount) end as reimbursed_cash_amount,
    max(case when is_reversal then 1 else 0 end) = 1 as is_reversed
from ordered
group by account_id, amazon_order_id, seller_sku
