"""### Build and publish the marts

Runs after raw data changed, once for a whole batch of loads.

1. **dbt_build** builds and tests every model in the build database.
2. **publish_marts** copies marts and meta tables into a new file, verifies it and flips `published/marts.duckdb`.

**When dbt_build fails** a model or a test is broken: its log ends with dbt's own message. Readers keep the last publication.

**Rerun:** safe at any time; the same raw data gives the same marts.
"""

from airflow.sdk import dag

from seller_warehouse.orchestration.dag_parts import DEFAULT_ARGS, MARTS, RAW, TAGS, WAREHOUSE_POOL
from seller_warehouse.orchestration.operators import BuildMartsOperator, PublishMartsOperator


@dag(schedule=[RAW], catchup=False, max_active_runs=1, default_args={**DEFAULT_ARGS, "retries": 0}, tags=[*TAGS, "marts"], doc_md=__doc__)
def build_marts() -> None:
    build = BuildMartsOperator(task_id="dbt_build", pool=WAREHOUSE_POOL)
    publish = PublishMartsOperator(task_id="publish_marts", pool=WAREHOUSE_POOL, outlets=[MARTS])
    build >> publish


build_marts()
