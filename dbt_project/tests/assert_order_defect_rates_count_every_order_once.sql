{{ config(severity='error') }}

-- Windows that follow one another backwards from today hold every order that counts, and every defect, once, in its own marketplace and channel.
{%- set last_order_date = dbt.dateadd('day', -var('odr_lag_days'), as_of_date()) %}

with orders as (

    select
        account_id,
        amazon_order_id,
        marketplace_id,
        fulfillment_channel,
        coalesce(order_status = 'CANCELLED', false) and {{ var('odr_exclude_cancelled') }} as is_left_out,
        {{ dbt.datediff('purchase_at', last_order_date, 'day') }} as days_back
    from {{ ref('fct_orders') }}
    where not is_multi_channel and not is_replacement

),

defects as (

    select * from {{ ref('fct_order_defects') }} where counts_toward_odr

),

rates as (

    select
        *,
        {{ dbt.datediff('window_end_date', last_order_date, 'day') }} as days_back
    from {{ ref('fct_order_defect_rate_daily') }}

),

counts as (

    select
        orders.account_id,
        orders.marketplace_id,
        orders.fulfillment_channel,
        floor(orders.days_back / {{ var('odr_window_days') }}) as windows_back,
        1 as order_count,
        case when defects.amazon_order_id is not null then 1 else 0 end as defective_order_count
    from orders
    left join defects on orders.account_id = defects.account_id and orders.amazon_order_id = defects.amazon_order_id
    where orders.days_back >= 0 and (defects.amazon_order_id is not null or not orders.is_left_out)
    union all
    select
        account_id,
        marketplace_id,
        fulfillment_channel,
        floor(days_back / {{ var('odr_window_days') }}) as windows_back,
        -order_count as order_count,
        -defective_order_count as defective_order_count
    from rates
    where mod(days_back, {{ var('odr_window_days') }}) = 0

)

select
    account_id,
    marketplace_id,
    fulfillment_channel,
    windows_back,
    sum(order_count) as order_count_difference,
    sum(defective_order_count) as defective_order_difference
from counts
group by account_id, marketplace_id, fulfillment_channel, windows_back
having sum(order_count) <> 0 or sum(defective_order_count) <> 0
