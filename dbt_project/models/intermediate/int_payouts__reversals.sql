-- One row per reimbursement line that takes back, with the payout that it takes from: that of the same order and product, else any of the
-- reimbursement.

with lines as (

    select * from {{ ref('int_reimbursements__categorised') }}

),

originals as (

    select * from {{ ref('int_payouts__paid') }}

),

linked as (

    select
        lines.account_id,
        lines.reimbursement_line_id,
        lines.approval_date as reversal_date,
        originals.payout_id,
        originals.cash_units as paid_cash_units,
        originals.inventory_units as paid_inventory_units,
        -- A reversal may give back in another column than was paid in.
        case
            when originals.inventory_units = 0 then 'CASH'
            when originals.cash_units = 0 then 'INVENTORY'
            when coalesce(lines.cash_units, 0) <> 0 then 'CASH'
            else 'INVENTORY'
        end as payout_kind,
        abs(coalesce(lines.cash_units, 0) + coalesce(lines.inventory_units, 0)) as units,
        coalesce(lines.cash_amount, 0) as cash_amount,
        row_number() over (
            partition by lines.reimbursement_line_id
            order by
                case when lines.amazon_order_id is not distinct from originals.amazon_order_id then 0 else 1 end,
                case when lines.fnsku = originals.fnsku then 0 else 1 end,
                case when lines.seller_sku = originals.seller_sku then 0 else 1 end,
                originals.payout_id
        ) as place
    from lines
    inner join originals
        on
            lines.account_id = originals.account_id
            and lines.original_reimbursement_id = originals.reimbursement_id
            and lines.currency_code = originals.currency_code
    where lines.reason_category = 'REVERSAL'

),

counted as (

    select
        *,
        sum(units) over (partition by payout_id, payout_kind order by reversal_date, reimbursement_line_id rows unbounded preceding) as units_so_far,
        case payout_kind when 'CASH' then paid_cash_units else paid_inventory_units end as paid_units
    from linked
    where place = 1

)

select
    account_id,
    reimbursement_line_id,
    payout_id,
    payout_kind,
    reversal_date,
    cast(units as integer) as units,
    -- Never more than was paid.
    cast(greatest(least(units_so_far, paid_units) - (units_so_far - units), 0) as integer) as effective_units,
    cast(cash_amount as decimal(18, 4)) as cash_amount
from counted
