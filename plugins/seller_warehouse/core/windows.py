"""Amazon's answers by day: read from the record of loads, used by the planner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class AnswerKind(StrEnum):
    """Whether an answer was loaded, had no data, or was refused."""

    GOOD = "good"
    EMPTY = "empty"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer of Amazon, for a range of days or a snapshot (no days), with its time (UTC)."""

    marketplace_id: str
    first: date | None
    last: date | None
    asked_at: datetime
    kind: AnswerKind
