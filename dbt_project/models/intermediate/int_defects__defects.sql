-- One row per defect with what does not change by day: what happened, and the first and last day for a claim.

with adjustments as (

    select * from {{ ref('int_stock__adjustments') }} where defect_type is not null

),

returns as (

    select * from {{ ref('int_returns__defects') }}

),

windows as (

    select * from {{ ref('claim_windows') }} where category in ('FC_OPERATIONS', 'CUSTOMER_RETURN')

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

names as (

    select * from {{ ref('int_products__names') }}

),

-- A defect is in the currency in which Amazon paid it, whatever its country or order suggests; if there are several, that of the first payout.
paid_in as (

    select defect_id, currency_code, row_number() over (partition by defect_id order by approval_date, currency_code) as place
    from {{ ref('int_defects__payouts') }}

),

defects as (

    select
        account_id,
        adjustment_id as defect_id,
        'WAREHOUSE_OPERATIONS' as event_type,
        defect_type,
        case when defect_type = 'OTHER' then 'UNKNOWN' else 'CLAIMABLE' end as outcome,
        event_date as defect_date,
        seller_sku,
        fnsku,
        asin,
        product_name,
        cast(null as varchar) as amazon_order_id,
        reference_id as transaction_id,
        fulfillment_center_id,
        country_code,
        disposition,
        reason_code,
        cast(null as varchar) as return_state,
        cast(null as varchar) as refund_defect_id,
        -quantity_units as defect_units,
        0 as returned_units,
        currency_code,
        policy_region,
        'FC_OPERATIONS' as category,
        event_date as anchor_date,
        'LEDGER' as anchor_basis,
        {{ var('auto_payment_grace_days') }} as grace_days
    from adjustments
    union all
    select
        account_id,
        defect_id,
        'CUSTOMER_RETURNS' as event_type,
        defect_type,
        outcome,
        defect_date,
        seller_sku,
        fnsku,
        asin,
        product_name,
        amazon_order_id,
        transaction_id,
        fulfillment_center_id,
        country_code,
        disposition,
        reason_code,
        return_state,
        refund_defect_id,
        defect_units,
        returned_units,
        currency_code,
        policy_region,
        'CUSTOMER_RETURN' as category,
        anchor_date,
        anchor_basis,
        {{ var('customer_return_grace_days') }} as grace_days
    from returns

),

-- A rule holds for claims filed within its own dates, so each rule gives a part of the window, often an empty one.
parts as (

    select
        defects.defect_id,
        windows.rule_id,
        greatest({{ add_days('defects.anchor_date', 'windows.open_days') }}, coalesce(windows.filed_from, defects.anchor_date)) as first_date,
        least(
            case windows.close_unit
                when 'MONTH' then {{ add_months('defects.anchor_date', 'windows.close_count') }}
                else {{ add_days('defects.anchor_date', 'windows.close_count') }}
            end,
            coalesce({{ add_days('windows.filed_before', -1) }}, date '9999-12-31')
        ) as last_date
    from defects
    inner join windows
        on
            defects.category = windows.category
            and defects.policy_region = windows.policy_region
            and (windows.subcase in ('ANY', 'LOST_OR_DAMAGED') or (windows.subcase = 'LOST' and defects.defect_type = 'WAREHOUSE_LOST'))

),

claim_windows as (

    select
        defect_id,
        min(first_date) over (partition by defect_id) as claim_opens_date,
        last_date as claim_deadline_date,
        rule_id as policy_rule_id,
        row_number() over (partition by defect_id order by last_date desc, rule_id asc) as place
    from parts
    where first_date <= last_date

)

select
    defects.account_id,
    defects.defect_id,
    defects.event_type,
    defects.defect_type,
    case
        when
            defects.outcome = 'CLAIMABLE'
            and defects.defect_type in ('WAREHOUSE_DAMAGE', 'FULFILLER_DAMAGE', 'CARRIER_DAMAGE')
            and defects.defect_date >= accounts.damaged_inventory_kept_since
            then 'KEPT'
        when
            defects.category = 'CUSTOMER_RETURN'
            and defects.defect_type <> 'IN_TRANSIT'
            and defects.outcome <> 'RECONCILE'
            and defects.defect_date >= accounts.returns_evaluation_off_since
            then 'NOT_EVALUATED'
        else defects.outcome
    end as outcome,
    defects.defect_date,
    coalesce(names.seller_sku, defects.seller_sku) as seller_sku,
    coalesce(defects.fnsku, names.paired_key) as fnsku,
    defects.asin,
    defects.product_name,
    defects.amazon_order_id,
    defects.transaction_id,
    defects.fulfillment_center_id,
    defects.country_code,
    defects.disposition,
    defects.reason_code,
    defects.return_state,
    defects.refund_defect_id,
    cast(defects.defect_units as integer) as defect_units,
    cast(defects.returned_units as integer) as returned_units,
    coalesce(paid_in.currency_code, defects.currency_code) as currency_code,
    defects.policy_region,
    defects.category,
    defects.anchor_date,
    defects.anchor_basis,
    claim_windows.claim_opens_date,
    claim_windows.claim_deadline_date,
    claim_windows.policy_rule_id,
    case
        when claim_windows.claim_opens_date is not null
            then greatest(claim_windows.claim_opens_date, {{ add_days('defects.anchor_date', 'defects.grace_days') }})
    end as eligible_from_date
from defects
inner join accounts on defects.account_id = accounts.account_id
left join claim_windows on defects.defect_id = claim_windows.defect_id and claim_windows.place = 1
left join paid_in on defects.defect_id = paid_in.defect_id and paid_in.place = 1
left join names on {{ names_product('names', 'defects') }}
