"""Common parts of the DAGs."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable, Param, TriggerRule, task_group

from seller_warehouse.amazon.planner import PAUSE_HOURS
from seller_warehouse.orchestration.operators import (
    AllLoadedOperator,
    GateDocumentsOperator,
    LandAccountOperator,
    LoadDocumentsOperator,
    PlanRequestsOperator,
)
from seller_warehouse.orchestration.pools import WAREHOUSE_POOL

RAW = Asset(name="raw_reports", uri="seller-warehouse://raw", group="seller_warehouse")
"""New rows, verdicts or settings since the last publication."""

MARTS = Asset(name="published_marts", uri="seller-warehouse://published/marts", group="seller_warehouse")
"""A new publication."""

TAGS = ("seller-warehouse",)

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "seller-warehouse",
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
}
"""Only transient problems are retried, such as a full disk or a lock; anything else fails at once."""


PARAMS: dict[str, Any] = {
    "account": Param(None, type=["null", "string"], description="only this account; all accounts if empty"),
    "months": Param(18, type="integer", minimum=1, maximum=18, description="how far back"),
    "pause_hours": Param(PAUSE_HOURS, type="integer", minimum=0, description="how many hours of Amazon's pauses a run may include"),
}


def at(cron: str) -> CronTriggerTimetable | None:
    """The timetable (UTC) if Airflow runs on its own (``make up``, compose); None if a command starts each run."""
    return CronTriggerTimetable(cron, timezone="UTC") if os.environ.get("SELLER_WAREHOUSE_SCHEDULED") else None


def at_or_after(cron: str, asset: Asset) -> AssetOrTimeSchedule | list[Asset]:
    """After each update of the asset, and also by the timetable if Airflow runs on its own."""
    timetable = at(cron)
    return AssetOrTimeSchedule(timetable=timetable, assets=[asset]) if timetable else [asset]


@task_group(group_id="reports")
def land_gate_load(*, recent: bool) -> None:
    """Plan, land, gate and load the recent days or the older ones."""
    plan = PlanRequestsOperator(task_id="plan_requests", recent=recent, pool=WAREHOUSE_POOL)
    land = LandAccountOperator.partial(task_id="land_account", map_index_template="{{ account_id }}").expand(entry=plan.output)
    gate = GateDocumentsOperator(task_id="gate_documents", trigger_rule=TriggerRule.ALL_DONE, pool=WAREHOUSE_POOL)
    load = LoadDocumentsOperator(task_id="load_documents", trigger_rule=TriggerRule.ALL_DONE, pool=WAREHOUSE_POOL, outlets=[RAW])
    land >> gate >> load >> all_loaded(load)


def all_loaded(load: LoadDocumentsOperator) -> AllLoadedOperator:
    """The task that fails if the load left a document, see ``AllLoadedOperator``."""
    return AllLoadedOperator(task_id="all_loaded", load=load.task_id, trigger_rule=TriggerRule.ALL_DONE, retries=0)
