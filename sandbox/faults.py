"""The faults and their times, from a seed, so that a run can be repeated.

Whether the n-th call of an operation, or the n-th report of a seller, meets a fault depends on (seed, kind of fault, seller,
operation, n) only: not on the time, nor on the order of calls of different sellers.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

REPORT_FAULTS = (
    "fatal",  # FATAL without a document
    "cancelled_by_caller",  # as if another user of the account had cancelled it
    "cancelled_no_data",  # although there is data
    "cancelled_cooldown",  # as if another application had asked for the same report shortly before
    "done_error_text",  # DONE, and the document is a sentence
    "header_only",
    "truncated_gzip",
    "truncated_text",  # the text ends in the middle of a row
    "doubly_compressed",
    "wrong_charset_label",
)
"""Faults of a report."""

_API_FAULTS = (
    "throttle_storm",  # 429 for this call and the next ones
    "error_500",
    "error_503",
    "hang",  # the call is not carried out and never answered
    "lost_answer",  # the call is carried out, its answer never arrives
    "expired_token",  # 403, and the access token is invalid from here on
)
_OTHER_FAULTS = {"token": ("error_500", "error_503", "hang"), "download": ("expired_url", "error_503", "hang")}
KINDS = frozenset((*REPORT_FAULTS, *_API_FAULTS, "expired_url"))


class FaultPlan:
    """Which call and which report meets which fault.

    ``rates`` gives the share of calls (or reports) by kind of fault, 0 to 1; ``limit`` ends all faults after that many.
    A report of the same seller, type and days is spoiled at most ``max_per_window`` times, except the (seller, report type)
    pairs of ``for_good``, which always end FATAL with a document. A refresh token expires at its seller's instant in
    ``expired_refresh_tokens``. With ``operations`` (createReport, ..., token, download) only their calls fail. A storm refuses
    ``storm_calls`` calls; a hanging call is dropped after ``hang_seconds`` of real time. Raises ValueError for a kind of fault
    that does not exist.
    """

    def __init__(
        self,
        seed: int,
        rates: Mapping[str, float],
        limit: int | None = None,
        *,
        max_per_window: int = 2,
        for_good: Collection[tuple[str, str]] = (),
        expired_refresh_tokens: Mapping[str, datetime] | None = None,
        operations: Collection[str] | None = None,
        storm_calls: int = 3,
        hang_seconds: float = 30.0,
    ) -> None:
        if unknown := set(rates) - KINDS:
            raise ValueError(f"no such faults: {', '.join(sorted(unknown))}")
        self._seed, self._rates, self._limit = seed, dict(rates), limit
        self._max_per_window, self._for_good = max_per_window, frozenset(for_good)
        self._expired_refresh_tokens = dict(expired_refresh_tokens or {})
        self._operations = operations
        self._storm_calls, self.hang_seconds = storm_calls, hang_seconds
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._storms: Counter[tuple[str, str]] = Counter()
        self._spoiled: Counter[tuple[str, ...]] = Counter()
        self._drawn = 0
        self.injected: Counter[str] = Counter()

    @classmethod
    def from_json(cls, settings: Mapping[str, Any]) -> FaultPlan:
        """A plan from the constructor's arguments as JSON: pairs as lists, instants as ISO 8601 text."""
        pairs = [(seller, report_type) for seller, report_type in settings.get("for_good", ())]
        instants = {seller: datetime.fromisoformat(text) for seller, text in settings.get("expired_refresh_tokens", {}).items()}
        return cls(**{"seed": 0, "rates": {}, **settings, "for_good": pairs, "expired_refresh_tokens": instants})

    def on_call(self, seller_id: str, operation: str) -> str | None:
        """The fault the next call of the operation meets; ``storm`` for each further call a storm refuses."""
        key = (seller_id, operation)
        self._numbers[key] += 1
        if self._storms[key] > 0:
            self._storms[key] -= 1
            return "storm"
        if self._operations is not None and operation not in self._operations:
            return None
        fault = self._first(_OTHER_FAULTS.get(operation, _API_FAULTS), *key, self._numbers[key])
        if fault == "throttle_storm":
            self._storms[key] = self._storm_calls - 1
        return fault

    def on_report(self, seller_id: str, report_type: str, days: tuple[str, str], number: int) -> str | None:
        """The fault the seller's report of this number meets; ``for_good`` for a type that never works."""
        if (seller_id, report_type) in self._for_good:
            self.injected["for_good"] += 1
            return "for_good"
        window = (seller_id, report_type, *days)
        if self._spoiled[window] >= self._max_per_window:
            return None
        fault = self._first(REPORT_FAULTS, seller_id, "report", number)
        self._spoiled[window] += fault is not None
        return fault

    def refresh_token_has_expired(self, seller_id: str, now: datetime) -> bool:
        """Whether the seller must authorise the application again."""
        instant = self._expired_refresh_tokens.get(seller_id)
        if instant is None or now < instant:
            return False
        self.injected["expired_refresh_token"] += 1
        return True

    def _first(self, kinds: tuple[str, ...], *key: str | int) -> str | None:
        if self._limit is not None and self._drawn >= self._limit:
            return None
        for kind in kinds:
            if self._rates.get(kind) and share(self._seed, kind, *key) < self._rates[kind]:
                self.injected[kind] += 1
                self._drawn += 1
                return kind
        return None


class NoFaults(FaultPlan):
    """A plan without faults."""

    def __init__(self) -> None:
        super().__init__(0, {})


def share(*key: object) -> float:
    """A number in [0, 1) that depends on the key alone, and is the same in every process."""
    digest = hashlib.sha256("|".join(map(str, key)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
