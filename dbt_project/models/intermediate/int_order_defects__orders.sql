-- Amazon cuts the days of the rate in UTC, whatever zone the orders report was printed in.
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
