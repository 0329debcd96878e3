with source as (

    select * from {{ source('pipeline', 'coverage') }} where {{ is_known_by('retrieved_at') }}

),

-- A scope is held from the last document that was applied to it; two of the same instant are ordered by their hash, as in loading.
numbered as (

    select
        *,
        row_number() over (partition by account_id, report, unit order by was_applied desc, retrieved_at desc, sha256 desc) as place
    from source

)

select
    account_id,
    report,
    unit,
    event_date,
    document_id,
    sha256,
    retrieved_at,
    row_count,
    is_edge,
    was_applied,
    was_applied and place = 1 as is_held
from numbered
