{{ config(severity='error') }}

-- Both sides are explained to the cent; the matched amounts of both sides are equal.
select *
from {{ ref('fct_settlement_reconciliation') }}
where
    reported_cash_amount <> matched_amount + in_transit_amount + before_settlements_amount + not_held_amount + unexplained_reported_amount
    or settled_cash_amount <> matched_amount + carried_in_amount + not_yet_reported_amount + unexplained_settled_amount
