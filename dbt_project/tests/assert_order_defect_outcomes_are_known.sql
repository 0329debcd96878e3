{{ config(meta={
    'why': 'an outcome that order_defect_rules does not list counts only in the worst case',
    'remedy': 'report the outcome as an issue with the page that explains it; a seller may decide by adding it to the seed',
}) }}

-- An outcome that order_defect_rules does not list counts only in the worst case until it is added.
select signals.account_id, signals.component, signals.outcome, min(signals.amazon_order_id) as example_order_id
from {{ ref('int_order_defects__signals') }} as signals
left join {{ ref('order_defect_rules') }} as rules on signals.component = rules.component and signals.outcome = rules.outcome
where rules.outcome is null
group by signals.account_id, signals.component, signals.outcome
