"""What Amazon answered for which days: what the planner plans by, and the record of the loads tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class AnswerKind(StrEnum):
    """What an answer is worth."""

    GOOD = "good"
    EMPTY = "empty"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What Amazon answered for a range of days, or for a snapshot (no days), and when (UTC)."""

    marketplace_id: str
    first: date | None
    last: date | None
    asked_at: datetime
    kind: AnswerKind
