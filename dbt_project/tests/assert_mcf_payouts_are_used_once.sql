{{ config(severity='error') }}

-- Every unit paid as MCF or outbound, but not for a delay, is in one payout; the payout of an order and SKU that was shipped is in one row.
with reasons as (

    select * from {{ ref('reimbursement_reasons') }}

),

lines as (

    select lines.account_id, sum(lines.cash_units + lines.inventory_units) as units
    from {{ ref('fct_reimbursements') }} as lines
    left join reasons on {{ code_key('lines.reason_code') }} = reasons.reason_key
    where
        lines.attributed_reason_category in ('MCF', 'OUTBOUND')
        and lines.approval_date <= {{ as_of_date() }}
        and (lines.is_reversal or coalesce(reasons.pays_for, '') <> 'NOTHING')
    group by lines.account_id

),

shipped as (

    select distinct account_id, amazon_order_id, upper(seller_sku) as sku_key from {{ ref('fct_mcf_claims') }}

),

payouts as (

    select
        payouts.account_id,
        sum(payouts.reimbursed_units) as units,
        sum(case when shipped.account_id is null then 0 else payouts.reimbursed_units end) as shipped_units
    from {{ ref('int_multi_channel__payouts') }} as payouts
    left join shipped
        on
            payouts.account_id = shipped.account_id
            and payouts.amazon_order_id = shipped.amazon_order_id
            and payouts.sku_key = shipped.sku_key
    group by payouts.account_id

),

built as (

    select account_id, sum(reimbursed_units) as units
    from {{ ref('fct_mcf_claims') }}
    group by account_id

)

select lines.account_id, lines.units, payouts.units as payout_units, payouts.shipped_units, built.units as built_units
from lines
left join payouts on lines.account_id = payouts.account_id
left join built on lines.account_id = built.account_id
where lines.units is distinct from payouts.units or payouts.shipped_units is distinct from coalesce(built.units, 0)
