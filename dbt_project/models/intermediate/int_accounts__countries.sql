-- The region of the claim windows and the currency, for every account and every country that a ledger row may name, blank included. Windows are those
-- of the country where the stock is. Amazon pays in a currency of the account: if it has no marketplace in the country, its home's is assumed.

with accounts as (

    select * from {{ ref('dim_accounts') }}

),

marketplaces as (

    select * from {{ ref('marketplaces') }}

),

-- Amazon writes the United Kingdom as UK in some places and as GB in others.
countries as (

    select country_code, marketplace_id, policy_region, currency_code from marketplaces
    union all
    select 'GB' as country_code, marketplace_id, policy_region, currency_code from marketplaces where country_code = 'UK'

),

named as (

    select distinct account_id, coalesce(country_code, '') as country_code from {{ ref('stg_amazon_seller__inventory_ledger') }}

)

select
    accounts.account_id,
    named.country_code,
    coalesce(countries.marketplace_id, home.marketplace_id) as marketplace_id,
    coalesce(countries.policy_region, home.policy_region) as policy_region,
    case when is_sold_in.account_id is null then home.currency_code else countries.currency_code end as currency_code,
    is_sold_in.account_id is null as is_currency_assumed
from accounts
inner join named on accounts.account_id = named.account_id
inner join marketplaces as home on {{ first_of_list('accounts.marketplace_ids') }} = home.marketplace_id
left join countries on named.country_code = countries.country_code
left join accounts as is_sold_in
    on
        accounts.account_id = is_sold_in.account_id
        and ',' || is_sold_in.marketplace_ids || ',' like '%,' || countries.marketplace_id || ',%'
