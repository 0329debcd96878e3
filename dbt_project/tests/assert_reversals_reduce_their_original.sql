{{ config(meta={
    'why': 'a reversal is not taken from the payout that it names',
    'remedy': 'look both reimbursements up in the reimbursements report; units and money of the defect may differ by the reversal',
}) }}

-- Every reversal that names a loaded original takes from it while anything of it is left, in the same account and currency; no payout
-- falls below zero, and every unit that a line takes or gives is counted with its sign.
with lines as (

    select * from {{ ref('int_payouts__lines') }} where reason_category = 'REVERSAL'

),

reversals as (

    select * from {{ ref('int_payouts__reversals') }}

),

payouts as (

    select * from {{ ref('int_payouts__netted') }}

),

linked as (

    select
        reimbursement_line_id,
        sum(case when line_kind = 'CASH' then units else 0 end) as cash_units,
        sum(case when line_kind = 'INVENTORY' then units else 0 end) as inventory_units
    from reversals
    group by reimbursement_line_id

),

left_units as (

    select account_id, currency_code, origin_id, sum(units - reversed_units) as units
    from payouts
    group by account_id, currency_code, origin_id

),

given as (

    select
        given_by_line_id,
        sum(case when payout_kind = 'CASH' then units else 0 end) as cash_units,
        sum(case when payout_kind = 'INVENTORY' then units else 0 end) as inventory_units
    from payouts
    where given_by_line_id is not null
    group by given_by_line_id

)

select lines.account_id, lines.reimbursement_line_id as row_id, 'not taken from the original' as fault
from lines
inner join left_units
    on
        lines.account_id = left_units.account_id
        and lines.currency_code = left_units.currency_code
        and lines.origin_id = left_units.origin_id
left join linked on lines.reimbursement_line_id = linked.reimbursement_line_id
where
    left_units.units > 0
    and greatest(-lines.cash_units, 0) + greatest(-lines.inventory_units, 0) > coalesce(linked.cash_units + linked.inventory_units, 0)
union all
select lines.account_id, lines.reimbursement_line_id as row_id, 'more taken or other given than the line says' as fault
from lines
left join linked on lines.reimbursement_line_id = linked.reimbursement_line_id
left join given on lines.reimbursement_line_id = given.given_by_line_id
where
    coalesce(linked.cash_units, 0) > greatest(-lines.cash_units, 0)
    or coalesce(linked.inventory_units, 0) > greatest(-lines.inventory_units, 0)
    or coalesce(given.cash_units, 0) <> greatest(lines.cash_units, 0)
    or coalesce(given.inventory_units, 0) <> greatest(lines.inventory_units, 0)
union all
select lines.account_id, lines.reimbursement_line_id as row_id, 'taken from another reimbursement' as fault
from lines
inner join reversals on lines.reimbursement_line_id = reversals.reimbursement_line_id
inner join payouts on reversals.payout_key = payouts.payout_key
where
    lines.account_id <> payouts.account_id
    or lines.currency_code is distinct from payouts.currency_code
    or (lines.origin_id is not null and lines.origin_id is distinct from payouts.origin_id)
    or reversals.reversal_date < payouts.approval_date
union all
select account_id, payout_key as row_id, 'more taken back than was paid' as fault
from payouts
where reversed_units > units
