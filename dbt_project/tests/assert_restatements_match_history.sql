{{ config(severity='error') }}

-- Of the reimbursements dated by the day of the build: what was first seen, plus every later change, is what is known.
with first_seen as (

    select account_id, unit, min(retrieved_at) as first_seen_at
    from {{ ref('stg_pipeline__coverage') }}
    where report = 'reimbursements' and was_applied
    group by account_id, unit

),

at_first as (

    select rows.account_id, rows.currency_code, sum({{ amount('rows.amount_total') }}) as cash_amount
    from {{ source('amazon_seller', 'reimbursements') }} as rows
    inner join first_seen on rows.account_id = first_seen.account_id and rows._unit = first_seen.unit and rows._valid_from = first_seen.first_seen_at
    where coalesce(rows._valid_to > rows._valid_from, true) and {{ is_dated_by_as_of('rows._event_date') }}
    group by rows.account_id, rows.currency_code

),

-- No mart has changes seen after the day of the build, but the lines include their effect.
changed as (

    select account_id, currency_code, sum(case when is_added then cash_amount else -cash_amount end) as cash_amount
    from {{ ref('int_restatements__row_changes') }}
    where report = 'reimbursements' and {{ is_dated_by_as_of('event_date') }}
    group by account_id, currency_code

),

known_now as (

    select account_id, currency_code, sum(cash_amount) as cash_amount
    from {{ ref('fct_reimbursements') }}
    group by account_id, currency_code

),

together as (

    select account_id, currency_code, sum(cash_amount) as cash_amount
    from (
        select * from at_first
        union all
        select * from changed
    ) as parts
    group by account_id, currency_code

)

select together.account_id, together.currency_code, together.cash_amount, known_now.cash_amount as cash_amount_now
from together
full outer join known_now on together.account_id = known_now.account_id and together.currency_code = known_now.currency_code
where coalesce(together.cash_amount, 0) <> coalesce(known_now.cash_amount, 0)
