with lines as (

    select * from {{ ref('stg_amazon_seller__settlements') }}

)

select
    account_id,
    currency_code,
    cast(min(coalesce(settlement_start_at, posted_at)) as date) as covered_from_date,
    cast(max(coalesce(settlement_end_at, posted_at)) as date) as covered_through_date
from lines
group by account_id, currency_code
