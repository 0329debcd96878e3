-- One row per defect, case about it and period in which its units have the same outcome: since when they are in the case, until when, and what
-- followed. A case covers as many units as it names, or all if it names none, of its order, its reference or its stock.
--
-- Each case in turn first takes what Amazon paid under its number; then open units that no case has had yet, oldest first, those within
-- their window before others; then units whose case is decided, so that an appeal takes over from the denied case; then, if no unit
-- is left, units of an open case. Settled units are taken last, and only by a case that names the order or the reference.

{% set never = "date '9999-12-31'" %}

with recursive cases as (

    select
        *,
        coalesce(decided_date, {{ never }}) as until_date,
        case
            when amazon_order_id is not null then 'ORDER'
            when transaction_id is not null then 'REFERENCE'
            else 'STOCK'
        end as claim_basis
    from {{ ref('int_claims__cases') }}

),

units as (

    select * from {{ ref('int_claims__units') }}

),

paid_cases as (

    select account_id, case_id, sum(units) as units
    from {{ ref('int_defects__payouts') }}
    where reversal_date is null and case_id is not null
    group by account_id, case_id

),

stocks as (

    select
        claim_row_id,
        case claim_basis
            when 'ORDER' then {{ row_key(["'ORDER'", 'account_id', 'amazon_order_id']) }}
            when 'STOCK' then {{ row_key(["'STOCK'", 'account_id', 'upper(coalesce(fnsku, seller_sku))']) }}
        end as pool_id
    from cases
    where claim_basis <> 'REFERENCE'
    union all
    select cases.claim_row_id, min(units.pool_id) as pool_id
    from cases
    inner join units
        on
            cases.account_id = units.account_id
            and cases.transaction_id = units.transaction_id
            and (
                coalesce(cases.fnsku, cases.seller_sku) is null
                or upper(coalesce(cases.fnsku, cases.seller_sku)) in (upper(units.fnsku), units.sku_key)
            )
    where cases.claim_basis = 'REFERENCE'
    group by cases.claim_row_id

),

-- Payments for a case outside the stock that it names.
paid_elsewhere as (

    select
        cases.claim_row_id,
        units.pool_id,
        count(*) as units
    from cases
    inner join units
        on
            cases.account_id = units.account_id
            and cases.case_id = units.settled_case_id
            and (cases.seller_sku is null or upper(cases.seller_sku) = units.sku_key)
            and (cases.fnsku is null or units.fnsku is null or upper(cases.fnsku) = upper(units.fnsku))
    inner join stocks on cases.claim_row_id = stocks.claim_row_id and units.pool_id <> stocks.pool_id
    where cases.claim_basis = 'STOCK'
    group by cases.claim_row_id, units.pool_id

),

parts as (

    select
        cases.claim_row_id,
        stocks.pool_id,
        cases.claim_basis as part_basis,
        cases.claimed_units - coalesce(elsewhere.units, 0) as units
    from cases
    inner join stocks on cases.claim_row_id = stocks.claim_row_id
    left join {{ units_by('claim_row_id', 'paid_elsewhere') }} as elsewhere on cases.claim_row_id = elsewhere.claim_row_id
    union all
    select claim_row_id, pool_id, 'PAYOUT' as part_basis, units from paid_elsewhere

),

claims as (

    select
        parts.pool_id,
        parts.claim_row_id,
        parts.part_basis,
        parts.units,
        cases.case_id,
        cases.transaction_id,
        upper(cases.fnsku) as fnsku_key,
        upper(cases.seller_sku) as sku_key,
        cases.claim_state,
        cases.filed_date,
        cases.until_date,
        row_number() over (
            partition by parts.pool_id order by cases.filed_date, cases.until_date, cases.case_id, cases.claim_row_id, parts.part_basis
        ) as place
    from parts
    inner join cases on parts.claim_row_id = cases.claim_row_id

),

-- The units of a pool after each of its cases.
held as (

    select
        pool_id,
        defect_id,
        unit_number,
        transaction_id,
        upper(fnsku) as fnsku_key,
        sku_key,
        first_date,
        claim_deadline_date,
        settled_date,
        settled_case_id,
        cast(0 as bigint) as place,
        false as is_taken,
        cast(null as date) as held_until
    from units
    union all
    select
        pool_id,
        defect_id,
        unit_number,
        transaction_id,
        fnsku_key,
        sku_key,
        first_date,
        claim_deadline_date,
        settled_date,
        settled_case_id,
        place,
        preference < 9 and turn <= coalesce(units, turn) as is_taken,
        case when preference < 9 and turn <= coalesce(units, turn) and claim_state <> 'DROPPED' then until_date else held_until end as held_until
    from (
        select
            preferred.*,
            row_number() over (
                partition by preferred.pool_id
                order by
                    preferred.preference asc,
                    preferred.is_other_reference asc,
                    preferred.first_date asc,
                    preferred.defect_id asc,
                    preferred.settled_date desc,
                    preferred.unit_number asc
            ) as turn
        from (
            select
                held.pool_id,
                held.defect_id,
                held.unit_number,
                held.transaction_id,
                held.fnsku_key,
                held.sku_key,
                held.first_date,
                held.claim_deadline_date,
                held.settled_date,
                held.settled_case_id,
                held.held_until,
                claims.place,
                claims.units,
                claims.claim_state,
                claims.until_date,
                case when claims.transaction_id = held.transaction_id then 0 else 1 end as is_other_reference,
                case
                    when claims.part_basis = 'REFERENCE' and coalesce(claims.transaction_id <> held.transaction_id, true) then 9
                    when claims.sku_key <> held.sku_key and (claims.fnsku_key is null or claims.part_basis = 'ORDER') then 9
                    when claims.fnsku_key <> held.fnsku_key then 9
                    when claims.case_id = held.settled_case_id then 0
                    when claims.part_basis = 'PAYOUT' then 9
                    when held.settled_date <= claims.filed_date then case claims.part_basis when 'STOCK' then 9 else 5 end
                    when
                        claims.part_basis = 'STOCK'
                        and (
                            held.first_date > claims.filed_date
                            or held.first_date < {{ add_days('claims.filed_date', '-' ~ var('payout_match_days')) }}
                        )
                        then 9
                    when held.held_until is null then case when held.claim_deadline_date >= claims.filed_date then 1 else 3 end
                    when held.held_until <= claims.filed_date then 2
                    else 4
                end as preference
            from held
            inner join claims on held.pool_id = claims.pool_id and claims.place = held.place + 1
        ) as preferred
    ) as ranked

),

