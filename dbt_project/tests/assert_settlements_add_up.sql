{{ config(meta={
    'why': 'the lines of the settlement do not make up the total that Amazon states for it',
    'remedy': 'download the settlement again; where it stays so, ask Amazon for the missing lines',
}) }}

-- Every settlement's lines make up the total that Amazon states for it, to the cent.
select
    account_id,
    settlement_id,
    sum(line_amount) as line_amount,
    max(settlement_total_amount) as total_amount
from {{ ref('stg_amazon_seller__settlements') }}
group by account_id, settlement_id
having sum(line_amount) is distinct from max(settlement_total_amount)
