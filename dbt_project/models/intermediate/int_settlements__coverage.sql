with periods as (

    select * from {{ ref('int_settlements__held_periods') }}

)

select
    account_id,
    currency_code,
    min(held_from_date) as covered_from_date,
    max(held_through_date) as covered_through_date
from periods
group by account_id, currency_code
