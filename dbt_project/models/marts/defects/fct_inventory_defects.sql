with dated as (

    select *, {{ as_of_date() }} as as_of_date from {{ ref('int_defects__defects') }}

),

defects as (

    select
        *,
        {{ dbt.datediff('as_of_date', 'claim_deadline_date', 'day') }} as days_left
    from dated

),

periods as (

    select * from {{ ref('int_defects__status_periods') }} where valid_before is null

),

payouts as (

    select * from {{ ref('int_defects__payouts') }} where approval_date <= {{ as_of_date() }}

),

claims as (

    select * from {{ ref('int_defects__claims') }} where filed_date <= {{ as_of_date() }}

),

unit_values as (

    select * from {{ ref('int_defects__unit_values') }}

),

paid as (

    select
        defect_id,
        {{ distinct_list('reimbursement_id') }} as reimbursement_ids,
        max(case_id) as case_id,
        max(
            case
                when match_basis in ('ORDER', 'CASE') then 0
                when match_basis = 'LEDGER' then 1
                when match_basis = 'REASON' then 3
                else 2
            end
        ) as weakest_basis
    from payouts
    group by defect_id

),

filed as (

    select defect_id, {{ last_by('case_id', 'filed_date') }} as case_id
    from claims
    group by defect_id

)

select
    periods.account_id,
    periods.defect_id,
    defects.event_type,
    defects.defect_type,
    defects.defect_date,
    defects.seller_sku,
    defects.fnsku,
    defects.asin,
    defects.product_name,
    defects.amazon_order_id,
    defects.transaction_id,
    defects.fulfillment_center_id,
    defects.country_code,
    defects.disposition,
    defects.reason_code,
    periods.defect_units,
    periods.reimbursed_cash_units,
    periods.reimbursed_inventory_units,
    periods.reconciled_units,
    periods.in_progress_units,
    periods.eligible_units,
    periods.ineligible_units,
    periods.denied_units,
    periods.expired_units,
    periods.defect_status,
    periods.resolution_type,
    periods.status_reason,
    periods.valid_from as status_since_date,
    defects.anchor_date as claim_anchor_date,
    defects.anchor_basis as claim_anchor_basis,
    defects.claim_opens_date,
    defects.eligible_from_date,
    defects.claim_deadline_date,
    cast(defects.days_left as integer) as days_to_deadline,
    defects.policy_rule_id,
    coalesce(filed.case_id, paid.case_id) as case_id,
    paid.reimbursement_ids,
    case paid.weakest_basis when 3 then 'OTHER_REASON' when 2 then 'STOCK' when 1 then 'LEDGER' when 0 then 'NAMED' end as payout_match_basis,
    periods.reimbursed_cash_amount,
    defects.currency_code,
    unit_values.unit_value_amount as estimated_unit_value,
    {{ amount_times('unit_values.unit_value_amount', 'periods.eligible_units') }} as estimated_recovery_amount,
    unit_values.value_basis
from periods
inner join defects on periods.defect_id = defects.defect_id
left join paid on periods.defect_id = paid.defect_id
left join filed on periods.defect_id = filed.defect_id
left join unit_values on periods.defect_id = unit_values.defect_id
