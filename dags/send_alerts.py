"""### Send alerts

Runs after every publication, and every hour, since nothing is published where everything stands still.

1. **send_alerts** reads what is worth a message now (`meta.alert_events` of the last publication, and refused documents), remembers it in
   `meta.alerts`, and sends what is new to the channels of `SELLER_WAREHOUSE_ALERT_URLS`. docs/alerts.md lists the six kinds and says when each is
   sent again.

**When it fails** a channel did not take a message: the log names it and says why. What other channels took is not sent again.

**Rerun:** safe at any time; what was sent is not sent again.
"""

from airflow.sdk import dag

from seller_warehouse.orchestration.dag_parts import DEFAULT_ARGS, MARTS, TAGS, WAREHOUSE_POOL, at_or_after
from seller_warehouse.orchestration.operators import SendAlertsOperator


# Tried again by the next run: waiting for a retry would keep make run from ending.
@dag(
    schedule=at_or_after("20 * * * *", MARTS), catchup=False, max_active_runs=1, default_args={**DEFAULT_ARGS, "retries": 0}, tags=[*TAGS, "alerts"],
    doc_md=__doc__,
)  # fmt: skip
def send_alerts() -> None:
    SendAlertsOperator(task_id="send_alerts", pool=WAREHOUSE_POOL)


send_alerts()
