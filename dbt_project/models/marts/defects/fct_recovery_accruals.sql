with defects as (

    select * from {{ ref('fct_inventory_defects') }}

),

unit_values as (

    select * from {{ ref('int_defects__unit_values') }}

),

-- The share of units with a known outcome that Amazon paid. Units for which nothing was ever owed are no evidence of future payments.
experience as (

    select
        account_id,
        event_type,
        defect_type,
        sum(coalesce(reimbursed_cash_units, 0) + coalesce(reimbursed_inventory_units, 0)) as paid_units,
        sum(coalesce(denied_units, 0) + coalesce(expired_units, 0)) as unpaid_units
    from defects
    group by account_id, event_type, defect_type

),

-- No unit is worth more than its loss in the books.
valued as (

    select
        defects.*,
        case
            when unit_values.unit_value_amount <= unit_values.unit_cost_amount then unit_values.unit_value_amount
            else unit_values.unit_cost_amount
        end as unit_loss_amount
    from defects
    left join unit_values on defects.defect_id = unit_values.defect_id
    where defects.eligible_units > 0

),

-- A sum with a missing part is unknown.
eligible as (

    select
        account_id,
        event_type,
        defect_type,
        currency_code,
        sum(eligible_units) as eligible_units,
        case when count(*) = count(estimated_recovery_amount) then sum(estimated_recovery_amount) end as potential_recovery_amount,
        case when count(*) = count(unit_loss_amount) then sum(eligible_units * unit_loss_amount) end as loss_amount
    from valued
    group by account_id, event_type, defect_type, currency_code

)

select
    eligible.account_id,
    {{ as_of_date() }} as accrual_date,
    eligible.event_type,
    eligible.defect_type,
    eligible.currency_code,
    cast(eligible.eligible_units as integer) as eligible_units,
    {{ amount_times('eligible.potential_recovery_amount', '1') }} as potential_recovery_amount,
    {{ amount_times('eligible.loss_amount', '1') }} as loss_amount,
    cast(experience.paid_units as integer) as paid_units,
    cast(experience.unpaid_units as integer) as unpaid_units,
    case
        when {{ var('accrue_eligible_claims') }} and experience.paid_units > 0
            then {{ amount_of_units('eligible.loss_amount', '0', 'experience.paid_units', 'experience.paid_units + experience.unpaid_units') }}
    end as accrued_amount
from eligible
inner join experience
    on
        eligible.account_id = experience.account_id
        and eligible.event_type = experience.event_type
        and eligible.defect_type = experience.defect_type
