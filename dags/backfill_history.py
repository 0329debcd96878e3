"""### Fetch the history of new accounts

Up to 18 months, newest first, in rounds of about a day: each round is loaded and published before the next begins. A round that finds
nothing missing ends at once, so a new account in `accounts.yaml` starts by itself and a finished one costs nothing.

1. **plan_requests** lists the older windows that are missing, in the fewest requests that Amazon's limits allow.
2. **land_account**, one for each account, requests them, all reports in parallel; its log shows for each report how many of its windows
   are done and when it continues.
3. **gate_documents** and **load_documents** validate and load what has landed.

**When a round fails or is killed** nothing is lost: the next one continues from what has landed. Days that Amazon refuses five times
are given up and listed in `meta.loads` and `meta.freshness`.

**Rerun:** safe at any time. Trigger it with an account to fetch only that one.
"""

from airflow.sdk import Param, dag

from seller_warehouse.orchestration.dag_parts import DEFAULT_ARGS, PARAMS, TAGS, at, land_gate_load

WITH_RECENT = Param(False, type="boolean", description="also the recent days, which otherwise land_reports requests")
HISTORY_PARAMS = {**PARAMS, "with_recent": WITH_RECENT}


@dag(
    schedule=at("*/30 * * * *"), catchup=False, max_active_runs=1, default_args=DEFAULT_ARGS, params=HISTORY_PARAMS, tags=[*TAGS, "amazon"],
    doc_md=__doc__,
)  # fmt: skip
def backfill_history() -> None:
    land_gate_load(recent=False)


backfill_history()
