{{ config(severity='error') }}

-- Every line and unit of the orders report is in exactly one order.
with staged as (

    select account_id, count(*) as line_count, sum(coalesce(quantity_units, 0)) as units, count(distinct amazon_order_id) as order_count
    from {{ ref('stg_amazon_seller__orders') }}
    group by account_id

),

built as (

    select account_id, sum(line_count) as line_count, sum(item_units) as units, count(*) as order_count
    from {{ ref('fct_orders') }}
    group by account_id

)

select staged.account_id, staged.order_count, staged.units, built.account_id as built_account_id, built.order_count as built_order_count
from staged
full outer join built on staged.account_id = built.account_id
where
    staged.line_count is distinct from built.line_count
    or staged.units is distinct from built.units
    or staged.order_count is distinct from built.order_count
