-- One row per defect and payout of it: units and money, and the line that took them back where one did. Money is shared out by units, and the
-- shares of a line add up to it.

with stock_matches as (

    select * from {{ ref('int_stock__matches') }} where what = 'PAID'

),

stock_reversals as (

    select * from {{ ref('int_stock__reversed_matches') }}

),

return_matches as (

    select * from {{ ref('int_returns__matches') }}

),

payouts as (

    select *, {{ row_key(['payout_id', 'payout_kind']) }} as payout_key from {{ ref('int_payouts__netted') }}

),

reversals as (

    select *, {{ row_key(['payout_id', 'payout_kind']) }} as payout_key from {{ ref('int_payouts__reversals') }}

),

matches as (

    select adjustment_id as defect_id, supply_id as payout_key, cast(null as varchar) as reimbursement_line_id, units, match_basis from stock_matches
    union all
    select matches.adjustment_id as defect_id, reversals.payout_key, matches.reimbursement_line_id, matches.units, 'REVERSAL' as match_basis
    from stock_reversals as matches
    inner join reversals on matches.reimbursement_line_id = reversals.reimbursement_line_id
    union all
    select defect_id, payout_key, reimbursement_line_id, units, 'ORDER' as match_basis from return_matches

),

placed as (

    select
        *,
        sum(units) over (
            partition by payout_key
            order by case when reimbursement_line_id is null then 0 else 1 end, reimbursement_line_id, match_basis, defect_id
            rows unbounded preceding
        ) as last_unit,
        sum(units) over (
            partition by reimbursement_line_id order by match_basis, defect_id rows unbounded preceding
        ) as last_reversed_unit
    from matches

)

select
    payouts.account_id,
    placed.defect_id,
    placed.payout_key,
    payouts.reimbursement_id,
    payouts.payout_kind,
    payouts.currency_code,
    payouts.case_id,
    payouts.approval_date,
    reversals.reversal_date,
    placed.match_basis,
    placed.units,
    {{ amount_of_units('payouts.cash_amount', 'placed.last_unit - placed.units', 'placed.last_unit', 'payouts.units') }} as cash_amount,
    case
        when placed.reimbursement_line_id is not null
            then {{ amount_of_units(
                'reversals.cash_amount', 'placed.last_reversed_unit - placed.units', 'placed.last_reversed_unit', 'reversals.units'
            ) }}
    end as reversed_cash_amount
from placed
inner join payouts on placed.payout_key = payouts.payout_key
left join reversals on placed.reimbursement_line_id = reversals.reimbursement_line_id
