with defects as (

    select * from {{ ref('fct_inventory_defects') }} where eligible_units > 0

)

select
    cast(
        row_number() over (order by claim_deadline_date asc, estimated_recovery_amount desc nulls last, account_id asc, defect_id asc) as integer
    ) as claim_rank,
    account_id,
    defect_id,
    event_type,
    defect_type,
    claim_deadline_date,
    days_to_deadline,
    amazon_order_id,
    transaction_id,
    fnsku,
    seller_sku,
    asin,
    product_name,
    fulfillment_center_id,
    country_code,
    defect_date,
    disposition,
    reason_code,
    eligible_units,
    defect_units,
    claim_anchor_date,
    claim_anchor_basis,
    claim_opens_date,
    policy_rule_id,
    currency_code,
    estimated_unit_value,
    estimated_recovery_amount,
    value_basis
from defects
