"""What every DAG of the warehouse shares."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset

RAW = Asset(name="raw_reports", uri="seller-warehouse://raw", group="seller_warehouse")
"""New rows, verdicts or settings since the last publication."""

MARTS = Asset(name="published_marts", uri="seller-warehouse://published/marts", group="seller_warehouse")
"""A new publication."""

WAREHOUSE_POOL = "warehouse"
"""One slot: one process at a time opens the build database."""

TAGS = ("seller-warehouse",)

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "seller-warehouse",
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
}
"""Refused documents fail at once; a retry is for what may pass, such as a full disk or a lock."""
