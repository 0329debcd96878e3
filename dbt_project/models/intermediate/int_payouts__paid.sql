-- One row per payout and kind, in money or in stock: the lines of one reimbursement for one product, order and reason; also what a reversal gives
-- while it takes, or gives back.

with lines as (

    select * from {{ ref('int_payouts__lines') }}

),

payouts as (

    select
        md5(
            {{ row_key(
                ['account_id', 'reimbursement_id', 'reason_category', 'pays_for', 'seller_sku', 'fnsku', 'currency_code', 'amazon_order_id']
            ) }}
        ) as payout_id,
        cast(null as varchar) as reimbursement_line_id,
        account_id,
        reimbursement_id,
        origin_id,
        reason_category,
        pays_for,
        seller_sku,
        fnsku,
        sku_key,
        stock_key,
        currency_code,
        amazon_order_id,
        max(case_id) as case_id,
        min(approval_date) as approval_date,
        min(place) as place,
        sum(cash_units) as cash_units,
        sum(inventory_units) as inventory_units,
        sum(cash_amount) as cash_amount
    from lines
    where reason_category <> 'REVERSAL'
    group by
        account_id, reimbursement_id, origin_id, reason_category, pays_for, seller_sku, fnsku, sku_key, stock_key, currency_code,
        amazon_order_id

),

given as (

    select
        md5({{ row_key(['account_id', "'GIVEN'", 'reimbursement_line_id']) }}) as payout_id,
        reimbursement_line_id,
        account_id,
        reimbursement_id,
        origin_id,
        coalesce(type_category, 'REVERSAL') as reason_category,
        cast(null as varchar) as pays_for,
        seller_sku,
        fnsku,
        sku_key,
        stock_key,
        currency_code,
        amazon_order_id,
        case_id,
        approval_date,
        place,
        cash_units,
        inventory_units,
        cash_amount
    from lines
    where reason_category = 'REVERSAL'

),

paid as (

    select * from payouts
    union all
    select * from given

),

kinds as (

    select *, 'CASH' as payout_kind, cash_units as units, cash_amount as kind_amount from paid
    union all
    select *, 'INVENTORY' as payout_kind, inventory_units as units, 0 as kind_amount from paid

)

select
    {{ row_key(['payout_id', 'payout_kind']) }} as payout_key,
    payout_id,
    payout_kind,
    reimbursement_line_id,
    account_id,
    reimbursement_id,
    origin_id,
    reason_category,
    pays_for,
    seller_sku,
    fnsku,
    sku_key,
    stock_key,
    currency_code,
    amazon_order_id,
    case_id,
    approval_date,
    place,
    cast(units as integer) as units,
    cast(kind_amount as decimal(18, 4)) as cash_amount,
    cast({{ amount_of_units('kind_amount', '0', '1', 'units') }} as decimal(18, 2)) as unit_amount
from kinds
where units > 0
