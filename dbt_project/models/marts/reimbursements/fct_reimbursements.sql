with reimbursements as (

    select * from {{ ref('int_reimbursements__categorised') }} where {{ is_dated_by_as_of('approval_date') }}

),

settled as (

    select * from {{ ref('int_reimbursements__settled') }}

),

payouts as (

    select * from {{ ref('int_payouts__netted') }}

),

reversals as (

    select * from {{ ref('int_payouts__reversals') }}

),

sourcing_costs as (

    select * from {{ ref('int_products__sourcing_costs') }}

),

names as (

    select * from {{ ref('int_products__names') }}

),

exchange_rates as (

    select * from {{ ref('int_exchange_rates') }}

),

orders as (

    select * from {{ ref('fct_orders') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

marketplaces as (

    select * from {{ ref('marketplaces') }}

),

postings as (

    select account_id, reimbursement_line_id, min(posted_date) as settlement_posted_date, min(match_basis) as settlement_match_basis
    from settled
    group by account_id, reimbursement_line_id

),

lines as (

    select
        reimbursements.*,
        postings.settlement_posted_date,
        postings.settlement_match_basis,
        coalesce(names.seller_sku, reimbursements.seller_sku) as product_sku,
        {{ accounting_date('reimbursements.approval_date', 'postings.settlement_posted_date') }} as accounting_date
    from reimbursements
    left join postings
        on reimbursements.account_id = postings.account_id and reimbursements.reimbursement_line_id = postings.reimbursement_line_id
    left join names on {{ names_product('names', 'reimbursements') }}

),

-- A reversal belongs to the payout from which it takes; if no unit of it is left, to the reimbursement that it names.
taken_from as (

    select
        reversals.reimbursement_line_id,
        payouts.reason_category,
        payouts.reimbursement_id,
        payouts.approval_date,
        reversals.reversal_basis,
        row_number() over (partition by reversals.reimbursement_line_id order by reversals.units desc, payouts.place asc) as place
    from reversals
    inner join payouts on reversals.payout_key = payouts.payout_key

),

given_back as (

    select given_by_line_id as reimbursement_line_id, min(reason_category) as reason_category
    from payouts
    where given_by_line_id is not null
    group by given_by_line_id

),

originals as (

    select
        lines.account_id,
        lines.reimbursement_line_id,
        original_lines.reason_category as original_category,
        row_number() over (
            partition by lines.reimbursement_line_id
            order by
                case when original_lines.fnsku = lines.fnsku and original_lines.product_sku = lines.product_sku then 0 else 1 end,
                original_lines.approval_date,
                original_lines.seller_sku,
                original_lines.reimbursement_line_id
        ) as place
    from lines
    inner join lines as original_lines
        on
            lines.account_id = original_lines.account_id
            and lines.original_reimbursement_id = original_lines.reimbursement_id
            and original_lines.reason_category <> 'REVERSAL'
    where lines.reason_category = 'REVERSAL'

),

-- The account's marketplace with the currency, if there is only one.
currency_marketplaces as (

    select
        accounts.account_id,
        marketplaces.currency_code,
        min(marketplaces.marketplace_id) as marketplace_id
    from accounts
    inner join marketplaces on ',' || accounts.marketplace_ids || ',' like '%,' || marketplaces.marketplace_id || ',%'
    group by accounts.account_id, marketplaces.currency_code
    having count(*) = 1

),

reporting_rates as (

    select calendar_date, units_per_euro, minor_units
    from exchange_rates
    where currency_code = '{{ var("reporting_currency_code") }}'

)

select
    lines.account_id,
    lines.reimbursement_line_id,
    lines.reimbursement_id,
    lines.approval_at,
    lines.approval_date,
    lines.accounting_date,
    lines.settlement_posted_date,
    lines.settlement_match_basis,
    lines.case_id,
    case when lines.case_id is null then 'AMAZON' else 'SELLER' end as initiated_by,
    lines.amazon_order_id,
    orders.order_status,
    lines.reason_code,
    lines.reason_category,
    case
        when lines.reason_category = 'REVERSAL'
            then
                coalesce(
                    taken_from.reason_category,
                    nullif(given_back.reason_category, 'REVERSAL'),
                    originals.original_category,
                    nullif(lines.original_type_category, 'REVERSAL'),
                    lines.stated_category,
                    'REVERSAL'
                )
        else lines.reason_category
    end as attributed_reason_category,
    lines.product_sku as seller_sku,
    lines.fnsku,
    coalesce(lines.asin, products.asin) as asin,
    products.parent_asin,
    coalesce(lines.product_name, products.product_name) as product_name,
    lines.condition,
    lines.currency_code,
    lines.amount_per_unit,
    lines.cash_amount,
    nullif('{{ var("reporting_currency_code") }}', '') as reporting_currency_code,
    case
        when lines.currency_code = '{{ var("reporting_currency_code") }}' then lines.cash_amount
        else {{ converted_amount(
            'lines.cash_amount', 'line_rates.units_per_euro', 'reporting_rates.units_per_euro', 'reporting_rates.minor_units'
        ) }}
    end as cash_amount_reporting,
    coalesce(lines.cash_units, 0) as cash_units,
    coalesce(lines.inventory_units, 0) as inventory_units,
    coalesce(lines.total_units, coalesce(lines.cash_units, 0) + coalesce(lines.inventory_units, 0)) as total_units,
    case
        when coalesce(lines.inventory_units, 0) = 0 then 0
        else {{ amount_times('sourcing_costs.sourcing_cost_amount', 'lines.inventory_units') }}
    end as inventory_value_memo_amount,
    lines.reason_category = 'REVERSAL' as is_reversal,
    lines.original_reimbursement_id,
    lines.original_reimbursement_type,
    case when lines.reason_category = 'REVERSAL' then coalesce(taken_from.reversal_basis, 'NONE') end as reversal_match_basis,
    taken_from.reimbursement_id as reversed_reimbursement_id,
    taken_from.approval_date as reversed_approval_date,
    coalesce(orders.marketplace_id, currency_marketplaces.marketplace_id) as marketplace_inferred,
    case
        when orders.marketplace_id is not null then 'ORDER'
        when currency_marketplaces.marketplace_id is not null then 'CURRENCY'
        else 'UNKNOWN'
    end as marketplace_basis
from lines
left join taken_from on lines.reimbursement_line_id = taken_from.reimbursement_line_id and taken_from.place = 1
left join given_back on lines.reimbursement_line_id = given_back.reimbursement_line_id
left join originals on lines.reimbursement_line_id = originals.reimbursement_line_id and originals.place = 1
left join orders on lines.account_id = orders.account_id and lines.amazon_order_id = orders.amazon_order_id
left join products on lines.account_id = products.account_id and lines.product_sku = products.seller_sku
left join currency_marketplaces on lines.account_id = currency_marketplaces.account_id and lines.currency_code = currency_marketplaces.currency_code
left join sourcing_costs
    on
        lines.account_id = sourcing_costs.account_id
        and lines.product_sku = sourcing_costs.seller_sku
        and lines.currency_code = sourcing_costs.currency_code
        and lines.approval_date >= sourcing_costs.valid_from
        and (sourcing_costs.valid_before is null or lines.approval_date < sourcing_costs.valid_before)
left join exchange_rates as line_rates on lines.currency_code = line_rates.currency_code and lines.accounting_date = line_rates.calendar_date
left join reporting_rates on lines.accounting_date = reporting_rates.calendar_date
