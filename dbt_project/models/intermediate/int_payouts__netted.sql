-- One row per payout and kind, in money or in stock, with what was taken back. What a reversal gives is for the loss or order from which it takes, or
-- that its original was for.

with paid as (

    select * from {{ ref('int_payouts__paid') }}

),

reversals as (

    select * from {{ ref('int_payouts__reversals') }}

),

-- What most reasons of a category pay for; some, such as the delay of a parcel, pay for no unit.
reasons as (

    select reason_category, max(nullif(pays_for, 'NOTHING')) as pays_for
    from {{ ref('reimbursement_reasons') }}
    group by reason_category

),

reversed as (

    select payout_key, sum(units) as units
    from reversals
    group by payout_key

),

given as (

    select * from paid where reimbursement_line_id is not null

),

-- In this order: the rest of the line, the reimbursement that it names, and the last reversal of the same quantity of the stock.
candidates as (

    select given.payout_key, reversals.payout_key as original_key, 1 as evidence, reversals.place
    from given
    inner join reversals on given.reimbursement_line_id = reversals.reimbursement_line_id
    union all
    select given.payout_key, paid.payout_key as original_key, 2 as evidence, paid.place
    from given
    inner join paid
        on
            given.account_id = paid.account_id
            and given.origin_id = paid.origin_id
            and given.currency_code = paid.currency_code
            and paid.reimbursement_line_id is null
    union all
    select given.payout_key, reversals.payout_key as original_key, 3 as evidence, reversals.place
    from given
    inner join reversals
        on
            given.account_id = reversals.account_id
            and given.payout_kind = reversals.payout_kind
            and given.approval_date >= reversals.reversal_date
            and reversals.units > 0
    inner join paid on reversals.payout_key = paid.payout_key
    where
        given.origin_id is null
        and given.stock_key = paid.stock_key
        and given.currency_code = paid.currency_code
        and given.unit_amount = paid.unit_amount
        and coalesce(given.amazon_order_id, paid.amazon_order_id, '') = coalesce(paid.amazon_order_id, '')

),

ranked as (

    select
        candidates.payout_key,
        originals.reason_category,
        originals.pays_for,
        originals.amazon_order_id,
        originals.case_id,
        originals.seller_sku,
        originals.fnsku,
        originals.sku_key,
        originals.stock_key,
        originals.origin_id,
        originals.reimbursement_id,
        originals.approval_date as original_date,
        row_number() over (
            partition by candidates.payout_key
            order by
                candidates.evidence asc,
                case when given.amazon_order_id is not distinct from originals.amazon_order_id then 0 else 1 end asc,
                case when given.stock_key = originals.stock_key then 0 else 1 end asc,
                case when given.payout_kind = originals.payout_kind then 0 else 1 end asc,
                candidates.place desc,
                originals.place desc
        ) as rank_number
    from candidates
    inner join given on candidates.payout_key = given.payout_key
    inner join paid as originals on candidates.original_key = originals.payout_key

),

attributed as (

    select
        paid.payout_key,
        paid.payout_id,
        paid.payout_kind,
        paid.reimbursement_line_id as given_by_line_id,
        paid.account_id,
        paid.reimbursement_id,
        coalesce(paid.origin_id, ranked.origin_id, ranked.reimbursement_id) as origin_id,
        coalesce(ranked.reason_category, paid.reason_category) as reason_category,
        coalesce(ranked.pays_for, paid.pays_for) as stated_pays_for,
        coalesce(paid.seller_sku, ranked.seller_sku) as seller_sku,
        coalesce(paid.fnsku, ranked.fnsku) as fnsku,
        coalesce(paid.sku_key, ranked.sku_key) as sku_key,
        coalesce(paid.stock_key, ranked.stock_key) as stock_key,
        paid.currency_code,
        coalesce(paid.amazon_order_id, ranked.amazon_order_id) as amazon_order_id,
        coalesce(paid.case_id, ranked.case_id) as case_id,
        paid.approval_date,
        ranked.original_date,
        paid.place,
        paid.units,
        paid.cash_amount
    from paid
    left join ranked on paid.payout_key = ranked.payout_key and ranked.rank_number = 1

)

select
    attributed.*,
    coalesce(attributed.stated_pays_for, reasons.pays_for, 'NOTHING') as pays_for,
    cast(coalesce(reversed.units, 0) as integer) as reversed_units
from attributed
left join reasons on attributed.reason_category = reasons.reason_category
left join reversed on attributed.payout_key = reversed.payout_key
