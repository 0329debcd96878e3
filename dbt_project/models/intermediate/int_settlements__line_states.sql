-- The state of the cash of every line of both sides. A reported line is posted within settlement_match_days; if a settlement that may have it is
-- not held, it cannot be called missing.

with lines as (

    select
        *,
        case when marketplace_basis = 'ORDER' then marketplace_inferred end as order_marketplace_id,
        cast({{ dbt.dateadd('day', var('settlement_match_days'), 'approval_date') }} as date) as posted_by_date
    from {{ ref('fct_reimbursements') }}

),

postings as (

    select * from {{ ref('int_settlements__reimbursements') }}

),

settled as (

    select * from {{ ref('int_reimbursements__settled') }}

),

periods as (

    select * from {{ ref('int_settlements__held_periods') }}

),

approvals as (

    select account_id, settlement_line_id, min(approval_date) as approval_date
    from settled
    group by account_id, settlement_line_id

),

settling_marketplaces as (

    select distinct account_id, currency_code, marketplace_id from periods

),

-- A line about an order is settled in the order's marketplace, any other in an unknown one. On the first day held it is unknown which
-- settlement has a line.
line_marketplaces as (

    select
        lines.reimbursement_line_id,
        lines.posted_by_date,
        periods.marketplace_id,
        min(periods.held_from_date) as first_held_date,
        max(periods.held_through_date) as last_held_date,
        max(
            case when periods.held_from_date < lines.approval_date and periods.held_through_date > lines.posted_by_date then 1 else 0 end
        ) as is_held_throughout
    from lines
    inner join periods on lines.account_id = periods.account_id and lines.currency_code = periods.currency_code
    left join settling_marketplaces as of_order
        on
            lines.account_id = of_order.account_id
            and lines.currency_code = of_order.currency_code
            and lines.order_marketplace_id = of_order.marketplace_id
    where of_order.marketplace_id is null or of_order.marketplace_id = periods.marketplace_id
    group by lines.reimbursement_line_id, lines.posted_by_date, periods.marketplace_id

),

line_coverage as (

    select
        reimbursement_line_id,
        min(first_held_date) as first_held_date,
        min(is_held_throughout) = 1 as is_held_throughout,
        max(case when posted_by_date >= last_held_date then 1 else 0 end) = 1 as is_beyond_last
    from line_marketplaces
    group by reimbursement_line_id

),

reported as (

    select
        lines.account_id,
        'REPORTED' as side,
        {{ month_of('lines.approval_date') }} as month,
        lines.approval_date as line_date,
        lines.currency_code,
        lines.cash_amount,
        lines.reimbursement_line_id,
        cast(null as varchar) as settlement_line_id,
        case
            when {{ month_of('lines.settlement_posted_date') }} = {{ month_of('lines.approval_date') }} then 'MATCHED'
            when lines.settlement_posted_date is not null then 'POSTED_IN_ANOTHER_MONTH'
            when line_coverage.reimbursement_line_id is null or lines.approval_date <= line_coverage.first_held_date then 'BEFORE_SETTLEMENTS'
            when line_coverage.is_held_throughout then 'UNEXPLAINED'
            when
                line_coverage.is_beyond_last
                and {{ dbt.dateadd('day', var('settlement_wait_days'), 'lines.posted_by_date') }} >= {{ as_of_date() }}
                then 'NOT_YET_POSTED'
            else 'NOT_HELD'
        end as state
    from lines
    left join line_coverage on lines.reimbursement_line_id = line_coverage.reimbursement_line_id

),

posted as (

    select
        postings.account_id,
        'SETTLED' as side,
        {{ month_of('postings.posted_date') }} as month,
        postings.posted_date as line_date,
        postings.currency_code,
        postings.cash_amount,
        cast(null as varchar) as reimbursement_line_id,
        postings.settlement_line_id,
        case
            when {{ month_of('approvals.approval_date') }} = {{ month_of('postings.posted_date') }} then 'MATCHED'
            when approvals.approval_date is not null then 'APPROVED_IN_ANOTHER_MONTH'
            when {{ dbt.dateadd('day', var('settlement_match_days'), 'postings.posted_date') }} >= {{ as_of_date() }} then 'NOT_YET_REPORTED'
            else 'UNEXPLAINED'
        end as state
    from postings
    left join approvals on postings.account_id = approvals.account_id and postings.settlement_line_id = approvals.settlement_line_id

)

select * from reported
union all
select * from posted
