-- One row per reversing reimbursement line and payout from which it takes. Money and stock are counted separately and with their signs: a line of -1
-- in money and +1 in stock takes money and gives a unit. The most certain evidence goes first, and of several payouts the latest:
--   NAMED  the reimbursement that the line names, its lines for the same order and product first
--   STOCK  if it names none: a payout of the same stock and amount, the same order or reason first
-- A line that takes money and no unit lowers the amount of one payout.
-- sqlfluff:indentation:template_blocks_indent:False

{% set rounds = [
    ('NAMED', ['origin_id', 'payout_kind', 'stock_key', "coalesce(amazon_order_id, '')"]),
    ('NAMED', ['origin_id', 'payout_kind', 'stock_key']),
    ('NAMED', ['origin_id', 'payout_kind']),
    ('NAMED', ['origin_id']),
    ('STOCK', ['payout_kind', 'unit_amount', 'stock_key', 'amazon_order_id']),
    ('STOCK', ['payout_kind', 'unit_amount', 'stock_key', 'reason_category']),
    ('STOCK', ['payout_kind', 'unit_amount', 'stock_key']),
] %}

with lines as (

    select * from {{ ref('int_payouts__lines') }} where reason_category = 'REVERSAL'

),

payouts as (

    select
        *,
        -- Time is reversed here, so that "oldest first" takes the latest first.
        {{ add_days("date '1970-01-01'", dbt.datediff('approval_date', "date '2100-01-01'", 'day')) }} as backward_date,
        -place as backward_place
    from {{ ref('int_payouts__paid') }}

),

kinds as (

    select *, 'CASH' as line_kind, -cash_units as units, cash_amount as kind_amount from lines where cash_units < 0
    union all
    select *, 'INVENTORY' as line_kind, -inventory_units as units, case when cash_units = 0 then cash_amount else 0 end as kind_amount
    from lines
    where inventory_units < 0

),

takes as (

    select
        {{ row_key(['reimbursement_line_id', 'line_kind']) }} as take_id,
        reimbursement_line_id,
        line_kind,
        account_id,
        origin_id,
        type_category as reason_category,
        -- Stock that is taken back for money was paid in money.
        case when kind_amount < 0 then 'CASH' else line_kind end as payout_kind,
        stock_key,
        currency_code,
        amazon_order_id,
        approval_date as reversal_date,
        {{ add_days("date '1970-01-01'", dbt.datediff('approval_date', "date '2100-01-01'", 'day')) }} as backward_date,
        -place as backward_place,
        place,
        units,
        kind_amount as cash_amount,
        cast(-{{ amount_of_units('kind_amount', '0', '1', 'units') }} as decimal(18, 2)) as unit_amount
    from kinds

),

pairs_0 as (

    select takes.take_id, payouts.payout_key, 0 as units, 'NAMED' as reversal_basis, 0 as round_number
    from takes
    cross join payouts
    where 1 = 0

),

{% for basis, columns in rounds %}
{% set before = 'pairs_' ~ loop.index0 %}
{% set now = 'round_' ~ loop.index %}
{% set keys = ['account_id', 'currency_code'] + columns %}
{{ now }}_takes as (

    select
        {{ row_key(keys) }} as pool_id,
        takes.take_id as demand_id,
        takes.backward_date as demand_date,
        takes.backward_place as place,
        takes.units - coalesce(used.units, 0) as units
    from takes
    left join {{ units_by('take_id', before) }} as used on takes.take_id = used.take_id
    where
        takes.origin_id is {{ 'not null' if basis == 'NAMED' else 'null' }}
        {%- for column in columns if '(' not in column %}
        and takes.{{ column }} is not null
        {%- endfor %}
        {%- if loop.last %}
        and takes.amazon_order_id is null
        {%- endif %}

),

{{ now }}_payouts as (

    select
        {{ row_key(keys) }} as pool_id,
        payouts.payout_key as supply_id,
        payouts.backward_date as supply_date,
        payouts.backward_place as supply_place,
        payouts.units - coalesce(used.units, 0) as units
    from payouts
    left join {{ units_by('payout_key', before) }} as used on payouts.payout_key = used.payout_key
    -- Few payouts are taken back: only they get a pool_id, which is long.
    where exists (
            select 1
            from takes
            where
                takes.account_id = payouts.account_id
                {%- for column in columns if '(' not in column %}
                and takes.{{ column }} = payouts.{{ column }}
                {%- endfor %}
        )

),

{{ matched_oldest_first(now, now ~ '_takes', now ~ '_payouts', supply_place='supply_place') }},

pairs_{{ loop.index }} as (

    select * from {{ before }}
    union all
    select demand_id as take_id, supply_id as payout_key, units, '{{ basis }}' as reversal_basis, {{ loop.index }} as round_number from {{ now }}

),

{% endfor %}
placed as (

    select
        pairs.*,
        sum(pairs.units) over (
            partition by pairs.take_id order by pairs.round_number, payouts.place rows unbounded preceding
        ) as last_unit
    from pairs_{{ rounds | length }} as pairs
    inner join payouts on pairs.payout_key = payouts.payout_key

),

-- Money without units.
moneys as (

    select
        lines.reimbursement_line_id,
        lines.approval_date as reversal_date,
        lines.cash_amount,
        lines.origin_id,
        payouts.payout_key,
        row_number() over (
            partition by lines.reimbursement_line_id
            order by
                case when payouts.payout_kind = 'CASH' then 0 else 1 end asc,
                case when coalesce(lines.amazon_order_id, '') = coalesce(payouts.amazon_order_id, '') then 0 else 1 end asc,
                case when lines.stock_key = payouts.stock_key then 0 else 1 end asc,
                payouts.place desc
        ) as rank_number
    from lines
    inner join payouts
        on
            lines.account_id = payouts.account_id
            and lines.currency_code = payouts.currency_code
            and lines.approval_date >= payouts.approval_date
            and (
                lines.origin_id = payouts.origin_id
                or (
                    lines.origin_id is null
                    and lines.stock_key = payouts.stock_key
                    and coalesce(lines.amazon_order_id, payouts.amazon_order_id, '') = coalesce(payouts.amazon_order_id, '')
                    and -lines.cash_amount <= payouts.cash_amount
                )
            )
    where lines.cash_units = 0 and lines.inventory_units = 0 and lines.cash_amount <> 0

)

select
    {{ row_key(['takes.take_id', 'payouts.payout_key']) }} as reversal_key,
    takes.reimbursement_line_id,
    takes.line_kind,
    payouts.account_id,
    payouts.payout_key,
    payouts.payout_kind,
    placed.reversal_basis,
    takes.reversal_date,
    takes.place,
    cast(placed.units as integer) as units,
    {{ amount_of_units('takes.cash_amount', 'placed.last_unit - placed.units', 'placed.last_unit', 'takes.units') }} as cash_amount
from placed
inner join takes on placed.take_id = takes.take_id
inner join payouts on placed.payout_key = payouts.payout_key
union all
select
    {{ row_key(['moneys.reimbursement_line_id', 'payouts.payout_key']) }} as reversal_key,
    moneys.reimbursement_line_id,
    'CASH' as line_kind,
    payouts.account_id,
    payouts.payout_key,
    payouts.payout_kind,
    case when moneys.origin_id is null then 'STOCK' else 'NAMED' end as reversal_basis,
    moneys.reversal_date,
    payouts.place,
    0 as units,
    cast(moneys.cash_amount as decimal(18, 4)) as cash_amount
from moneys
inner join payouts on moneys.payout_key = payouts.payout_key
where moneys.rank_number = 1
