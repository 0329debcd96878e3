-- One row per defect and period without change: the bucket of each of its units from valid_from to before valid_before. All models that show a
-- status, of today or of an earlier day, read it here.
--
-- A unit is in the first bucket whose condition holds: paid or replaced; settled without payment; found but not reconciled yet; excluded; in a case;
-- refused; reported as paid; waiting; eligible; expired.

with defects as (

    select * from {{ ref('int_defects__defects') }}

),

changes as (

    select * from {{ ref('int_defects__changes') }} where change_date <= {{ as_of_date() }}

),

summed as (

    select
        defect_id,
        change_date as valid_from,
        lead(change_date) over (partition by defect_id order by change_date) as valid_before,
        sum(cash_units) over past as paid_units,
        sum(inventory_units) over past as replaced_units,
        sum(found_units) over past as found_units,
        sum(corrected_units) over past as corrected_units,
        sum(unexplained_units) over past as unexplained_units,
        sum(offset_units) over past as offset_units,
        sum(returned_units) over past as returned_units,
        sum(claimed_units) over past as claimed_units,
        sum(payable_units) over past as payable_units,
        sum(denied_units) over past as denied_units,
        sum(cash_amount) over past as cash_amount
    from changes
    window past as (partition by defect_id order by change_date rows unbounded preceding)

),

present as (

    select
        summed.*,
        defects.account_id,
        defects.outcome,
        defects.return_state,
        defects.disposition,
        defects.event_type,
        defects.defect_type,
        defects.eligible_from_date,
        defects.claim_deadline_date,
        greatest(defects.defect_units - summed.returned_units, 0) as units
    from summed
    inner join defects on summed.defect_id = defects.defect_id

),

paid as (

    select *, greatest(least(paid_units, units), 0) as cash_bucket from present

),

replaced as (

    select *, greatest(least(replaced_units, units - cash_bucket), 0) as inventory_bucket from paid

),

settled as (

    select
        *,
        greatest(least(found_units + corrected_units + unexplained_units, units - cash_bucket - inventory_bucket), 0) as settled_bucket
    from replaced

),

found_open as (

    select
        *,
        case
            when outcome = 'CLAIMABLE' and coalesce(valid_from <= claim_deadline_date, true)
                then least(units - cash_bucket - inventory_bucket - settled_bucket, offset_units)
            else 0
        end as offset_bucket
    from settled

),

unsettled as (

    select *, units - cash_bucket - inventory_bucket - settled_bucket - offset_bucket as open_units from found_open

),

claimed as (

    select
        *,
        case when outcome = 'CLAIMABLE' then least(open_units, claimed_units + payable_units) else 0 end as in_case_bucket,
        case when outcome = 'CLAIMABLE' then least(greatest(open_units - claimed_units - payable_units, 0), denied_units) else 0 end as denied_bucket
    from unsettled

),

judged as (

    select
        *,
        open_units - in_case_bucket - denied_bucket as rest_units,
        case
            when outcome = 'UNKNOWN' then 'UNKNOWN_CODE'
            when outcome = 'RECONCILE' and return_state = 'PENDING' then 'REPACKAGING'
            when outcome = 'RECONCILE' then 'RESTOCKED'
            when outcome = 'KEPT' then 'SELLER_KEEPS_DAMAGED'
            when outcome = 'INELIGIBLE' then disposition
            when outcome = 'NOT_EVALUATED' then 'RETURNS_NOT_EVALUATED'
            when return_state = 'PAID' then 'PAYOUT_NOT_SEEN'
            when policy_rule_is_unknown then 'NO_KNOWN_RULE'
            when valid_from > claim_deadline_date then 'WINDOW_EXPIRED'
            when valid_from >= eligible_from_date then 'UNPAID'
            when defect_type = 'IN_TRANSIT' then 'WAITING_FOR_RETURN'
            when event_type = 'WAREHOUSE_OPERATIONS' then 'WAITING_FOR_AMAZON'
            else 'WINDOW_NOT_OPEN'
        end as rest_reason
    from (select *, claim_deadline_date is null as policy_rule_is_unknown from claimed) as claimed

),

bucketed as (

    select
        *,
        case
            when rest_reason = 'UNPAID' then 'ELIGIBLE'
            when rest_reason = 'RESTOCKED' then 'RECONCILED'
            when outcome in ('INELIGIBLE', 'KEPT', 'NOT_EVALUATED') or rest_reason = 'WINDOW_EXPIRED' then 'INELIGIBLE'
            else 'IN_PROGRESS'
        end as rest_bucket
    from judged

),

counted as (

    select
        *,
        settled_bucket + case rest_bucket when 'RECONCILED' then rest_units else 0 end as reconciled_units,
        offset_bucket + in_case_bucket + case rest_bucket when 'IN_PROGRESS' then rest_units else 0 end as in_progress_units,
        case rest_bucket when 'ELIGIBLE' then rest_units else 0 end as eligible_units,
        denied_bucket + case rest_bucket when 'INELIGIBLE' then rest_units else 0 end as ineligible_units,
        case rest_reason when 'WINDOW_EXPIRED' then rest_units else 0 end as expired_units
    from bucketed
    where units > 0

),

decided as (

    select
        *,
        case when eligible_units > 0 then 'ELIGIBLE_FOR_CLAIM' when in_progress_units > 0 then 'IN_PROGRESS' else 'RESOLVED' end as defect_status,
        case
            when cash_bucket + inventory_bucket >= greatest(reconciled_units, ineligible_units) then 'REIMBURSED'
            when reconciled_units >= ineligible_units then 'RECONCILE'
            else 'INELIGIBLE'
        end as most_units
    from counted

)

select
    account_id,
    defect_id,
    valid_from,
    valid_before,
    cast(units as integer) as defect_units,
    cast(cash_bucket as integer) as reimbursed_cash_units,
    cast(inventory_bucket as integer) as reimbursed_inventory_units,
    cast(reconciled_units as integer) as reconciled_units,
    cast(in_progress_units as integer) as in_progress_units,
    cast(eligible_units as integer) as eligible_units,
    cast(ineligible_units as integer) as ineligible_units,
    cast(denied_bucket as integer) as denied_units,
    cast(expired_units as integer) as expired_units,
    cast(cash_amount as decimal(18, 4)) as reimbursed_cash_amount,
    defect_status,
    case when defect_status = 'RESOLVED' then most_units end as resolution_type,
    case
        when defect_status = 'ELIGIBLE_FOR_CLAIM' then 'UNPAID'
        when defect_status = 'IN_PROGRESS' and claimed_units > 0 and in_case_bucket > 0 then 'CLAIM_OPEN'
        when defect_status = 'IN_PROGRESS' and in_case_bucket > 0 then 'PAYMENT_PENDING'
        when defect_status = 'IN_PROGRESS' and offset_bucket > 0 then 'FOUND'
        when defect_status = 'IN_PROGRESS' then rest_reason
        when most_units = 'REIMBURSED' and cash_bucket >= inventory_bucket then 'PAID'
        when most_units = 'REIMBURSED' then 'REPLACED'
        when most_units = 'RECONCILE' and rest_bucket = 'RECONCILED' and rest_units > 0 then 'RESTOCKED'
        when most_units = 'RECONCILE' and found_units >= greatest(corrected_units, unexplained_units) then 'FOUND'
        when most_units = 'RECONCILE' and corrected_units >= unexplained_units then 'DISPOSITION_CORRECTED'
        when most_units = 'RECONCILE' then 'RECONCILED_BY_AMAZON'
        when denied_bucket >= rest_units then 'CLAIM_DENIED'
        else rest_reason
    end as status_reason
from decided
