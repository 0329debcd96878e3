-- The cost in force: the seller's own, and Amazon's estimate until the seller's first.

with series as (

    select * from {{ ref('int_products__cost_series') }}

),

stated as (

    select account_id, seller_sku, currency_code, min(valid_from) as first_stated_date
    from series
    where cost_origin <> 'AMAZON'
    group by account_id, seller_sku, currency_code

)

select
    series.account_id,
    series.seller_sku,
    series.currency_code,
    series.valid_from,
    case
        when series.cost_origin = 'AMAZON' and series.valid_before is null then stated.first_stated_date
        when series.cost_origin = 'AMAZON' and stated.first_stated_date < series.valid_before then stated.first_stated_date
        else series.valid_before
    end as valid_before,
    series.cost_origin,
    series.sourcing_cost_amount
from series
left join stated
    on series.account_id = stated.account_id and series.seller_sku = stated.seller_sku and series.currency_code = stated.currency_code
where series.cost_origin <> 'AMAZON' or stated.first_stated_date is null or series.valid_from < stated.first_stated_date
