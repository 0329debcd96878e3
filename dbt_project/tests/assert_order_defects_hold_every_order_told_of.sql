{{ config(meta={
    'why': 'a report names a defect of this order and the mart does not, or the mart does and no report names it',
    'remedy': 'report a fault with these rows; count the order by hand until it is corrected',
}) }}

-- Every order with a defect in any report by the day of the build, counting or not, is in the mart, and no other order is.
with told as (

    select account_id, amazon_order_id
    from {{ ref('stg_amazon_seller__order_defects') }}
    where
        order_date <= {{ as_of_date() }}
        and (negative_feedback_outcome not in ('NONE', 'POSITIVE') or a_to_z_outcome <> 'NONE' or chargeback_outcome <> 'NONE')
    union
    select account_id, amazon_order_id
    from {{ ref('stg_amazon_seller__seller_feedback') }}
    where rating <= 3 and amazon_order_id is not null and feedback_date <= {{ as_of_date() }}
    union
    select account_id, amazon_order_id
    from {{ ref('stg_amazon_seller__mfn_returns') }}
    where has_a_to_z_claim and amazon_order_id is not null and return_request_date <= {{ as_of_date() }}
    union
    select account_id, amazon_order_id
    from {{ ref('stg_amazon_seller__settlements') }}
    where
        (transaction_type like 'A_TO_Z%' or transaction_type like 'CHARGEBACK%')
        and amazon_order_id is not null
        and posted_date <= {{ as_of_date() }}

),

built as (

    select * from {{ ref('fct_order_defects') }}

)

select told.account_id, told.amazon_order_id, built.account_id as built_account_id, built.amazon_order_id as built_amazon_order_id
from told
full outer join built on told.account_id = built.account_id and told.amazon_order_id = built.amazon_order_id
where told.amazon_order_id is null or built.amazon_order_id is null
