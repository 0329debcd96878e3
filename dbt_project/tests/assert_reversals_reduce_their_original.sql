{{ config(meta={
    'why': 'what was taken back is not taken from the payout that it names',
    'remedy': 'look both reimbursements up in the reimbursements report; units and money of the defect may differ by the reversal',
}) }}

-- Every reversal whose original is held takes from a payout of that original, in the same account and currency, and no payout ends below nothing.
with lines as (

    select * from {{ ref('int_reimbursements__categorised') }}

),

linked as (

    select * from {{ ref('int_payouts__reversals') }}

),

payouts as (

    select * from {{ ref('int_payouts__netted') }}

),

expected as (

    select distinct lines.account_id, lines.reimbursement_line_id, lines.original_reimbursement_id, lines.currency_code
    from lines
    inner join lines as originals
        on
            lines.account_id = originals.account_id
            and lines.original_reimbursement_id = originals.reimbursement_id
            and lines.currency_code = originals.currency_code
            and originals.reason_category <> 'REVERSAL'
    where lines.reason_category = 'REVERSAL'

)

select expected.reimbursement_line_id, linked.payout_id, payouts.units, payouts.reversed_units
from expected
left join linked on expected.reimbursement_line_id = linked.reimbursement_line_id
left join payouts on linked.payout_id = payouts.payout_id and linked.payout_kind = payouts.payout_kind
where
    linked.payout_id is null
    or payouts.reversed_units > payouts.units
    or (
        payouts.payout_id is not null
        and (payouts.account_id, payouts.reimbursement_id, payouts.currency_code)
        is distinct from (expected.account_id, expected.original_reimbursement_id, expected.currency_code)
    )
