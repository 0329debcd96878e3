-- Units of losses and damages that were settled without payment: found, put back as sellable, or reconciled by Amazon without an explanation.

with adjustments as (

    select * from {{ ref('int_stock__adjustments') }}

),

matches as (

    select * from {{ ref('int_stock__matches') }}

),

losses as (

    select * from adjustments where defect_type is not null

),

found as (

    select
        losses.account_id,
        losses.adjustment_id as defect_id,
        greatest(evidence.event_date, losses.event_date) as reconciled_date,
        case losses.adjustment_group when 'LOST' then 'FOUND' else 'DISPOSITION_CORRECTED' end as status_reason,
        matches.units
    from matches
    inner join losses on matches.adjustment_id = losses.adjustment_id
    inner join adjustments as evidence on matches.supply_id = evidence.adjustment_id
    where matches.what = 'FOUND'

),

-- No report says when, so they count from the day of the loss.
unexplained as (

    select
        losses.account_id,
        losses.adjustment_id as defect_id,
        losses.event_date as reconciled_date,
        'RECONCILED_BY_AMAZON' as status_reason,
        losses.reconciled_units - coalesce(sum(case when matches.is_settled then matches.units end), 0) as units
    from losses
    left join matches on losses.adjustment_id = matches.adjustment_id
    where losses.reconciled_units > 0
    group by losses.account_id, losses.adjustment_id, losses.event_date, losses.reconciled_units

)

select * from found
union all
select * from unexplained where units > 0
