{{ config(severity='error') }}

-- Every unit shipped for a multi-channel order is in exactly one row.
with staged as (

    select shipments.account_id, sum(shipments.shipped_units) as units
    from {{ ref('stg_amazon_seller__fulfilled_shipments') }} as shipments
    left join {{ ref('fct_orders') }} as orders
        on shipments.account_id = orders.account_id and shipments.amazon_order_id = orders.amazon_order_id
    where
        shipments.shipment_date <= {{ as_of_date() }}
        and (lower(shipments.sales_channel) like 'non-amazon%' or orders.is_multi_channel)
    group by shipments.account_id

),

built as (

    select account_id, sum(shipped_units) as units
    from {{ ref('fct_mcf_claims') }}
    group by account_id

)

select staged.account_id, staged.units, built.account_id as built_account_id, built.units as built_units
from staged
full outer join built on staged.account_id = built.account_id
where staged.units is distinct from built.units
