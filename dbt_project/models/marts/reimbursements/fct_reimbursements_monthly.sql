with lines as (

    select * from {{ ref('fct_reimbursements') }}

),

monthly as (

    select
        account_id,
        cast(date_trunc('month', accounting_date) as date) as month,
        currency_code,
        attributed_reason_category,
        seller_sku,
        sum(case when is_reversal then 0 else cash_amount end) as gross_cash_amount,
        sum(case when is_reversal then cash_amount else 0 end) as reversed_cash_amount,
        sum(cash_amount) as net_cash_amount,
        sum(cash_units) as cash_units,
        sum(inventory_units) as inventory_units,
        -- A line without a cost or a rate makes the sum unknown, not smaller.
        case when count(inventory_value_memo_amount) = count(*) then sum(inventory_value_memo_amount) end as inventory_value_memo_amount,
        max(reporting_currency_code) as reporting_currency_code,
        case when count(cash_amount_reporting) = count(*) then sum(cash_amount_reporting) end as net_cash_amount_reporting
    from lines
    group by account_id, date_trunc('month', accounting_date), currency_code, attributed_reason_category, seller_sku

)

select
    account_id,
    month,
    currency_code,
    attributed_reason_category,
    seller_sku,
    cast(gross_cash_amount as decimal(18, 4)) as gross_cash_amount,
    cast(reversed_cash_amount as decimal(18, 4)) as reversed_cash_amount,
    cast(net_cash_amount as decimal(18, 4)) as net_cash_amount,
    cast(cash_units as integer) as cash_units,
    cast(inventory_units as integer) as inventory_units,
    cast(inventory_value_memo_amount as decimal(18, 4)) as inventory_value_memo_amount,
    reporting_currency_code,
    cast(net_cash_amount_reporting as decimal(18, 4)) as net_cash_amount_reporting
from monthly
