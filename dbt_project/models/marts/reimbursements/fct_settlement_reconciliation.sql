with lines as (

    select * from {{ ref('int_settlements__line_states') }}

),

reported as (

    select
        account_id,
        month,
        currency_code,
        sum(cash_amount) as cash_amount,
        sum(case when state = 'MATCHED' then cash_amount else 0 end) as matched_amount,
        sum(case when state in ('POSTED_IN_ANOTHER_MONTH', 'NOT_YET_POSTED') then cash_amount else 0 end) as in_transit_amount,
        sum(case when state = 'NOT_YET_POSTED' then cash_amount else 0 end) as not_yet_posted_amount,
        sum(case when state = 'BEFORE_SETTLEMENTS' then cash_amount else 0 end) as before_settlements_amount,
        sum(case when state = 'NOT_HELD' then cash_amount else 0 end) as not_held_amount,
        sum(case when state = 'UNEXPLAINED' then cash_amount else 0 end) as unexplained_amount
    from lines
    where side = 'REPORTED'
    group by account_id, month, currency_code

),

settled_months as (

    select
        account_id,
        month,
        currency_code,
        sum(cash_amount) as cash_amount,
        sum(case when state = 'APPROVED_IN_ANOTHER_MONTH' then cash_amount else 0 end) as carried_in_amount,
        sum(case when state = 'NOT_YET_REPORTED' then cash_amount else 0 end) as not_yet_reported_amount,
        sum(case when state = 'UNEXPLAINED' then cash_amount else 0 end) as unexplained_amount
    from lines
    where side = 'SETTLED'
    group by account_id, month, currency_code

),

months as (

    select account_id, month, currency_code from reported
    union
    select account_id, month, currency_code from settled_months

)

select
    months.account_id,
    months.month,
    months.currency_code,
    cast(coalesce(reported.cash_amount, 0) as decimal(18, 4)) as reported_cash_amount,
    cast(coalesce(settled_months.cash_amount, 0) as decimal(18, 4)) as settled_cash_amount,
    cast(coalesce(reported.matched_amount, 0) as decimal(18, 4)) as matched_amount,
    cast(coalesce(reported.in_transit_amount, 0) as decimal(18, 4)) as in_transit_amount,
    cast(coalesce(reported.not_yet_posted_amount, 0) as decimal(18, 4)) as not_yet_posted_amount,
    cast(coalesce(reported.before_settlements_amount, 0) as decimal(18, 4)) as before_settlements_amount,
    cast(coalesce(reported.not_held_amount, 0) as decimal(18, 4)) as not_held_amount,
    cast(coalesce(reported.unexplained_amount, 0) as decimal(18, 4)) as unexplained_reported_amount,
    cast(coalesce(settled_months.carried_in_amount, 0) as decimal(18, 4)) as carried_in_amount,
    cast(coalesce(settled_months.not_yet_reported_amount, 0) as decimal(18, 4)) as not_yet_reported_amount,
    cast(coalesce(settled_months.unexplained_amount, 0) as decimal(18, 4)) as unexplained_settled_amount
from months
left join reported
    on months.account_id = reported.account_id and months.month = reported.month and months.currency_code = reported.currency_code
left join settled_months
    on months.account_id = settled_months.account_id and months.month = settled_months.month and months.currency_code = settled_months.currency_code
