"""Seller performance: Amazon's own order defect rate, one row per marketplace and channel.

Quirks, with their source:
- A JSON snapshot: requested dates are ignored, the answer is always the latest 60 days, ending about 15 days ago, without history
  or order ids (selling-partner-api-models issues 2165 and 4078, selling-partner-api-docs issue 2990).
- Amazon's example violates Amazon's schema: an account status, names of metrics, and ``fulfillmentType`` ``mfn`` in the ``afn`` block. So only
  the marketplace and an order defect rate block are required, and the name of the block is the channel.
- ``performanceMetrics`` is a list by the schema and one object for some consumers; both are read.
- ``rate`` is a fraction beside ``targetValue`` 0.01 and need not equal defects / orders; claims, chargebacks and negative feedback need not add up
  to the orders with defects, since one order may have several.
- Times come with and without seconds.
- Metrics of the whole marketplace are on both of its rows. A marketplace with only an account status has no row.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from seller_warehouse.core.documents import Refusal
from seller_warehouse.core.report_spec import ISO, Agreement, Kind, MarketplaceScope, ReplacementScope, ReportSpec, Requests, column, usual

CHANNELS = ("afn", "mfn")
STATUSES = ("GOOD", "BAD", "NONE")
ACCOUNT_STATUSES = ("NORMAL", "AT_RISK", "DEACTIVATED", "SUSPENDED")
HEALTH_STATUSES = ("GREAT", "WARNED", "GREEN")
CONDITIONS = ("LESS_THAN", "GREATER_THAN", "EQUALS")
TIMES = ("%Y-%m-%dT%H:%MZ", ISO)

# The metrics of a whole marketplace, and the names that Amazon gives them.
_METRICS = {
    "late_shipment": ("lateShipmentRate",),
    "pre_fulfillment_cancellation": ("preFulfillmentCancellationRate", "prefulfillmentCancelRate"),
    "on_time_delivery": ("onTimeDeliveryRate",),
    "valid_tracking": ("validTrackingRate",),
    "invoice_defect": ("invoiceDefectRate",),
}


def read(content: bytes) -> pa.Table:
    """The rows of the JSON, every value as text. Raises Refusal if it is not this report."""
    try:
        # Numbers stay as they are written.
        report = json.loads(content, parse_float=str, parse_int=str, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except (RecursionError, UnicodeDecodeError) as error:
        raise _refusal("the JSON is nested too deeply, or not in UTF-8") from error
    if not isinstance(report, dict) or not isinstance(report.get("performanceMetrics"), list | dict):
        raise _refusal("the JSON has no performanceMetrics")
    metrics = report["performanceMetrics"]
    account_statuses = {_text(s, "marketplaceId"): _text(s, "status") for s in _objects(report.get("accountStatuses"))}
    rows: list[dict[str, str]] = []
    for number, marketplace in enumerate(metrics if isinstance(metrics, list) else [metrics], 1):
        marketplace_id, blocks = _text(marketplace, "marketplaceId"), _child(marketplace, "orderDefectRate")
        channels = [c for c in CHANNELS if _child(blocks, c)]
        if not marketplace_id or not channels:
            raise _refusal(f"entry {number} of performanceMetrics has no {'order defect rate block' if marketplace_id else 'marketplaceId'}")
        shared = _of_marketplace(marketplace) | {"marketplace_id": marketplace_id, "account_status": account_statuses.get(marketplace_id, "")}
        rows.extend(shared | {"fulfillment_channel": c} | _of_channel(_child(blocks, c)) for c in channels)
    if not rows:
        raise _refusal("performanceMetrics is empty")
    try:
        return pa.table({c.name: pa.array([row[c.name] for row in rows], pa.string()) for c in SPEC.columns})
    except UnicodeEncodeError as error:
        raise _refusal("a text of the JSON is not valid Unicode") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises Refusal if a key appears twice, since its value is then ambiguous."""
    keys = [key for key, _ in pairs]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise _refusal(f"the key {twice[:40]!r} appears twice in one object")
    return dict(pairs)


def _refuse_constant(word: str) -> None:
    raise _refusal(f"{word} is no number")


