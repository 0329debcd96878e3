with lines as (

    select * from {{ ref('fct_reimbursements') }}

),

postings as (

    select * from {{ ref('int_settlements__reimbursements') }}

),

settled as (

    select * from {{ ref('int_reimbursements__settled') }}

),

coverage as (

    select * from {{ ref('int_settlements__coverage') }}

),

approvals as (

    select account_id, settlement_line_id, min(approval_date) as approval_date
    from settled
    group by account_id, settlement_line_id

),

-- Of the first day held it is not known which settlement has a line.
reported_lines as (

    select
        lines.account_id,
        {{ month_of('lines.approval_date') }} as month,
        lines.currency_code,
        lines.cash_amount,
        case
            when {{ month_of('lines.settlement_posted_date') }} = {{ month_of('lines.approval_date') }} then 'MATCHED'
            when lines.settlement_posted_date is not null then 'POSTED_IN_ANOTHER_MONTH'
            when coverage.account_id is null or lines.approval_date <= coverage.covered_from_date then 'BEFORE_SETTLEMENTS'
            when {{ dbt.dateadd('day', var('settlement_match_days'), 'lines.approval_date') }} >= coverage.covered_through_date then 'NOT_YET_POSTED'
            else 'UNEXPLAINED'
        end as state
    from lines
    left join coverage on lines.account_id = coverage.account_id and lines.currency_code = coverage.currency_code

),

settled_lines as (

    select
        postings.account_id,
        {{ month_of('postings.posted_date') }} as month,
        postings.currency_code,
        postings.cash_amount,
        case
            when {{ month_of('approvals.approval_date') }} = {{ month_of('postings.posted_date') }} then 'MATCHED'
            when approvals.approval_date is not null then 'APPROVED_IN_ANOTHER_MONTH'
            when {{ dbt.dateadd('day', var('settlement_match_days'), 'postings.posted_date') }} >= {{ as_of_date() }} then 'NOT_YET_REPORTED'
            else 'UNEXPLAINED'
        end as state
    from postings
    left join approvals on postings.account_id = approvals.account_id and postings.settlement_line_id = approvals.settlement_line_id

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
        sum(case when state = 'UNEXPLAINED' then cash_amount else 0 end) as unexplained_amount
    from reported_lines
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
    from settled_lines
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
    cast(coalesce(reported.unexplained_amount, 0) as decimal(18, 4)) as unexplained_reported_amount,
    cast(coalesce(settled_months.carried_in_amount, 0) as decimal(18, 4)) as carried_in_amount,
    cast(coalesce(settled_months.not_yet_reported_amount, 0) as decimal(18, 4)) as not_yet_reported_amount,
    cast(coalesce(settled_months.unexplained_amount, 0) as decimal(18, 4)) as unexplained_settled_amount
from months
left join reported
    on months.account_id = reported.account_id and months.month = reported.month and months.currency_code = reported.currency_code
left join settled_months
    on months.account_id = settled_months.account_id and months.month = settled_months.month and months.currency_code = settled_months.currency_code
