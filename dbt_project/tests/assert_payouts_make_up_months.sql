{{ config(severity='error') }}

-- Per account and currency: what the defects say was paid for them, and what was paid for none of them, make up what the reimbursements and so the
-- months say, by the day of the build; in money, in units paid in money, and in units given. A unit taken back from a payout of the other kind counts
-- where it was paid.
{%- set today = as_of_date() %}

with defects as (

    select * from {{ ref('fct_inventory_defects') }}

),

reimbursements as (

    select * from {{ ref('fct_reimbursements') }} where approval_date <= {{ today }}

),

-- A defect shows money in its own currency alone: money of another one stays where it was paid, and its units count in the defect's. A payout may
-- come some days before the entry of its loss; until that day it is for no defect.
shares as (

    select
        shares.account_id,
        defects.currency_code,
        shares.payout_kind,
        shares.units,
        case when shares.currency_code = defects.currency_code then shares.cash_amount else 0 end as cash_amount,
        case when shares.currency_code = defects.currency_code then shares.reversed_cash_amount else 0 end as reversed_cash_amount,
        coalesce(shares.reversal_date <= {{ today }}, false) as is_reversed
    from {{ ref('int_defects__payouts') }} as shares
    inner join {{ ref('int_defects__defects') }} as defects on shares.defect_id = defects.defect_id
    where shares.approval_date <= {{ today }} and defects.defect_date <= {{ today }}

),

payouts as (

    select * from {{ ref('int_payouts__netted') }} where approval_date <= {{ today }}

),

reversals as (

    select
        payouts.account_id,
        payouts.currency_code,
        payouts.payout_kind,
        reversals.units,
        reversals.cash_amount
    from {{ ref('int_payouts__reversals') }} as reversals
    inner join payouts on reversals.payout_key = payouts.payout_key
    where reversals.reversal_date <= {{ today }}

),

lines as (

    select * from {{ ref('int_payouts__lines') }} where approval_date <= {{ today }}

),

-- A payout less its shares in defects.
for_no_defect as (

    select
        account_id,
        currency_code,
        cash_amount,
        {{ units_of_kind('CASH', 'units') }} as cash_units,
        {{ units_of_kind('INVENTORY', 'units') }} as given_units
    from payouts
    union all
    select
        account_id,
        currency_code,
        cash_amount,
        {{ units_of_kind('CASH', '-units') }} as cash_units,
        {{ units_of_kind('INVENTORY', '-units') }} as given_units
    from reversals
    union all
    select
        account_id,
        currency_code,
        -cash_amount - case when is_reversed then reversed_cash_amount else 0 end as cash_amount,
        case when is_reversed then 0 else {{ units_of_kind('CASH', '-units') }} end as cash_units,
        case when is_reversed then 0 else {{ units_of_kind('INVENTORY', '-units') }} end as given_units
    from shares

),

-- A line less what of it is a payout or takes from one: fees, adjustments, and what takes back more than was paid.
no_payouts as (

    select account_id, currency_code, cash_amount, cash_units, inventory_units as given_units from lines
    union all
    select
        account_id,
        currency_code,
        -cash_amount as cash_amount,
        {{ units_of_kind('CASH', '-units') }} as cash_units,
        {{ units_of_kind('INVENTORY', '-units') }} as given_units
    from payouts
    union all
    select
        account_id,
        currency_code,
        -cash_amount as cash_amount,
        {{ units_of_kind('CASH', 'units') }} as cash_units,
        {{ units_of_kind('INVENTORY', 'units') }} as given_units
    from reversals

),

everything as (

    select
        account_id,
        currency_code,
        reimbursed_cash_amount as cash_amount,
        reimbursed_cash_units as cash_units,
        reimbursed_inventory_units as given_units
    from defects
    union all
    select * from for_no_defect
    union all
    select * from no_payouts
    union all
    select account_id, currency_code, -cash_amount as cash_amount, -cash_units as cash_units, -inventory_units as given_units from reimbursements

)

select
    account_id,
    currency_code,
    sum(cash_amount) as cash_amount,
    sum(cash_units) as cash_units,
    sum(given_units) as given_units
from everything
group by account_id, currency_code
having sum(cash_amount) <> 0 or sum(cash_units) <> 0 or sum(given_units) <> 0
