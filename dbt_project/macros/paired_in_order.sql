{#-
CTE <name>_pairs: which posting pays which claim within a match_key, each used once.
Both sides are numbered by date (place) within the key. A pointer moves along the postings (macro walked): each claim takes the next one that is not
before its first date, unless that one is after its last date. Claims of one key wait equally long, so no other method makes more pairs.
-#}
{% macro paired_in_order(name, claims, postings) %}
{{ name }}_reach as (

    select
        claims.match_key,
        claims.unit_id,
        claims.place,
        1 as postings_taken,
        count(case when postings.posted_date < claims.first_date then 1 end) as postings_before,
        count(case when postings.posted_date <= claims.last_date then 1 end) as postings_until
    from {{ claims }} as claims
    inner join {{ postings }} as postings on claims.match_key = postings.match_key
    group by claims.match_key, claims.unit_id, claims.place

),

{{ walked(name, name ~ '_reach', key='match_key', step='postings_taken', ceiling='postings_until', floor='postings_before') }},

{{ name }}_pairs as (

    select walk.unit_id as claim_unit_id, postings.unit_id as posting_unit_id
    from {{ name }}_walk as walk
    inner join {{ postings }} as postings on walk.match_key = postings.match_key and walk.walked_upto = postings.place
    where walk.walked_upto > walk.walked_from

)
{% endmacro %}
