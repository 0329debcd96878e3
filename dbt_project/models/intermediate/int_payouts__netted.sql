-- One row per payout and kind, in money or in stock, with what was taken back.

with paid as (

    select * from {{ ref('int_payouts__paid') }}

),

reversals as (

    select
        payout_id,
        payout_kind,
        sum(effective_units) as reversed_units
    from {{ ref('int_payouts__reversals') }}
    group by payout_id, payout_kind

),

kinds as (

    select *, 'CASH' as payout_kind, cash_units as units from paid
    union all
    select *, 'INVENTORY' as payout_kind, inventory_units as units from paid

)

select
    kinds.payout_id,
    kinds.payout_kind,
    kinds.account_id,
    kinds.reimbursement_id,
    kinds.reason_category,
    kinds.seller_sku,
    kinds.fnsku,
    kinds.currency_code,
    kinds.amazon_order_id,
    kinds.case_id,
    kinds.approval_date,
    cast(kinds.units as integer) as units,
    cast(coalesce(reversals.reversed_units, 0) as integer) as reversed_units,
    cast(case when kinds.payout_kind = 'CASH' then kinds.cash_amount else 0 end as decimal(18, 4)) as cash_amount
from kinds
left join reversals on kinds.payout_id = reversals.payout_id and kinds.payout_kind = reversals.payout_kind
where kinds.units > 0
