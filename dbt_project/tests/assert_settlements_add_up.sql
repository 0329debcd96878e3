-- Every settlement's lines make up the total that Amazon states for it, to the cent, also those posted after the day of the build.
select
    account_id,
    settlement_id,
    sum({{ amount('amount') }}) as line_amount,
    max({{ amount('total_amount') }}) as total_amount
from {{ source('amazon_seller', 'settlements') }}
where {{ is_known() }}
group by account_id, settlement_id
having sum({{ amount('amount') }}) is distinct from max({{ amount('total_amount') }})
