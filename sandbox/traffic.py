"""Counts of requests to the sandbox, and their limits by Amazon's published model and quotas."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

QUOTAS = {
    "createReport": (0.0167, 15),
    "getReport": (2.0, 15),
    "getReports": (0.0222, 10),
    "cancelReport": (0.0222, 10),
    "getReportDocument": (0.0167, 15),
}
"""Requests per second and burst of each operation, for one application and one seller."""


ADDED_BY_LIBRARIES = frozenset({"MarketplaceId", "MarketplaceIds", "marketplace_ids", "marketplaceIds"})
"""Query parameters that python-amazon-sp-api adds to every GET and DELETE; Amazon ignores parameters that an operation does not have."""


class Tally:
    """Requests and their answers, for tests and summaries."""

    def __init__(self) -> None:
        self._calls: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        self._by_type: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        self._refused_in_a_row: Counter[tuple[str, str]] = Counter()
        self._longest_refusal: dict[str, Counter[str]] = defaultdict(Counter)
        self.violations: list[str] = []

    def call(self, seller_id: str, operation: str, outcome: str) -> None:
        """Count an answer; consecutive ``throttled`` answers show how far a client exceeded its quota."""
        self._calls[seller_id][operation][outcome] += 1
        key = (seller_id, operation)
        self._refused_in_a_row[key] = self._refused_in_a_row[key] + 1 if outcome == "throttled" else 0
        if outcome == "throttled":
            longest = self._longest_refusal[seller_id]
            longest[operation] = max(longest[operation], self._refused_in_a_row[key])

    def report(self, what: str, seller_id: str, report_type: str) -> None:
        """Count a report under ``what``."""
        self._by_type[what][seller_id][report_type] += 1

    def as_json(self, injected: Mapping[str, int]) -> dict[str, Any]:
        """Everything counted."""
        by_type = {what: self._by_type[what] for what in ("created", "cooldown_violations", "range_violations")}
        return {
            **self._calls,
            **by_type,
            "max_over_quota": self._longest_refusal,
            "faults": injected,
            "violations": self.violations,
        }


class TokenBuckets:
    """A token bucket for each seller and operation, filled in sandbox time."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], tuple[float, datetime]] = {}

    def take(self, seller_id: str, operation: str, now: datetime) -> bool:
        """Whether the call is within the quota; if so, count it."""
        rate, burst = QUOTAS[operation]
        tokens, then = self._buckets.get((seller_id, operation), (float(burst), now))
        tokens = min(float(burst), tokens + rate * (now - then).total_seconds())
        is_within = tokens >= 1
        self._buckets[seller_id, operation] = (tokens - is_within, now)
        return is_within


class RequestModel:
    """Amazon's published model: which bodies and query parameters an operation takes."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        # Needed only to validate requests against the model.
        from jsonschema import Draft4Validator  # type: ignore[import-untyped]  # it ships no types

        definitions = {name: {"additionalProperties": False, **one} if "properties" in one else one for name, one in spec["definitions"].items()}
        self._validators: dict[str, Any] = {}
        for operation in (one for methods in spec["paths"].values() for one in methods.values() if "operationId" in one):
            parameters = operation.get("parameters", [])
            # "required" of a parameter is a boolean, which a JSON schema does not know.
            query = {p["name"]: {k: v for k, v in p.items() if k != "required"} for p in parameters if p["in"] == "query"}
            body = next((p["schema"] for p in parameters if p["in"] == "body"), None)
            schema = body or {"type": "object", "properties": query, "additionalProperties": False}
            self._validators[operation["operationId"]] = Draft4Validator({"definitions": definitions, **schema})

    def complaint(self, operation: str, request: object) -> str | None:
        """The error in a body or in typed query parameters, or None."""
        return next((f"{operation}: {error.message}" for error in self._validators[operation].iter_errors(request)), None)

    def query_complaint(self, operation: str, query: Mapping[str, str]) -> str | None:
        """The same for query parameters as they came: text."""
        properties = self._validators[operation].schema["properties"]
        typed = {name: _typed(text, properties.get(name, {}).get("type")) for name, text in query.items()}
        return self.complaint(operation, {n: v for n, v in typed.items() if n in properties or n not in ADDED_BY_LIBRARIES})


def _typed(text: str, kind: str | None) -> object:
    match kind:
        case "array":
            return text.split(",")
        case "integer" if text.lstrip("-").isdecimal():
            return int(text)
        case "boolean" if text in ("true", "false"):
            return text == "true"
    return text
