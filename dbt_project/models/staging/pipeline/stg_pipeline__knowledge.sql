select cast(nullif('{{ time_of_build("as_known_at") }}', '') as timestamp) as as_known_at
