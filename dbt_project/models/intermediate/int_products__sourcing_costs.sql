with costs as (

    select * from {{ ref('stg_amazon_seller__sourcing_costs') }}

)

select account_id, seller_sku, fnsku, currency_code, effective_from_date as valid_from, lead(effective_from_date) over (partition by account_id, seller_sku, fnsku, currency_code order by effective_from_date) as valid_before, sourcing_cost_amount, coalesce(cost_origin, 'SELLER') as origin
from costs
