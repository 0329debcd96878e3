-- One row per row of a report that was added or removed after its scope (a day, a settlement, a removal order) had been seen.

with first_seen as (

    select
        account_id,
        report,
        unit,
        min(retrieved_at) as first_seen_at,
        min(case when not is_edge then retrieved_at end) as first_whole_at
    from {{ ref('stg_pipeline__coverage') }}
    where was_applied
    group by account_id, report, unit

),

-- Many settlements state their currency only on the summary row.
settlements as (

    select
        *,
        max({{ text_value('currency_code') }}) over (partition by account_id, _unit) as settlement_currency_code
    from {{ source('amazon_seller', 'settlements') }}

),

changes as (

    {{ row_changes(
        'reimbursements', units=whole_number('quantity_reimbursed_total'), cash_amount=amount('amount_total'),
        currency_code=text_value('currency_code')
    ) }}
    union all
    {{ row_changes('inventory_ledger', units=whole_number('quantity')) }}
    union all
    {{ row_changes('inventory_ledger_summary', units=whole_number('ending_warehouse_balance')) }}
    union all
    {{ row_changes('customer_returns', units=whole_number('quantity')) }}
    union all
    {{ row_changes('replacements', units=whole_number('quantity')) }}
    union all
    {{ row_changes('removal_orders', units=whole_number('requested_quantity')) }}
    union all
    {{ row_changes('removal_shipments', units=whole_number('shipped_quantity')) }}
    union all
    {{ row_changes('orders', units=whole_number('quantity'), cash_amount=amount('item_price'), currency_code=text_value('currency')) }}
    union all
    {{ row_changes(
        'fulfilled_shipments', units=whole_number('quantity_shipped'), cash_amount=amount('item_price'), currency_code=text_value('currency')
    ) }}
    union all
    {{ row_changes('seller_feedback') }}
    union all
    {{ row_changes('mfn_returns', units=whole_number('return_quantity')) }}
    union all
    {{ row_changes('order_defects') }}
    union all
    {{ row_changes('settlements', cash_amount=amount('amount'), currency_code='settlement_currency_code', relation='settlements') }}

)

select * from changes