taken as (

    select
        held.defect_id,
        held.unit_number,
        held.place,
        held.settled_date,
        claims.claim_row_id,
        claims.claim_state,
        claims.filed_date,
        claims.until_date,
        max(claims.until_date) over earlier as held_before
    from held
    inner join claims on held.pool_id = claims.pool_id and held.place = claims.place
    where held.is_taken
    window earlier as (
        partition by held.defect_id, held.unit_number order by held.place rows between unbounded preceding and 1 preceding
    )

),

-- A case about a unit that an earlier one still holds counts once that one is decided, unless it was decided before.
begun as (

    select
        *,
        case when held_before > filed_date then held_before else filed_date end as from_date
    from taken
    where held_before is null or held_before <= filed_date or (held_before < {{ never }} and held_before <= until_date)

),

followed as (

    select
        *,
        lead(from_date, 1, {{ never }}) over unit_history as next_date,
        max(case when claim_state in ('DENIED', 'CLOSED') then place else 0 end) over unit_history as last_denied_place,
        max(case when claim_state in ('GRANTED', 'OPEN') then place else 0 end) over unit_history as last_granted_place
    from begun
    window unit_history as (partition by defect_id, unit_number order by place)

),

ended as (

    select
        followed.*,
        units.refund_defect_id,
        units.defect_date,
        case when followed.next_date < followed.settled_date then followed.next_date else followed.settled_date end as released_date,
        -- A withdrawn case leaves the unit in its earlier state.
        case
            when followed.claim_state = 'DROPPED' and followed.last_denied_place > followed.last_granted_place then 'DENIED'
            else followed.claim_state
        end as outcome
    from followed
    inner join units on followed.defect_id = units.defect_id and followed.unit_number = units.unit_number

),

-- Before a unit came back, the case was about the unit in transit.
about as (

    select defect_id, claim_row_id, outcome, from_date, until_date, released_date from ended
    union all
    select
        refund_defect_id as defect_id,
        claim_row_id,
        outcome,
        from_date,
        until_date,
        case when defect_date < released_date then defect_date else released_date end as released_date
    from ended
    where refund_defect_id is not null and from_date < defect_date

),

grouped as (

    select
        defect_id,
        claim_row_id,
        outcome,
        from_date,
        until_date,
        released_date,
        count(*) as units
    from about
    group by defect_id, claim_row_id, outcome, from_date, until_date, released_date

),

dated as (

    select
        grouped.*,
        cases.account_id,
        cases.case_id,
        cases.claim_basis,
        cases.claim_state,
        cases.filed_date,
        case
            when grouped.outcome = 'DENIED' then grouped.until_date
            when grouped.outcome = 'CLOSED' or (cases.is_granted_in_part and paid_cases.units > 0)
                then {{ add_days('cases.decided_date', var('claim_payment_days')) }}
            else {{ never }}
        end as refused_from,
        case when grouped.outcome in ('GRANTED', 'CLOSED') then {{ add_days('cases.decided_date', var('claim_payment_days')) }} end as payable_until
    from grouped
    inner join cases on grouped.claim_row_id = cases.claim_row_id
    left join paid_cases on cases.account_id = paid_cases.account_id and cases.case_id = paid_cases.case_id

)

select
    account_id,
    defect_id,
    claim_row_id,
    case_id,
    claim_basis,
    claim_state,
    filed_date,
    cast(units as integer) as claimed_units,
    from_date as open_from_date,
    nullif(case when until_date < released_date then until_date else released_date end, {{ never }}) as open_until_date,
    case when payable_until is not null and until_date < released_date then until_date end as payable_from_date,
    case
        when payable_until is null or until_date >= released_date then null
        when payable_until < released_date then payable_until
        else released_date
    end as payable_until_date,
    case when refused_from < released_date then refused_from end as denied_from_date,
    case when refused_from < released_date then nullif(released_date, {{ never }}) end as denied_until_date
from dated
