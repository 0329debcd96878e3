{{ config(severity='error') }}

-- No component has more orders than are defective, and together they have at least as many; no more orders are defective than there are. At worst
-- neither number is lower.
select account_id, marketplace_id, fulfillment_channel, report_date
from {{ ref('fct_order_defect_rate_daily') }}
where
    greatest(negative_feedback_order_count, a_to_z_order_count, chargeback_order_count) > defective_order_count
    or defective_order_count > negative_feedback_order_count + a_to_z_order_count + chargeback_order_count
    or defective_order_count > worst_case_defective_order_count
    or defective_order_count > order_count
    or worst_case_defective_order_count > worst_case_order_count
    or worst_case_order_count < order_count
