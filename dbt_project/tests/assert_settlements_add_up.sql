-- Every settlement's lines make up the total that Amazon states for it, to the cent.
select
    account_id,
    settlement_id,
    sum(line_amount) as line_amount,
    max(settlement_total_amount) as total_amount
from {{ ref('stg_amazon_seller__settlements') }}
group by account_id, settlement_id
having sum(line_amount) is distinct from max(settlement_total_amount)
