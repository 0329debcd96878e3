{{ config(severity='error') }}

-- The mart holds every staged line dated by the day of the build and every cent, per account and currency.
with staged as (

    select account_id, currency_code, count(*) as line_count, sum(cash_amount) as cash_amount
    from {{ ref('stg_amazon_seller__reimbursements') }}
    where {{ is_dated_by_as_of('approval_date') }}
    group by account_id, currency_code

),

built as (

    select account_id, currency_code, count(*) as line_count, sum(cash_amount) as cash_amount
    from {{ ref('fct_reimbursements') }}
    group by account_id, currency_code

)

select staged.account_id, staged.currency_code, staged.cash_amount, built.account_id as built_account_id, built.cash_amount as built_cash_amount
from staged
full outer join built on staged.account_id = built.account_id and staged.currency_code = built.currency_code
where staged.line_count is distinct from built.line_count or staged.cash_amount is distinct from built.cash_amount
