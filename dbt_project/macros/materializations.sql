{#-
Views and tables of DuckDB, dropped, created and described in one statement. dbt's own materializations build beside the old relation and
rename twice, to keep readers undisturbed, but only the pipeline reads the build database. Each further statement costs 20 milliseconds.
-#}
{% materialization view, adapter='duckdb' %}
    {{ return(replaced('view', get_create_view_as_sql(this, sql))) }}
{% endmaterialization %}

{% materialization table, adapter='duckdb' %}
    {{ return(replaced('table', get_create_table_as_sql(false, this, sql))) }}
{% endmaterialization %}

{% macro replaced(type, create_sql) -%}
    {%- set relation = this.incorporate(type=type) -%}
    {{ run_hooks(pre_hooks) }}
    {%- set old = load_cached_relation(this) -%}
    {% call statement('main') -%}
        {% if old %}drop {{ old.type }} if exists {{ old }} cascade;{% endif %}
        {{ create_sql }}
        ;{{ descriptions(relation) }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [relation]}) }}
{%- endmacro %}

{#- The comments that persist_docs would write in statements of their own; the contract guarantees that the columns exist. -#}
{% macro descriptions(relation) -%}
    {%- if config.persist_relation_docs() and model.description -%}
        {{ alter_relation_comment(relation, model.description) }}
    {%- endif -%}
    {%- if config.persist_column_docs() -%}
        {%- for column in model.columns.values() if column.description %}
        comment on column {{ relation }}.{{ adapter.quote(column.name) }} is {{ duckdb_escape_comment(column.description) }};
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
