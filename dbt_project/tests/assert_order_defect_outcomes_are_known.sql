-- An outcome that order_defect_rules does not list counts at worst only, until somebody has decided.
{{ config(severity='warn') }}

select signals.component, signals.outcome, count(*) as order_count, min(signals.amazon_order_id) as example_order_id
from {{ ref('int_order_defects__signals') }} as signals
left join {{ ref('order_defect_rules') }} as rules on signals.component = rules.component and signals.outcome = rules.outcome
where rules.outcome is null
group by signals.component, signals.outcome
