-- One row per unit that a case of the seller's log may be about: what it is, since when, and when it was settled. Units that came back replace
-- the units in transit that they settle. Pools are orders and stocks; only those that a case names are included.

with cases as (

    select * from {{ ref('int_claims__cases') }}

),

defects as (

    select
        *,
        case event_type
            when 'CUSTOMER_RETURNS' then {{ row_key(["'ORDER'", 'account_id', 'amazon_order_id']) }}
            else {{ row_key(["'STOCK'", 'account_id', 'upper(coalesce(fnsku, seller_sku))']) }}
        end as pool_id
    from {{ ref('int_defects__defects') }}
    where event_type = 'WAREHOUSE_OPERATIONS' or amazon_order_id is not null

),

payouts as (

    select * from {{ ref('int_defects__payouts') }} where reversal_date is null

),

named_pools as (

    select {{ row_key(["'ORDER'", 'account_id', 'amazon_order_id']) }} as pool_id from cases where amazon_order_id is not null
    union
    select {{ row_key(["'STOCK'", 'account_id', 'upper(coalesce(fnsku, seller_sku))']) }} as pool_id from cases
    union
    select defects.pool_id
    from defects
    inner join cases on defects.account_id = cases.account_id and defects.transaction_id = cases.transaction_id
    union
    select defects.pool_id
    from defects
    inner join payouts on defects.defect_id = payouts.defect_id
    inner join cases on payouts.account_id = cases.account_id and payouts.case_id = cases.case_id

),

named as (

    select
        defects.*,
        case when defects.outcome in ('CLAIMABLE', 'KEPT') then null else defects.defect_date end as closed_to_claims_date,
        coalesce(refunds.defect_date, defects.defect_date) as first_date,
        defects.defect_units - defects.returned_units as units
    from defects
    inner join named_pools on defects.pool_id = named_pools.pool_id
    left join defects as refunds on defects.refund_defect_id = refunds.defect_id
    where defects.outcome in ('CLAIMABLE', 'KEPT') or defects.refund_defect_id is not null

),

settled as (

    select defect_id, approval_date as settled_date, case_id, units from payouts
    union all
    select defect_id, reconciled_date as settled_date, cast(null as varchar) as case_id, units from {{ ref('int_defects__reconciled') }}

),

settled_units as (

    select
        *,
        sum(units) over (partition by defect_id order by settled_date, case_id, units rows unbounded preceding) as upto
    from settled

),

numbered as (

    select *, {{ each_number_upto('units') }} as unit_number from named where units > 0

)

select
    named.account_id,
    named.pool_id,
    named.defect_id,
    named.unit_number,
    named.refund_defect_id,
    named.event_type,
    named.transaction_id,
    named.fnsku,
    upper(named.seller_sku) as sku_key,
    case when named.first_date < named.defect_date then named.first_date else named.defect_date end as first_date,
    named.defect_date,
    coalesce(named.claim_deadline_date, date '9999-12-31') as claim_deadline_date,
    -- A unit that came back without anybody's fault cannot be claimed from then on.
    case
        when named.closed_to_claims_date <= coalesce(settled_units.settled_date, named.closed_to_claims_date) then named.closed_to_claims_date
        else coalesce(settled_units.settled_date, date '9999-12-31')
    end as settled_date,
    settled_units.case_id as settled_case_id
from numbered as named
left join settled_units
    on
        named.defect_id = settled_units.defect_id
        and named.unit_number > settled_units.upto - settled_units.units
        and named.unit_number <= settled_units.upto
