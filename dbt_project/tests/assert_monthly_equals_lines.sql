{{ config(severity='error') }}

-- To the cent and to the unit, per account and currency; gross and reversed make up net.
with lines as (

    select account_id, currency_code, sum(cash_amount) as cash_amount, sum(cash_units) as cash_units, sum(inventory_units) as inventory_units
    from {{ ref('fct_reimbursements') }}
    group by account_id, currency_code

),

monthly as (

    select
        account_id,
        currency_code,
        sum(net_cash_amount) as cash_amount,
        sum(gross_cash_amount + reversed_cash_amount) as parts,
        sum(cash_units) as cash_units,
        sum(inventory_units) as inventory_units
    from {{ ref('fct_reimbursements_monthly') }}
    group by account_id, currency_code

)

select lines.account_id, lines.currency_code, lines.cash_amount, monthly.account_id as monthly_account_id, monthly.cash_amount as monthly_cash_amount
from lines
full outer join monthly on lines.account_id = monthly.account_id and lines.currency_code = monthly.currency_code
where
    lines.cash_amount is distinct from monthly.cash_amount
    or lines.cash_amount is distinct from monthly.parts
    or lines.cash_units is distinct from monthly.cash_units
    or lines.inventory_units is distinct from monthly.inventory_units
