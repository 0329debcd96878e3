-- One row per reimbursement line, with its category. Signs come from the figures, never from names: the reason
-- REVERSAL_REIMBURSEMENT is money received. A line that takes money or units back is a reversal, unless it corrects a fee,
-- or its reason is not about stock and it names no original.

with lines as (

    select * from {{ ref('stg_amazon_seller__reimbursements') }}

),

reasons as (

    select * from {{ ref('reimbursement_reasons') }}

),

signed as (

    select
        lines.*,
        coalesce(reasons.reason_category, 'OTHER') as stated_category,
        reasons.pays_for,
        coalesce(original_reasons.reason_category, 'REVERSAL') as original_type_category,
        coalesce(
            nullif(lines.cash_amount, 0), nullif(lines.cash_units, 0), nullif(lines.inventory_units, 0), nullif(lines.total_units, 0), 0
        ) < 0 as takes_back
    from lines
    left join reasons on {{ code_key('lines.reason_code') }} = reasons.reason_key
    left join reasons as original_reasons on {{ code_key('lines.original_reimbursement_type') }} = original_reasons.reason_key

)

select
    *,
    case
        when stated_category = 'REVERSAL' then 'REVERSAL'
        when takes_back and stated_category not in ('FEE_CORRECTION', 'OTHER') then 'REVERSAL'
        when takes_back and original_reimbursement_id is not null then 'REVERSAL'
        else stated_category
    end as reason_category
from signed
