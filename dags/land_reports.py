"""### Land new and restated reports

Every day, for every account of `accounts.yaml` with `source: sp_api`.

1. **plan_requests** finds the recent days that are missing or may have changed.
2. **land_account**, one for each account, signs in, requests all its reports from Amazon in parallel, waits without a worker slot, and keeps
   the bytes in `landing/`. Its log shows for each report how many of its windows are done.
3. **gate_documents** validates them with Great Expectations; **load_documents** loads what passed, with history.

**A red land_account** names the reports that could not be landed, with the reason; if the account cannot sign in, one sentence names the connection
that Amazon refuses and the remedy. Its other reports and other accounts are not affected; a retry continues with the rest.
**A red gate_documents or all_loaded** has refused a document, which the next run requests again, or could not process one: its log names the
document, the reason and the remedy.

**Rerun:** safe at any time. After an outage there is nothing to do: the next run requests the missing days.
"""

from airflow.sdk import dag

from seller_warehouse.orchestration.dag_parts import DEFAULT_ARGS, PARAMS, TAGS, at, land_gate_load


# 10:00 UTC: yesterday is over in every American time zone, and Amazon's nightly reports are ready.
@dag(
    schedule=at("0 10 * * *"), catchup=False, max_active_runs=1, default_args=DEFAULT_ARGS, params=PARAMS, tags=[*TAGS, "amazon"], doc_md=__doc__
)  # fmt: skip
def land_reports() -> None:
    land_gate_load(recent=True)


land_reports()
