{{ config(meta={
    'why': 'the lines of the settlement do not make up the total that Amazon states for it',
    'remedy': 'download the settlement again; if it is the same, ask Amazon for the missing lines',
}) }}

-- Every settlement's lines make up the total that Amazon states for it, to the cent, unless the account accepts that they do not. Of a settlement
-- that ends after the day of the build, staging has only a part.
with accounts as (

    select * from {{ source('pipeline_settings', 'accounts') }}

),

lines as (

    select * from {{ ref('stg_amazon_seller__settlements') }}

),

settlements as (

    select
        account_id,
        settlement_id,
        sum(line_amount) as line_amount,
        max(settlement_total_amount) as total_amount
    from lines
    group by account_id, settlement_id
    having {{ is_dated_by_as_of('cast(max(settlement_end_at) as date)') }}

)

select
    settlements.account_id,
    settlements.settlement_id,
    settlements.line_amount,
    settlements.total_amount
from settlements
left join accounts on settlements.account_id = accounts.account_id
where
    settlements.line_amount is distinct from settlements.total_amount
    and ',' || coalesce(accounts.accept_unbalanced_settlements, '') || ',' not like '%,' || settlements.settlement_id || ',%'
