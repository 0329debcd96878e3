{#-
CTEs <name>_walk and <name>_pairs: which posting pays which claim within a match_key, each used once.
Both sides are numbered by date (place) within the key. Two pointers move along them: a posting before the claim's first
date and a claim whose last date has passed are skipped, anything else is a pair. Claims of one key wait equally long,
so no other method makes more pairs.
-#}
{% macro paired_in_order(name, claims, postings) %}
{{ name }}_walk as (

    select match_key, 1 as claim_place, 1 as posting_place from {{ claims }} where place = 1
    union all
    select
        walk.match_key,
        walk.claim_place + case when postings.posted_date < claims.first_date then 0 else 1 end as claim_place,
        walk.posting_place + case when postings.posted_date > claims.last_date then 0 else 1 end as posting_place
    from {{ name }}_walk as walk
    inner join {{ claims }} as claims on walk.match_key = claims.match_key and walk.claim_place = claims.place
    inner join {{ postings }} as postings on walk.match_key = postings.match_key and walk.posting_place = postings.place

),

{{ name }}_pairs as (

    select claims.unit_id as claim_unit_id, postings.unit_id as posting_unit_id
    from {{ name }}_walk as walk
    inner join {{ claims }} as claims on walk.match_key = claims.match_key and walk.claim_place = claims.place
    inner join {{ postings }} as postings on walk.match_key = postings.match_key and walk.posting_place = postings.place
    where postings.posted_date between claims.first_date and claims.last_date

)
{% endmacro %}
