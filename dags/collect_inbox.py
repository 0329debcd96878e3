"""### Collect the inbox

Takes every file dropped into `inbox/<account>/`, keeps its bytes, validates it and loads it if it passes.

1. **land_files** moves files that are no longer being written to `landing/`; an unknown file goes to `quarantine/`.
2. **gate_documents** parses and validates each document with Great Expectations.
3. **load_documents** loads what passed into `raw`, with history, and records a verdict for every document.
4. **all_loaded** fails if the load left or refused a document.

**A red task has refused a document or failed.** The last line of its log names the document, the reason and the remedy; for a refused document,
`quarantine/*/*/reason.json` has the file, the rule and the rows. Everything else in the run was loaded. docs/operate.md lists possible failures.

**Rerun:** safe at any time and at any step. The next run validates documents that were landed without a verdict.
"""

from airflow.sdk import TriggerRule, dag

from seller_warehouse.orchestration.dag_parts import DEFAULT_ARGS, RAW, TAGS, WAREHOUSE_POOL, all_loaded, at
from seller_warehouse.orchestration.operators import GateDocumentsOperator, LandFilesOperator, LoadDocumentsOperator


@dag(schedule=at("*/10 * * * *"), catchup=False, max_active_runs=1, default_args=DEFAULT_ARGS, tags=[*TAGS, "inbox"], doc_md=__doc__)
def collect_inbox() -> None:
    land = LandFilesOperator(task_id="land_files", pool=WAREHOUSE_POOL)
    gate = GateDocumentsOperator(task_id="gate_documents", trigger_rule=TriggerRule.ALL_DONE, pool=WAREHOUSE_POOL)
    load = LoadDocumentsOperator(task_id="load_documents", trigger_rule=TriggerRule.ALL_DONE, pool=WAREHOUSE_POOL, outlets=[RAW])
    land >> gate >> load >> all_loaded(load)


collect_inbox()
