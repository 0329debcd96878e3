select cast(nullif('{{ var("as_known_at") }}', '') as timestamp) as as_known_at
