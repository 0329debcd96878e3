-- One row per reimbursement line with its match columns: its stock and product in capitals, blanks filled from the pairs in reports, and for a
-- reversal the reimbursement that was paid first, even if it names another reversal.

with lines as (

    select * from {{ ref('int_reimbursements__categorised') }}

),

names as (

    select * from {{ ref('int_products__names') }}

),

paid as (

    select distinct account_id, reimbursement_id from lines where reason_category <> 'REVERSAL'

),

-- What a reversal names as its original, which may be a reversal itself.
reversed as (

    select
        account_id,
        reimbursement_id,
        original_reimbursement_id as origin_id,
        row_number() over (partition by account_id, reimbursement_id order by approval_date, original_reimbursement_id) as place
    from lines
    where
        reason_category = 'REVERSAL'
        and original_reimbursement_id is not null
        and (account_id, reimbursement_id) not in (select (paid.account_id, paid.reimbursement_id) from paid where paid.reimbursement_id is not null)

),

chains_of_1 as (

    select account_id, reimbursement_id, origin_id from reversed where place = 1

),

-- Each round doubles the number of reversals that are followed; those that name one another in a circle have no first.
{% for length in [1, 2, 4, 8] %}
    chains_of_{{ length * 2 }} as (

        select chains.account_id, chains.reimbursement_id, coalesce(following.origin_id, chains.origin_id) as origin_id
        from chains_of_{{ length }} as chains
        left join chains_of_{{ length }} as following
            on chains.account_id = following.account_id and chains.origin_id = following.reimbursement_id

    ){{ ',' if not loop.last }}
{% endfor %}

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
            then coalesce(chains.origin_id, lines.original_reimbursement_id, case when paid.account_id is not null then lines.reimbursement_id end)
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
left join chains_of_16 as chains on lines.account_id = chains.account_id and lines.original_reimbursement_id = chains.reimbursement_id
left join paid on lines.account_id = paid.account_id and lines.reimbursement_id = paid.reimbursement_id
left join names as fnskus on lines.account_id = fnskus.account_id and fnskus.name_kind = 'SKU' and upper(lines.seller_sku) = fnskus.name_key
left join names as skus on lines.account_id = skus.account_id and skus.name_kind = 'FNSKU' and upper(lines.fnsku) = skus.name_key
