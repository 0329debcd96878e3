{#-
Views and tables of DuckDB, dropped and created in one transaction. dbt's own materializations build beside the old relation and
rename twice, to keep readers undisturbed: six statements instead of one, and only the pipeline reads the build database.
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
    {%- endcall %}
    {% do persist_docs(relation, model) %}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [relation]}) }}
{%- endmacro %}
