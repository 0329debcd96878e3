with order_lines as (

    select * from {{ ref('stg_amazon_seller__orders') }}

),

marketplaces as (

    select * from {{ ref('marketplaces') }}

),

replacements as (

    select distinct account_id, replacement_amazon_order_id as amazon_order_id from {{ ref('stg_amazon_seller__replacements') }}

),

-- Lines of one order agree on everything but the item; if a file disagrees, the latest update wins.
described as (

    select
        *,
        row_number() over (partition by account_id, amazon_order_id order by last_updated_at desc nulls last, order_row_id asc) as place
    from order_lines

),

totals as (

    select
        account_id,
        amazon_order_id,
        count(*) as line_count,
        sum(coalesce(quantity_units, 0)) as item_units,
        case
            when count(distinct currency_code) = 1 and count(case when currency_code is null then item_price_amount end) = 0
                then min(currency_code)
        end as currency_code,
        sum(item_price_amount) as item_amount,
        sum(item_tax_amount) as item_tax_amount,
        sum(shipping_price_amount) as shipping_amount,
        sum(item_promotion_discount_amount) as promotion_discount_amount
    from order_lines
    group by account_id, amazon_order_id

),

-- Multi-channel orders carry "Non-Amazon US" instead of a marketplace's own name; the United Kingdom is UK in some places, GB in others.
channels as (

    select lower(sales_channel) as channel, marketplace_id from marketplaces
    union all
    select lower('Non-Amazon ' || country_code) as channel, marketplace_id from marketplaces
    union all
    select lower('Non-Amazon GB') as channel, marketplace_id from marketplaces where country_code = 'UK'

)

select
    totals.account_id,
    totals.amazon_order_id,
    described.purchase_at,
    described.purchase_date,
    described.order_status,
    case described.fulfillment_channel
        when 'AMAZON' then 'AFN'
        when 'MERCHANT' then 'MFN'
        else described.fulfillment_channel
    end as fulfillment_channel,
    described.sales_channel,
    channels.marketplace_id,
    coalesce(lower(described.sales_channel) like 'non-amazon%', false) as is_multi_channel,
    coalesce(described.is_replacement_order, false) or replacements.amazon_order_id is not null as is_replacement,
    cast(totals.line_count as integer) as line_count,
    cast(totals.item_units as integer) as item_units,
    totals.currency_code,
    cast(case when totals.currency_code is not null then totals.item_amount end as decimal(18, 4)) as item_amount,
    cast(case when totals.currency_code is not null then totals.item_tax_amount end as decimal(18, 4)) as item_tax_amount,
    cast(case when totals.currency_code is not null then totals.shipping_amount end as decimal(18, 4)) as shipping_amount,
    cast(case when totals.currency_code is not null then totals.promotion_discount_amount end as decimal(18, 4)) as promotion_discount_amount
from totals
inner join described
    on totals.account_id = described.account_id and totals.amazon_order_id = described.amazon_order_id and described.place = 1
left join channels on lower(described.sales_channel) = channels.channel
left join replacements on totals.account_id = replacements.account_id and totals.amazon_order_id = replacements.amazon_order_id
