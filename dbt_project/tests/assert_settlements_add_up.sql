{{ config(meta={
    'why': 'the lines of the settlement do not make up the total that Amazon states for it',
    'remedy': 'download the settlement again; where it stays so, ask Amazon for the missing lines',
}) }}

-- Every settlement's lines make up the total that Amazon states for it, to the cent: those in staging, and those posted after the day of the build.
with lines as (

    select account_id, settlement_id, line_amount, settlement_total_amount from {{ ref('stg_amazon_seller__settlements') }}
    union all
    select
        account_id,
        {{ text_value('settlement_id') }} as settlement_id,
        {{ amount('amount') }} as line_amount,
        {{ amount('total_amount') }} as settlement_total_amount
    from {{ source('amazon_seller', 'settlements') }}
    where
        {{ is_known() }}
        and not {{ is_dated_by_as_of('coalesce(' ~ printed_date('posted_date') ~ ', ' ~ utc_date('settlement_start_date') ~ ')') }}

)

select account_id, settlement_id, sum(line_amount) as line_amount, max(settlement_total_amount) as total_amount
from lines
group by account_id, settlement_id
having sum(line_amount) is distinct from max(settlement_total_amount)
