-- The days of the rate are UTC days, whatever the time zone of the orders report.
select
    account_id,
    amazon_order_id,
    cast(purchase_at as date) as order_date,
    marketplace_id,
    fulfillment_channel,
    case
        when order_status = 'CANCELLED' and {{ var('odr_exclude_cancelled') }} then 'ORDER_CANCELLED'
        when is_multi_channel then 'ORDER_MULTI_CHANNEL'
        when is_replacement then 'ORDER_REPLACEMENT'
    end as exclusion_reason
from {{ ref('fct_orders') }}
