"""The seller performance report as Amazon states it: an order defect rate from the true orders, and an otherwise clean record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from sandbox.truth import DEFECT_CHARGEBACKS, DEFECT_CLAIMS, OrderTruth
from sandbox.world_rows import days

WINDOW_DAYS, LAG_DAYS = 60, 15
CHANNELS = ("AFN", "MFN")

# Metric -> how Amazon names what it counts, what of it was good or bad, the target and its condition.
CLEAN_RATES: dict[str, tuple[str, tuple[str, ...], float, str]] = {
    "lateShipmentRate": ("orderCount", ("lateShipmentCount",), 0.04, "LESS_THAN"),
    "preFulfillmentCancellationRate": ("orderCount", ("cancellationCount",), 0.025, "LESS_THAN"),
    "invoiceDefectRate": ("orderCount", ("invoiceDefect", "missingInvoice", "lateInvoice"), 0.05, "LESS_THAN"),
    "onTimeDeliveryRate": ("shipmentCountWithValidTracking", ("onTimeDeliveryCount",), 0.9, "GREATER_THAN"),
    "unitOnTimeDeliveryRate": ("totalUnitCount", ("unitOnTimeDeliveryCount",), 0.9, "GREATER_THAN"),
    "validTrackingRate": ("shipmentCount", ("validTrackingCount",), 0.95, "GREATER_THAN"),
}
VIOLATIONS = (
    "listingPolicyViolations", "productAuthenticityCustomerComplaints", "productConditionCustomerComplaints", "productSafetyCustomerComplaints",
    "receivedIntellectualPropertyComplaints", "restrictedProductPolicyViolations", "suspectedIntellectualPropertyViolations",
    "foodAndProductSafetyIssues", "otherPolicyViolations", "documentRequests",
)  # fmt: skip


def window(known_at: datetime) -> tuple[date, date]:
    """The first and the last day (UTC) of the orders that a report of this instant is about."""
    last = known_at.astimezone(UTC).date() - days(LAG_DAYS)
    return last - days(WINDOW_DAYS - 1), last


def performance(orders: Sequence[OrderTruth], marketplace_ids: Sequence[str], known_at: datetime) -> dict[str, Any]:
    """The report's JSON for the orders of ``window(known_at)``."""
    first, last = window(known_at)
    dates = {"reportingDateRange": {"reportingDateFrom": f"{first}T00:00Z", "reportingDateTo": f"{last}T23:59Z"}}
    metrics, accounts = [], []
    for marketplace_id in marketplace_ids:
        counted = [o for o in orders if o.marketplace_id == marketplace_id and o.counts_toward_odr]
        rates = {channel.lower(): dates | _defect_rate([o for o in counted if o.channel == channel], channel) for channel in CHANNELS}
        metrics.append({"marketplaceId": marketplace_id, "orderDefectRate": rates, **_clean(len(counted), dates)})
        bad = any(rate["status"] == "BAD" for rate in rates.values())
        accounts.append({"marketplaceId": marketplace_id, "status": "AT_RISK" if bad else "NORMAL"})
    return {"accountStatuses": accounts, "performanceMetrics": metrics}


def _defect_rate(orders: list[OrderTruth], channel: str) -> dict[str, Any]:
    """The rate of a channel: a fraction, with its counts. An order with several defects counts once."""
    defects = sum(o.is_defect for o in orders)
    rate = round(defects / len(orders), 4) if orders else 0
    status = "NONE" if not orders else "GOOD" if rate < 0.01 else "BAD"
    return {
        "orderCount": len(orders),
        "orderWithDefects": {"count": defects, "status": status},
        "claims": {"count": sum(o.a_to_z in DEFECT_CLAIMS for o in orders), "status": "NONE"},
        "chargebacks": {"count": sum(o.chargeback in DEFECT_CHARGEBACKS for o in orders), "status": "NONE"},
        "negativeFeedback": {"count": sum(o.negative_feedback for o in orders), "status": "NONE"},
        "fulfillmentType": channel.lower(),
        "status": status,
        "rate": rate,
        "targetValue": 0.01,
        "targetCondition": "LESS_THAN",
    }


def _clean(orders: int, dates: dict[str, Any]) -> dict[str, Any]:
    """All other metrics of a marketplace: nothing late, nothing violated."""
    metrics: dict[str, Any] = {"warningStates": [], "accountHealthRating": dates | {"ahrStatus": "GREAT"}}
    for name, (total, parts, target, condition) in CLEAN_RATES.items():
        good = orders if condition == "GREATER_THAN" else 0
        counts = {p: {"count": 0, "status": "NONE"} if name == "invoiceDefectRate" else good for p in parts}
        rate = 1 if good else 0
        metrics[name] = dates | {total: orders, **counts, "status": "GOOD", "rate": rate, "targetValue": target, "targetCondition": condition}
    for name in VIOLATIONS:
        metrics[name] = dates | {"defectsCount": 0, "status": "GOOD", "targetValue": 0, "targetCondition": "EQUALS"}
    return metrics
