"""### Send alerts

Runs after every publication, and every hour, since a stopped pipeline publishes nothing.

1. **send_alerts** reads the events that are due (`meta.alert_events` of the last publication, and refused documents), records them in
   `meta.alerts`, and sends new ones to the channels of `SELLER_WAREHOUSE_ALERT_URLS`. docs/alerts.md lists the six kinds and when each is
   sent again.

**When it fails** a channel did not accept a message: the log names it and the reason. Channels that accepted the message do not get it again.

**Rerun:** safe at any time; no message is sent twice.
"""

from airflow.sdk import dag

from seller_warehouse.orchestration.dag_parts import DEFAULT_ARGS, MARTS, TAGS, WAREHOUSE_POOL, at_or_after
from seller_warehouse.orchestration.operators import SendAlertsOperator


# The next run tries again: a retry would delay the end of make run.
@dag(
    schedule=at_or_after("20 * * * *", MARTS), catchup=False, max_active_runs=1, default_args={**DEFAULT_ARGS, "retries": 0}, tags=[*TAGS, "alerts"],
    doc_md=__doc__,
)  # fmt: skip
def send_alerts() -> None:
    SendAlertsOperator(task_id="send_alerts", pool=WAREHOUSE_POOL)


send_alerts()
