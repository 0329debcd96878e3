with source as (

    select * from {{ source('pipeline', 'loads') }}

)

select * from source
where {{ is_known_by('retrieved_at') }}
