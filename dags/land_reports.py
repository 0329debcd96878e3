"""### Land what is new and what Amazon restated

Every day, for every account of `accounts.yaml` with `source: sp_api`.

1. **plan_requests** looks which recent days are missing or may have changed.
2. **land_account**, one for each account, signs in, asks Amazon for all its reports side by side, waits without a worker slot, and keeps
   the bytes in `landing/`. Its log says of each report how many of its windows are done.
3. **gate_documents** judges them with Great Expectations; **load_documents** loads what passed, with history.

**A red land_account** names the reports that could not be landed and why; one that cannot sign in says in one sentence which connection
Amazon refuses and what to do. Its other reports, and the other accounts, are not held up; an attempt after that goes on with what is left.
**A red gate_documents or all_loaded** has refused a document, which the next run asks for again, or could not deal with one: its log says which,
why, and what to do.

**Rerun:** safe at any time. After an outage nothing is to be done: the next run asks for the days that are missing.
"""

from airflow.sdk import dag

from seller_warehouse.orchestration.dag_parts import DEFAULT_ARGS, PARAMS, TAGS, at, land_gate_load


# 10:00 UTC: by then yesterday is over in every American zone, and Amazon's nightly reports are made.
@dag(
    schedule=at("0 10 * * *"), catchup=False, max_active_runs=1, default_args=DEFAULT_ARGS, params=PARAMS, tags=[*TAGS, "amazon"], doc_md=__doc__
)  # fmt: skip
def land_reports() -> None:
    land_gate_load(recent=True)


land_reports()
