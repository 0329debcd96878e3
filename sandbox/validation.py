"""Valid requests for reports: Amazon's limits for each report type, and its answer if one is exceeded."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox import render

RETENTION = timedelta(days=90)
"""How long Amazon lists a report."""


@dataclass(frozen=True)
class Rules:
    """Amazon's limits for a report type.

    ``cap`` is the maximum range in days, ``cooldown`` the pause before the seller's next report of the type.
    """

    cap: int | None = None
    cooldown: timedelta = timedelta()
    one_marketplace: bool = False
    is_snapshot: bool = False
    ignores_dates: bool = False
    cancelled_if_empty: bool = False
    accepts_locale: bool = True


_HALF_HOUR, _TWO_HOURS, _FOUR_HOURS = timedelta(minutes=30), timedelta(hours=2), timedelta(hours=4)

RULES: dict[str, Rules] = {
    render.LEDGER: Rules(cap=270, cooldown=_HALF_HOUR, accepts_locale=False),
    render.LEDGER_SUMMARY: Rules(cap=90, cooldown=_HALF_HOUR, accepts_locale=False),
    render.REIMBURSEMENTS: Rules(cap=180, cooldown=_FOUR_HOURS, accepts_locale=False),
    render.CUSTOMER_RETURNS: Rules(cap=31, cooldown=_FOUR_HOURS),
    render.REPLACEMENTS: Rules(cap=30, cooldown=_FOUR_HOURS, cancelled_if_empty=True),
    render.REMOVAL_ORDERS: Rules(cap=90, cooldown=_HALF_HOUR),
    render.REMOVAL_SHIPMENTS: Rules(cap=90, cooldown=_TWO_HOURS, cancelled_if_empty=True),
    render.SHIPMENTS: Rules(cap=31, cooldown=_HALF_HOUR),
    render.ORDERS: Rules(cap=30, accepts_locale=False),
    render.MFN_RETURNS: Rules(cap=60, one_marketplace=True),
    render.FEEDBACK: Rules(one_marketplace=True, cancelled_if_empty=True),
    render.FBA_INVENTORY: Rules(cooldown=_HALF_HOUR, one_marketplace=True, is_snapshot=True),
    render.FBA_INVENTORY_UNSUPPRESSED: Rules(cooldown=_HALF_HOUR, one_marketplace=True, is_snapshot=True),
    render.LISTINGS: Rules(cooldown=_HALF_HOUR, one_marketplace=True, is_snapshot=True),
    render.PERFORMANCE: Rules(ignores_dates=True, accepts_locale=False),
}
"""Every report type that can be requested; settlements cannot."""


class ApiError(Exception):
    """An error response of Amazon: ``{"errors": [{code, message, details}]}``."""

    def __init__(self, status: int, code: str, message: str, details: str = "") -> None:
        super().__init__(message)
        self.status, self.body = status, {"errors": [{"code": code, "message": message, "details": details}]}


def invalid_input(message: str) -> ApiError:
    """400: the request is invalid, a retry does not help."""
    return ApiError(400, "InvalidInput", message)


def denied(details: str) -> ApiError:
    """403, for an invalid token and for a missing role."""
    return ApiError(403, "Unauthorized", "Access to requested resource is denied.", details)


SUMMARY_OPTIONS = {"aggregateByLocation": ("COUNTRY",), "aggregatedByTimePeriod": ("DAILY",)}
"""The ledger summary's options, and the values that are simulated."""


def checked_type(body: Mapping[str, Any]) -> tuple[str, Rules]:
    """The report type of a createReport body, and its limits."""
    report_type = body.get("reportType")
    if report_type == render.SETTLEMENT:
        raise invalid_input("Settlement reports cannot be requested; Amazon schedules them.")
    if not isinstance(report_type, str) or report_type not in RULES:
        raise invalid_input(f"Invalid reportType: {report_type}.")
    return report_type, RULES[report_type]


def checked_options(report_type: str, rules: Rules, options: object) -> Mapping[str, str]:
    """The report options, validated for the type."""
    if not isinstance(options, dict) or not all(isinstance(value, str) for value in options.values()):
        raise invalid_input("reportOptions is not a map of strings.")
    if "preferredReportDocumentLocale" in options and not rules.accepts_locale:
        raise invalid_input("Invalid reportOptions: preferredReportDocumentLocale.")
    if options.get("eventType") == "":
        raise invalid_input("Invalid reportOptions: eventType, length must be at least 1.")
    if report_type == render.LEDGER_SUMMARY:
        for name, values in SUMMARY_OPTIONS.items():
            if options.get(name, values[0]) not in values:
                raise invalid_input(f"Invalid reportOptions: {name} (the sandbox simulates {' and '.join(values)} only).")
    return options


def instant_of(body: Mapping[str, Any], name: str, now: datetime) -> datetime | None:
    """A time of the body in UTC, None where it is missing."""
    text = body.get(name)
    if text is None:
        return None
    instant = _parsed(text, name)
    if instant > now:
        raise invalid_input(f"{name} is in the future.")
    return instant


def _parsed(text: object, name: str) -> datetime:
    with suppress(ValueError):
        instant = datetime.fromisoformat(str(text))
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    raise invalid_input(f"{name} is not an ISO 8601 date and time with an offset.")


def page_wanted(query: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """A getReports request: filters, page size and start of the page."""
    if "nextToken" in query:
        if len(query) > 1:
            raise invalid_input("nextToken must be the only parameter.")
        try:
            return dict(json.loads(base64.urlsafe_b64decode(query["nextToken"])))
        except (binascii.Error, TypeError, ValueError):
            raise invalid_input("Invalid nextToken.") from None
    types, statuses, marketplaces = (_csv(query, name) for name in ("reportTypes", "processingStatuses", "marketplaceIds"))
    if not types or len(types) > 10:
        raise invalid_input("Either reportTypes (at most 10) or nextToken is required.")
    if len(marketplaces) > 10:
        raise invalid_input("At most 10 marketplaceIds.")
    size = query.get("pageSize", "10")
    if not size.isdecimal() or not 1 <= int(size) <= 100:
        raise invalid_input("pageSize must be between 1 and 100.")
    since = _parsed(query["createdSince"], "createdSince") if "createdSince" in query else now - RETENTION
    until = _parsed(query["createdUntil"], "createdUntil") if "createdUntil" in query else now
    if since < now - RETENTION:
        raise invalid_input("createdSince is more than 90 days ago.")
    wanted = {"types": types, "statuses": statuses, "marketplaces": marketplaces, "size": int(size), "offset": 0}
    return {**wanted, "since": since.isoformat(), "until": until.isoformat()}


def _csv(query: Mapping[str, str], name: str) -> list[str]:
    return query[name].split(",") if query.get(name) else []