def _of_channel(block: dict[str, Any]) -> dict[str, str]:
    dates = _child(block, "reportingDateRange")
    row = {
        "reporting_date_from": _text(dates, "reportingDateFrom"),
        "reporting_date_to": _text(dates, "reportingDateTo"),
        "order_count": _text(block, "orderCount"),
        "fulfillment_type": _text(block, "fulfillmentType"),
        "status": _text(block, "status"),
        "rate": _text(block, "rate"),
        "target_value": _text(block, "targetValue"),
        "target_condition": _text(block, "targetCondition"),
    }
    for name, key in (
        ("order_with_defects", "orderWithDefects"),
        ("claims", "claims"),
        ("chargebacks", "chargebacks"),
        ("negative_feedback", "negativeFeedback"),
    ):
        row |= {f"{name}_count": _text(_child(block, key), "count"), f"{name}_status": _text(_child(block, key), "status")}
    return row


def _of_marketplace(metrics: dict[str, Any]) -> dict[str, str]:
    health = _child(metrics, "accountHealthRating")
    row = {"account_health_status": _text(health, "ahrStatus") or _text(health, "status")}
    for name, keys in _METRICS.items():
        metric = next((m for m in (_child(metrics, k) for k in keys) if m), {})
        row |= {f"{name}_rate": _text(metric, "rate"), f"{name}_status": _text(metric, "status")}
    return row


def _objects(value: Any) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _child(value: Any, key: str) -> dict[str, Any]:
    child = value.get(key) if isinstance(value, dict) else None
    return child if isinstance(child, dict) else {}


def _text(value: Any, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return "" if found is None else str(found).strip()


def _refusal(what: str) -> Refusal:
    return Refusal("no_report", f"this is not a seller performance report: {what}", "ask for the report again")


SPEC = ReportSpec(
    name="seller_performance",
    amazon_type="GET_V2_SELLER_PERFORMANCE_REPORT",
    title="Seller performance",
    found_at="not in Seller Central; Reports API only (the page Performance > Account Health shows the same figures)",
    replacement_scope=ReplacementScope.SNAPSHOT,
    read_json=read,
    requests=Requests(history_months=0, pause_minutes=30, marketplace_scope=MarketplaceScope.NAMED),
    agreements=(
        Agreement(
            rule="range_is_in_order",
            columns=("reporting_date_from", "reporting_date_to"),
            broken="{reporting_date_to} < {reporting_date_from} - 1",
            what="reportingDateTo lies before reportingDateFrom",
        ),
    ),
    columns=(
        column("marketplaceId", filled=True),
        column("fulfillmentChannel", filled=True),
        usual("accountStatus", codes=ACCOUNT_STATUSES),
        usual("accountHealthStatus", codes=HEALTH_STATUSES),
        column("reportingDateFrom", Kind.DATE, formats=TIMES),
        column("reportingDateTo", Kind.DATE, formats=TIMES),
        column("orderCount", Kind.INTEGER),
        column("orderWithDefectsCount", Kind.INTEGER),
        usual("orderWithDefectsStatus", codes=STATUSES),
        column("claimsCount", Kind.INTEGER),
        usual("claimsStatus", codes=STATUSES),
        column("chargebacksCount", Kind.INTEGER),
        usual("chargebacksStatus", codes=STATUSES),
        column("negativeFeedbackCount", Kind.INTEGER),
        usual("negativeFeedbackStatus", codes=STATUSES),
        usual("fulfillmentType"),
        usual("status", codes=STATUSES),
        column("rate"),
        usual("targetValue"),
        usual("targetCondition", codes=CONDITIONS),
        usual("lateShipmentRate"),
        usual("lateShipmentStatus", codes=STATUSES),
        usual("preFulfillmentCancellationRate"),
        usual("preFulfillmentCancellationStatus", codes=STATUSES),
        usual("onTimeDeliveryRate"),
        usual("onTimeDeliveryStatus", codes=STATUSES),
        usual("validTrackingRate"),
        usual("validTrackingStatus", codes=STATUSES),
        usual("invoiceDefectRate"),
        usual("invoiceDefectStatus", codes=STATUSES),
    ),
)
