-- No report says whether a parcel was delivered, so a late parcel has to be checked (CHECK_DELIVERY) before a claim.

with shipments as (

    select * from {{ ref('stg_amazon_seller__fulfilled_shipments') }} where shipment_date <= {{ as_of_date() }}

),

orders as (

    select * from {{ ref('fct_orders') }}

),

returns as (

    select * from {{ ref('stg_amazon_seller__customer_returns') }} where return_date <= {{ as_of_date() }}

),

dispositions as (

    select * from {{ ref('return_dispositions') }}

),

payouts as (

    select * from {{ ref('int_multi_channel__payouts') }}

),

claims as (

    select * from {{ ref('int_claims__cases') }} where filed_date <= {{ as_of_date() }}

),

products as (

    select * from {{ ref('dim_products') }}

),

names as (

    select * from {{ ref('int_products__names') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

marketplaces as (

    select * from {{ ref('marketplaces') }}

),

windows as (

    select * from {{ ref('claim_windows') }}
    where
        category = 'MCF'
        and coalesce(filed_from <= {{ as_of_date() }}, true)
        and coalesce(filed_before > {{ as_of_date() }}, true)

),

multi_channel as (

    select
        shipments.account_id,
        shipments.amazon_order_id,
        coalesce(
            names.seller_sku,
            min(shipments.seller_sku) over (partition by shipments.account_id, shipments.amazon_order_id, upper(shipments.seller_sku))
        ) as seller_sku,
        shipments.merchant_order_id,
        shipments.shipped_units,
        shipments.shipment_date,
        shipments.estimated_arrival_date,
        shipments.ship_service_level,
        shipments.tracking_number,
        shipments.carrier,
        orders.marketplace_id
    from shipments
    left join orders on shipments.account_id = orders.account_id and shipments.amazon_order_id = orders.amazon_order_id
    left join names
        on shipments.account_id = names.account_id and names.name_kind = 'SKU' and upper(shipments.seller_sku) = names.name_key
    where lower(shipments.sales_channel) like 'non-amazon%' or orders.is_multi_channel

),

shipped as (

    select
        account_id,
        amazon_order_id,
        seller_sku,
        min(merchant_order_id) as merchant_order_id,
        min(marketplace_id) as marketplace_id,
        sum(shipped_units) as shipped_units,
        max(shipment_date) as shipment_date,
        max(estimated_arrival_date) as estimated_arrival_date,
        max(case when lower(ship_service_level) like '%signature%' then 1 else 0 end) = 1 as is_signature_required
    from multi_channel
    group by account_id, amazon_order_id, seller_sku

),

parcels as (

    select distinct account_id, amazon_order_id, seller_sku, tracking_number, coalesce(carrier, '?') as carrier
    from multi_channel
    where tracking_number is not null

),

tracked as (

    select
        account_id,
        amazon_order_id,
        seller_sku,
        count(*) as parcel_count,
        {{ dbt.listagg('tracking_number', "', '", 'order by tracking_number, carrier') }} as tracking_numbers,
        {{ dbt.listagg('carrier', "', '", 'order by tracking_number, carrier') }} as carriers
    from parcels
    group by account_id, amazon_order_id, seller_sku

),

-- If the marketplace is unknown, the rules are those of the account's home.
dated as (

    select
        shipped.*,
        {{ as_of_date() }} as as_of_date,
        marketplaces.policy_region,
        coalesce(windows.rule_id, 'MCF-DEFAULT') as policy_rule_id,
        {{ add_days('shipped.estimated_arrival_date', 'coalesce(windows.open_days, ' ~ var('mcf_default_open_days') ~ ')') }} as claim_opens_date,
        case
            when windows.close_unit = 'MONTH' then {{ add_months('shipped.estimated_arrival_date', 'windows.close_count') }}
            else {{ add_days('shipped.estimated_arrival_date', 'coalesce(windows.close_count, ' ~ var('mcf_default_close_days') ~ ')') }}
        end as claim_deadline_date
    from shipped
    left join accounts on shipped.account_id = accounts.account_id
    left join marketplaces on coalesce(shipped.marketplace_id, {{ first_of_list('accounts.marketplace_ids') }}) = marketplaces.marketplace_id
    left join windows on marketplaces.policy_region = windows.policy_region

),

returned as (

    select
        returns.account_id,
        returns.amazon_order_id,
        upper(returns.seller_sku) as sku_key,
        sum(returns.returned_units) as returned_units,
        sum(case when dispositions.outcome = 'RECONCILE' then returns.returned_units else 0 end) as returned_sellable_units
    from returns
    left join dispositions on returns.disposition = dispositions.disposition
    group by returns.account_id, returns.amazon_order_id, upper(returns.seller_sku)

),

-- A case that names no product is about the whole order. One that was closed after the day of the run was still open on that day.
cases as (

    select
        shipped.account_id,
        shipped.amazon_order_id,
        shipped.seller_sku,
        claims.case_id,
        claims.filed_date,
        claims.closed_date,
        case when claims.closed_date > {{ as_of_date() }} then 'OPEN' else claims.claim_state end as claim_state
    from shipped
    left join products on shipped.account_id = products.account_id and shipped.seller_sku = products.seller_sku
    inner join claims
        on
            shipped.account_id = claims.account_id
            and shipped.amazon_order_id = claims.amazon_order_id
            and (
                upper(shipped.seller_sku) = upper(claims.seller_sku)
                or (claims.seller_sku is null and coalesce(upper(products.fnsku) = upper(claims.fnsku), claims.fnsku is null))
            )

),

ranked_cases as (

    select
        *,
        row_number() over (
            partition by account_id, amazon_order_id, seller_sku
            order by case when claim_state = 'OPEN' then 0 else 1 end, filed_date desc, case_id desc
        ) as place
    from cases

),

measured as (

    select
        dated.*,
        tracked.parcel_count,
        tracked.tracking_numbers,
        tracked.carriers,
        coalesce(returned.returned_units, 0) as returned_units,
        coalesce(returned.returned_sellable_units, 0) as returned_sellable_units,
        coalesce(payouts.reimbursed_units, 0) as reimbursed_units,
        payouts.reimbursed_cash_amount,
        payouts.currency_code,
        coalesce(payouts.is_reversed, false) as is_reversed,
        greatest(dated.shipped_units - coalesce(returned.returned_units, 0) - coalesce(payouts.reimbursed_units, 0), 0) as open_units,
        ranked_cases.case_id,
        ranked_cases.filed_date as claim_filed_date,
        ranked_cases.claim_state,
        {{ add_days('coalesce(ranked_cases.closed_date, ranked_cases.filed_date)', var('claim_payment_days')) }} as payment_due_date
    from dated
    left join tracked
        on
            dated.account_id = tracked.account_id
            and dated.amazon_order_id = tracked.amazon_order_id
            and dated.seller_sku = tracked.seller_sku
    left join returned
        on
            dated.account_id = returned.account_id
            and dated.amazon_order_id = returned.amazon_order_id
            and upper(dated.seller_sku) = returned.sku_key
    left join payouts
        on
            dated.account_id = payouts.account_id
            and dated.amazon_order_id = payouts.amazon_order_id
            and upper(dated.seller_sku) = payouts.sku_key
    left join ranked_cases
        on
            dated.account_id = ranked_cases.account_id
            and dated.amazon_order_id = ranked_cases.amazon_order_id
            and dated.seller_sku = ranked_cases.seller_sku
            and ranked_cases.place = 1

),

-- Two parcels may travel separately, so only the loss of a single parcel decides about all its units.
explained as (

    select
        *,
        {{ dbt.datediff('as_of_date', 'claim_deadline_date', 'day') }} as days_left,
        case
            when open_units = 0 and reimbursed_units >= returned_units then 'REIMBURSED'
            when open_units = 0 and returned_sellable_units * 2 >= returned_units then 'RETURNED_SELLABLE'
            when open_units = 0 then 'RETURNED_UNSELLABLE'
            when claim_state = 'OPEN' then 'CASE_OPEN'
            when claim_state = 'GRANTED' and reimbursed_units <= 0 and not is_reversed and payment_due_date >= as_of_date then 'CASE_GRANTED'
            when is_signature_required and {{ var('mcf_signature_exclusion') }} then 'SIGNATURE_REQUIRED'
            when claim_state = 'DENIED' then 'CASE_DENIED'
            when estimated_arrival_date is null then 'NO_ESTIMATED_ARRIVAL'
            when estimated_arrival_date >= as_of_date then 'NOT_YET_DUE'
            when claim_opens_date > as_of_date then 'WAITING_PERIOD'
            when claim_deadline_date < as_of_date then 'WINDOW_EXPIRED'
            when is_reversed then 'PAYOUT_REVERSED'
            when reimbursed_units > 0 and parcel_count = 1 then 'PARTLY_REIMBURSED'
            when claim_state = 'GRANTED' and reimbursed_units <= 0 then 'CASE_GRANTED_UNPAID'
            else 'DELIVERY_UNKNOWN'
        end as status_reason
    from measured

)

select
    explained.account_id,
    explained.amazon_order_id,
    explained.seller_sku,
    explained.merchant_order_id,
    explained.marketplace_id,
    products.fnsku,
    products.asin,
    products.product_name,
    explained.shipment_date,
    explained.estimated_arrival_date,
    coalesce(explained.estimated_arrival_date < explained.as_of_date, false) as is_past_estimated_arrival,
    cast(coalesce(explained.parcel_count, 0) as integer) as parcel_count,
    explained.tracking_numbers,
    explained.carriers,
    cast(explained.shipped_units as integer) as shipped_units,
    cast(explained.returned_units as integer) as returned_units,
    cast(explained.returned_sellable_units as integer) as returned_sellable_units,
    cast(explained.reimbursed_units as integer) as reimbursed_units,
    cast(explained.open_units as integer) as open_units,
    cast(explained.reimbursed_cash_amount as decimal(18, 4)) as reimbursed_cash_amount,
    explained.currency_code,
    case
        when explained.reimbursed_units > 0 then 'REIMBURSED'
        when explained.returned_units > 0 then 'RETURNED'
        else 'UNKNOWN'
    end as delivery_status,
    explained.is_signature_required,
    explained.policy_region,
    explained.policy_rule_id,
    explained.claim_opens_date,
    explained.claim_deadline_date,
    cast(explained.days_left as integer) as days_to_deadline,
    explained.case_id,
    explained.claim_filed_date,
    explained.claim_state,
    case
        when explained.status_reason in ('NOT_YET_DUE', 'WAITING_PERIOD') then 'WAITING'
        when explained.status_reason in ('DELIVERY_UNKNOWN', 'PAYOUT_REVERSED', 'NO_ESTIMATED_ARRIVAL') then 'CHECK_DELIVERY'
        when explained.status_reason in ('PARTLY_REIMBURSED', 'CASE_GRANTED_UNPAID') then 'ELIGIBLE_FOR_CLAIM'
        when explained.status_reason in ('CASE_OPEN', 'CASE_GRANTED') then 'IN_PROGRESS'
        else 'RESOLVED'
    end as claim_status,
    case
        when explained.status_reason = 'REIMBURSED' then 'REIMBURSED'
        when explained.status_reason = 'RETURNED_SELLABLE' then 'RECONCILE'
        when explained.status_reason in ('RETURNED_UNSELLABLE', 'SIGNATURE_REQUIRED', 'CASE_DENIED', 'WINDOW_EXPIRED') then 'INELIGIBLE'
    end as resolution_type,
    explained.status_reason
from explained
left join products on explained.account_id = products.account_id and explained.seller_sku = products.seller_sku
