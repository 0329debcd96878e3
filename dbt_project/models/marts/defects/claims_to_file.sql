with defects as (

    select * from {{ ref('fct_inventory_defects') }} where eligible_units > 0

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

marketplaces as (

    select * from {{ ref('marketplaces') }}

),

rates as (

    select * from {{ ref('int_exchange_rates') }} where calendar_date = {{ as_of_date() }}

),

-- Amounts rank in one currency per account: the reporting currency if today's rate of its home currency is known, else its home currency.
homes as (

    select
        accounts.account_id,
        case
            when rates.currency_code is not null and reporting_rates.currency_code is not null then reporting_rates.currency_code
            else marketplaces.currency_code
        end as currency_code
    from accounts
    inner join marketplaces on {{ first_of_list('accounts.marketplace_ids') }} = marketplaces.marketplace_id
    left join rates on marketplaces.currency_code = rates.currency_code
    left join rates as reporting_rates on reporting_rates.currency_code = '{{ var("reporting_currency_code") }}'

),

valued as (

    select
        defects.*,
        homes.currency_code as ranking_currency_code,
        case
            when defects.currency_code = homes.currency_code then defects.estimated_recovery_amount
            else
                cast(
                    {{ converted_amount('defects.estimated_recovery_amount', 'rates.units_per_euro', 'ranking_rates.units_per_euro') }}
                    as decimal(18, 4)
                )
        end as ranking_amount
    from defects
    left join homes on defects.account_id = homes.account_id
    left join rates on defects.currency_code = rates.currency_code
    left join rates as ranking_rates on homes.currency_code = ranking_rates.currency_code

)

select
    cast(
        row_number() over (
            partition by account_id order by claim_deadline_date asc, ranking_amount desc nulls last, defect_id asc
        ) as integer
    ) as claim_rank,
    account_id,
    defect_id,
    event_type,
    defect_type,
    claim_deadline_date,
    days_to_deadline,
    amazon_order_id,
    transaction_id,
    fnsku,
    seller_sku,
    asin,
    product_name,
    fulfillment_center_id,
    country_code,
    defect_date,
    disposition,
    reason_code,
    eligible_units,
    defect_units,
    claim_anchor_date,
    claim_anchor_basis,
    claim_opens_date,
    policy_rule_id,
    currency_code,
    estimated_unit_value,
    estimated_recovery_amount,
    value_basis,
    ranking_amount,
    ranking_currency_code
from valued
