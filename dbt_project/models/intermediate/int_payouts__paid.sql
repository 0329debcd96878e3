-- One row per payout: the lines of one reimbursement for one product, order and reason.

with lines as (

    select * from {{ ref('int_reimbursements__categorised') }}

)

select
    md5(
        {{ row_key(['account_id', 'reimbursement_id', 'reason_category', 'seller_sku', 'fnsku', 'currency_code', 'amazon_order_id']) }}
    ) as payout_id,
    account_id,
    reimbursement_id,
    reason_category,
    seller_sku,
    fnsku,
    currency_code,
    amazon_order_id,
    max(case_id) as case_id,
    min(approval_date) as approval_date,
    cast(sum(coalesce(cash_units, 0)) as integer) as cash_units,
    cast(sum(coalesce(inventory_units, 0)) as integer) as inventory_units,
    cast(sum(coalesce(cash_amount, 0)) as decimal(18, 4)) as cash_amount
from lines
where reason_category <> 'REVERSAL'
group by account_id, reimbursement_id, reason_category, seller_sku, fnsku, currency_code, amazon_order_id
