with source as (

    select * from {{ source('pipeline', 'gate_results') }}

),

loads as (

    select distinct account_id, report, document_id from {{ ref('stg_pipeline__loads') }}

)

select source.*
from source
inner join loads on source.account_id = loads.account_id and source.report = loads.report and source.document_id = loads.document_id
