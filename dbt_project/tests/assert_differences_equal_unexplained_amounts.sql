-- The lines of every account, month, currency and side make up what the reconciliation leaves unexplained, to the cent.
with amounts as (

    select account_id, month, currency_code, 'REPORTED' as side, unexplained_reported_amount as amount
    from {{ ref('fct_settlement_reconciliation') }}
    union all
    select account_id, month, currency_code, 'SETTLED' as side, unexplained_settled_amount as amount
    from {{ ref('fct_settlement_reconciliation') }}
    union all
    select account_id, month, currency_code, side, -unexplained_amount as amount
    from {{ ref('fct_settlement_differences') }}

)

select account_id, month, currency_code, side, sum(amount) as difference
from amounts
group by account_id, month, currency_code, side
having sum(amount) <> 0
