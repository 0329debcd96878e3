with accounts as (

    select * from {{ source('pipeline_settings', 'accounts') }}

)

select
    account_id,
    account_name,
    region,
    source,
    marketplace_ids,
    home_time_zone,
    damaged_inventory_kept_since,
    returns_evaluation_off_since
from accounts
