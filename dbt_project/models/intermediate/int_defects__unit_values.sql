-- The estimated value of one open unit of a defect. Lost or damaged before an order: its cost as stated by the seller, else as estimated by Amazon,
-- else what Amazon recently paid for the same stock; half of it if the unit could not be sold; unknown for losses from the time when Amazon paid its
-- own estimate of the sale price. After an order: what the buyer paid for it, less the seller's promotions and Amazon's fees.

with defects as (

    select * from {{ ref('int_defects__defects') }}

),

costs as (

    select * from {{ ref('int_products__sourcing_costs') }}

),

rules as (

    select * from {{ ref('valuation_rules') }}

),

payouts as (

    select * from {{ ref('int_payouts__netted') }}
    where
        payout_kind = 'CASH'
        and reason_category in ('WAREHOUSE_LOST', 'WAREHOUSE_DAMAGED')
        and approval_date > {{ add_days(as_of_date(), -180) }}
        and approval_date <= {{ as_of_date() }}

),

items as (

    select *, upper(seller_sku) as sku_key from {{ ref('int_orders__items') }}

),

settlements as (

    select * from {{ ref('stg_amazon_seller__settlements') }}

),

caps as (

    select * from {{ ref('unit_value_caps') }}

),

fees as (

    select
        account_id,
        amazon_order_id,
        upper(seller_sku) as sku_key,
        currency_code,
        sum(line_amount) as fee_amount
    from settlements
    where transaction_type = 'ORDER' and amount_type = 'ITEM_FEES' and amount_description <> 'ShippingChargeback'
    group by account_id, amazon_order_id, upper(seller_sku), currency_code

),

lately_paid as (

    select
        account_id,
        upper(fnsku) as fnsku_key,
        currency_code,
        {{ median_amount('cash_amount', 'units') }} as unit_value_amount
    from payouts
    group by account_id, upper(fnsku), currency_code

),

costed as (

    select defects.defect_id, costs.sourcing_cost_amount, costs.cost_origin
    from defects
    inner join costs
        on
            defects.account_id = costs.account_id
            and upper(defects.seller_sku) = upper(costs.seller_sku)
            and defects.currency_code = costs.currency_code
            and costs.valid_from <= {{ as_of_date() }}
            and (costs.valid_before is null or costs.valid_before > {{ as_of_date() }})

),

before_orders as (

    select
        defects.defect_id,
        defects.currency_code,
        cast(
            case when rules.value_basis = 'SALE_PRICE' then null else coalesce(costed.sourcing_cost_amount, lately_paid.unit_value_amount) end
            * case when defects.disposition = 'SELLABLE' then 1 else cast({{ var('unsellable_value_factor') }} as decimal(4, 2)) end as decimal(18, 4)
        ) as unit_value_amount,
        case
            when rules.value_basis = 'SALE_PRICE' then null
            when costed.cost_origin = 'AMAZON' then 'SOURCING_COST_AMAZON'
            when costed.sourcing_cost_amount is not null then 'SOURCING_COST_SELLER'
            when lately_paid.unit_value_amount is not null then 'RECENT_PAYOUTS'
        end as value_basis
    from defects
    left join costed on defects.defect_id = costed.defect_id
    left join lately_paid
        on
            defects.account_id = lately_paid.account_id
            and upper(defects.fnsku) = lately_paid.fnsku_key
            and defects.currency_code = lately_paid.currency_code
    left join rules
        on
            defects.policy_region = rules.policy_region
            and defects.category = rules.category
            and defects.defect_date >= coalesce(rules.effective_from, defects.defect_date)
            and (rules.effective_before is null or defects.defect_date < rules.effective_before)
    where defects.event_type = 'WAREHOUSE_OPERATIONS'

),

after_orders as (

    select
        defects.defect_id,
        defects.currency_code,
        case
            when items.price_amount + coalesce(fees.fee_amount, 0) <= 0 then 0
            else {{ amount_of_units('items.price_amount + coalesce(fees.fee_amount, 0)', '0', '1', 'items.priced_units') }}
        end as unit_value_amount,
        case when fees.fee_amount is null then 'SALE_PRICE_BEFORE_FEES' else 'SALE_PRICE_LESS_FEES' end as value_basis
    from defects
    inner join items
        on
            defects.account_id = items.account_id
            and defects.amazon_order_id = items.amazon_order_id
            and upper(defects.seller_sku) = items.sku_key
            and defects.currency_code = items.currency_code
            and items.price_amount is not null
            and items.priced_units > 0
    left join fees
        on
            items.account_id = fees.account_id
            and items.amazon_order_id = fees.amazon_order_id
            and items.sku_key = fees.sku_key
            and items.currency_code = fees.currency_code
    where defects.event_type = 'CUSTOMER_RETURNS'

),

estimated as (

    select * from before_orders
    union all
    select * from after_orders

)

select
    estimated.defect_id,
    cast(
        case when estimated.unit_value_amount > caps.cap_amount then caps.cap_amount else estimated.unit_value_amount end as decimal(18, 4)
    ) as unit_value_amount,
    estimated.value_basis,
    costed.sourcing_cost_amount as unit_cost_amount
from estimated
left join costed on estimated.defect_id = costed.defect_id
left join caps on estimated.currency_code = caps.currency_code
