-- One row per reimbursement line with its match columns: its stock and product in capitals, blanks filled from the pairs in reports, and for a
-- reversal the reimbursement that was paid first, even if it names another reversal.

with recursive lines as (

    select * from {{ ref('int_reimbursements__categorised') }}

),

names as (

    select * from {{ ref('int_products__names') }}

),

paid as (

    select distinct account_id, reimbursement_id from lines where reason_category <> 'REVERSAL'

),

-- What a reversal names as its original, if that is a reversal itself.
reversed as (

    select
        account_id,
        reimbursement_id,
        original_reimbursement_id,
        row_number() over (partition by account_id, reimbursement_id order by approval_date, original_reimbursement_id) as place
    from lines
    where
        reason_category = 'REVERSAL'
        and original_reimbursement_id is not null
        and (account_id, reimbursement_id) not in (select (paid.account_id, paid.reimbursement_id) from paid where paid.reimbursement_id is not null)

),

chains as (

    select distinct account_id, original_reimbursement_id as named_id, original_reimbursement_id as origin_id, 0 as steps
    from lines
    where original_reimbursement_id is not null
    union all
    select chains.account_id, chains.named_id, reversed.original_reimbursement_id as origin_id, chains.steps + 1 as steps
    from chains
    inner join reversed on chains.account_id = reversed.account_id and chains.origin_id = reversed.reimbursement_id and reversed.place = 1
    -- Reversals that name one another in a circle have no first.
    where chains.steps < 10

),

origins as (

    select *, row_number() over (partition by account_id, named_id order by steps desc) as place from chains

)

select
    lines.account_id,
    lines.reimbursement_line_id,
    lines.reimbursement_id,
    lines.approval_date,
    lines.reason_category,
    lines.pays_for,
    coalesce(nullif(lines.original_type_category, 'REVERSAL'), nullif(lines.stated_category, 'REVERSAL')) as type_category,
    -- Some reversals have the id of the line that they reverse and name no original.
    case
        when lines.reason_category = 'REVERSAL'
            then coalesce(origins.origin_id, case when paid.account_id is not null then lines.reimbursement_id end)
        else lines.reimbursement_id
    end as origin_id,
    lines.amazon_order_id,
    lines.case_id,
    lines.seller_sku,
    lines.fnsku,
    coalesce(upper(lines.seller_sku), skus.paired_key) as sku_key,
    coalesce(upper(lines.fnsku), fnskus.paired_key, upper(lines.seller_sku)) as stock_key,
    lines.currency_code,
    coalesce(lines.cash_units, 0) as cash_units,
    coalesce(lines.inventory_units, 0) as inventory_units,
    coalesce(lines.cash_amount, 0) as cash_amount,
    row_number() over (
        partition by lines.account_id
        order by
            lines.approval_date, lines.approval_at, lines.reimbursement_id, lines.amazon_order_id, lines.seller_sku, lines.fnsku,
            lines.cash_amount, lines.cash_units, lines.inventory_units, lines.reason_code, lines.reimbursement_line_id
    ) as place
from lines
left join origins on lines.account_id = origins.account_id and lines.original_reimbursement_id = origins.named_id and origins.place = 1
left join paid on lines.account_id = paid.account_id and lines.reimbursement_id = paid.reimbursement_id
left join names as fnskus on lines.account_id = fnskus.account_id and fnskus.name_kind = 'SKU' and upper(lines.seller_sku) = fnskus.name_key
left join names as skus on lines.account_id = skus.account_id and skus.name_kind = 'FNSKU' and upper(lines.fnsku) = skus.name_key
