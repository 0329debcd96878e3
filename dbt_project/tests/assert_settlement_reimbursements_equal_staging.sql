{{ config(severity='error') }}

-- Every line of the amount type is a reimbursement, to the cent; those among other transactions come on top.
with staged as (

    select settlement_line_id, line_amount
    from {{ ref('stg_amazon_seller__settlements') }}
    where amount_type = 'FBA_INVENTORY_REIMBURSEMENT' and line_amount is not null

)

select staged.settlement_line_id, staged.line_amount, built.cash_amount
from staged
left join {{ ref('int_settlements__reimbursements') }} as built on staged.settlement_line_id = built.settlement_line_id
where staged.line_amount is distinct from built.cash_amount
