{#-
Record what the data tests found, at the end of every run. Rows that break an assumption (severity warn) go to meta.set_aside: they are shown and
alerted, and stop no publication. A broken identity of money or units (severity error) stops it: the log names its rows and the remedy.

A test gives the reason and the remedy in its config: meta = {'why': …, 'remedy': …}.
-#}
{% macro record_set_aside(results) -%}
    {%- if execute and flags.WHICH in ('build', 'test') -%}
        {%- set table = generate_schema_name('meta', none) ~ '.set_aside' -%}
        {%- set tests = results | selectattr('node.resource_type', 'equalto', 'test') | list -%}
        {%- do run_query('create schema if not exists ' ~ generate_schema_name('meta', none)) -%}
        {%- do run_query(
            'create table if not exists ' ~ table ~ ' (account_id varchar, mart varchar, "key" varchar, why varchar, remedy varchar, rule varchar)'
        ) -%}
        {%- set existing = graph.nodes.values() | selectattr('resource_type', 'equalto', 'test') | map(attribute='name') | list -%}
        {%- do run_query("delete from " ~ table ~ " where rule not in ('" ~ existing | join("', '") ~ "')") -%}
        {%- set asked = tests | selectattr('status', 'in', ['pass', 'warn']) | map(attribute='node.name') | list -%}
        {%- do run_query("delete from " ~ table ~ " where rule in ('" ~ asked | join("', '") ~ "')") -%}
        {%- for result in tests if result.status == 'warn' -%}
            {%- do run_query('insert into ' ~ table ~ ' ' ~ rows_found(result.node, 100)) -%}
        {%- endfor -%}
        {%- set events = adapter.get_relation(target.database, generate_schema_name('meta', none), 'alert_events') -%}
        {%- if events -%}
            {%- do run_query("delete from " ~ events ~ " where kind = 'ROW_SET_ASIDE'") -%}
            {%- do run_query('insert into ' ~ events ~ ' (key, kind, account_id, message, place) ' ~ set_aside_events(table)) -%}
        {%- endif -%}
        {%- for result in tests if result.status == 'fail' -%}
            {%- for row in run_query(rows_found(result.node, 10)) -%}
                {%- do log('Broken: ' ~ row['mart'] ~ ': ' ~ row['why'] ~ ' (' ~ row['rule'] ~ '): ' ~ row['key'] ~ '; ' ~ row['remedy'], info=true) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{#- The rows of meta.set_aside as rows of meta.alert_events, which is built before the tests run. -#}
{% macro set_aside_events(table) -%}
    select
        'ROW_SET_ASIDE|' || coalesce(account_id, '') || '|' || rule || '|' || md5("key") as key,
        'ROW_SET_ASIDE' as kind,
        coalesce(account_id, '') as account_id,
        mart || ': ' || why || '; ' || remedy || ': ' || "key" as message,
        row_number() over (partition by account_id order by mart, rule, "key") as place
    from {{ table }}
{%- endmacro %}

{#- The rows that a test found, as rows of meta.set_aside; only the first ones if there are many. -#}
{% macro rows_found(test, limit) -%}
    {%- set said = test.config.meta or {} -%}
    {%- set kind = test.test_metadata.name if test.test_metadata else 'identity' -%}
    {%- set broken = json_text('found."key"', 'broken') -%}
    select
        {{ json_text('found."key"', 'account_id') }} as account_id,
        '{{ mart_of(test) }}' as mart,
        found."key",
        {%- for field in ('why', 'remedy') %}
        {% if kind == 'well_formed' -%}
        case
            {%- for rule in ('never_null', 'accepted', 'unique') %}
            when {{ broken }} like '{{ rule }} %'
                then '{{ standard_reasons()[rule][field] }}'
                {%- if field == 'why' %} || ': ' || substr({{ broken }}, {{ rule | length + 2 }}){% endif -%}
            {%- endfor %}
        end
        {%- else -%}
        '{{ escape_single_quotes(said.get(field) or standard_reasons()[kind][field]) }}'
        {%- endif %} as {{ field }},
        {%- endfor %}
        '{{ test.name }}' as rule
    from (select {{ row_as_json('tested') }} as "key" from ({{ test.compiled_code }}) as tested) as found
    order by found."key"
    limit {{ limit }}
{%- endmacro %}

{#- Default reason and remedy by the kind of test, or the rule of well_formed. -#}
{% macro standard_reasons() -%}
    {{ return({
        'unique': {
            'why': 'several rows have the same key, so sums over them may count twice',
            'remedy': 'look these rows up in their reports; if Amazon sent them only once, report a fault with them',
        },
        'never_null': {
            'why': 'a required value is missing',
            'remedy': 'look the row up in its report; download the report again if it has the value now, else leave the row out of sums',
        },
        'accepted': {
            'why': 'the code is new, so its meaning is unknown',
            'remedy': 'report the code with the row; until it is known the row counts as the mart describes',
        },
        'relationships': {
            'why': 'the code is new, so its meaning is unknown',
            'remedy': 'report the code with the row; until it is known the row counts as the mart describes',
        },
        'identity': {
            'why': 'units or money do not add up',
            'remedy': 'nothing is published and the last publication stays; report a fault with these rows; no file has to be downloaded again',
        },
    }) }}
{%- endmacro %}

{#- The mart that a test is about: the model it is attached to, else the first mart that it reads. -#}
{% macro mart_of(test) -%}
    {%- set read = test.refs | map(attribute='name') | list -%}
    {%- set marts = [] -%}
    {%- for name in read if name[:4] in ('fct_', 'dim_') -%}
        {%- do marts.append(name) -%}
    {%- endfor -%}
    {{ return((test.attached_node or '').split('.')[-1] or (marts + read)[0]) }}
{%- endmacro %}

{#- A row of a query as JSON text. -#}
{% macro row_as_json(alias) -%}
    {{ return(adapter.dispatch('row_as_json')(alias)) }}
{%- endmacro %}

{% macro duckdb__row_as_json(alias) -%}
    cast(to_json({{ alias }}) as varchar)
{%- endmacro %}

{#- A field of a JSON text, as text; null if it is missing. -#}
{% macro json_text(column, field) -%}
    {{ return(adapter.dispatch('json_text')(column, field)) }}
{%- endmacro %}

{% macro duckdb__json_text(column, field) -%}
    json_extract_string({{ column }}, '$.{{ field }}')
{%- endmacro %}
