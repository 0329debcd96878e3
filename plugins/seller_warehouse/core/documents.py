"""A document: one set of bytes received for an account, with its manifest."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path


class Verdict(StrEnum):
    """The outcome of a document, as in ``meta.loads``.

    ROWS_LEFT_OUT: some of its rows are neither held nor loaded, because a document with more rows holds their day; the reason names their lines. All
    its other rows are loaded, or were held already.
    """

    LOADED = "LOADED"
    ROWS_LEFT_OUT = "ROWS_LEFT_OUT"
    UNCHANGED = "UNCHANGED"
    QUARANTINED = "QUARANTINED"
    NO_DATA = "NO_DATA"
    PENDING = "PENDING"


DONE, CANCELLED = "DONE", "CANCELLED"
"""Amazon's processing statuses for a report with a document, and for one that was not made; any other status is a failure."""


class Refusal(Exception):
    """A document cannot be trusted: ``rule`` names the reason, the message the line and the remedy."""

    def __init__(self, rule: str, what: str, remedy: str, line: int | None = None) -> None:
        place = f"line {line}: " if line else ""
        super().__init__(f"{place}{what}; {remedy}.")
        self.rule = rule


@dataclass(frozen=True, kw_only=True)
class Document:
    """The manifest of one landed document.

    ``window_start`` and ``window_end``: the requested days, both included; None for a dropped file and a snapshot. ``charset``: as Amazon declared
    it. ``retrieved_at`` (UTC) decides which document is newer. ``marketplace_id``: blank if the report covers the whole account. ``report_id``:
    Amazon's, unique within a seller. ``answer``: Amazon's processing status; unless it is DONE there are no bytes, and ``explanation`` gives the
    reason. ``replaces``: the file was dropped into the inbox folder that forces it to replace what is held.
    """

    document_id: str
    account_id: str
    report: str
    source: str
    file_name: str
    sha256: str
    byte_count: int
    retrieved_at: datetime
    window_start: date | None = None
    window_end: date | None = None
    charset: str | None = None
    marketplace_id: str = ""
    report_id: str = ""
    answer: str = DONE
    explanation: str = ""
    replaces: bool = False
    path: Path = Path()

    @property
    def order(self) -> tuple[datetime, str, str]:
        """Sort key by time; ties are broken by content, then by id, never by order of arrival."""
        return self.retrieved_at, self.sha256, self.document_id

    def to_json(self) -> str:
        """The manifest as stored, without the path of the bytes."""
        fields = {k: v for k, v in dataclasses.asdict(self).items() if k != "path"}
        return json.dumps(fields, indent=2, default=lambda v: v.isoformat(), ensure_ascii=True) + "\n"

    @classmethod
    def from_json(cls, text: str, path: Path) -> Document:
        """The document of a stored manifest; its bytes are at ``path``."""
        fields = json.loads(text)
        for name in ("window_start", "window_end"):
            fields[name] = date.fromisoformat(fields[name]) if fields[name] else None
        fields["retrieved_at"] = datetime.fromisoformat(fields["retrieved_at"]).astimezone(UTC)
        return cls(**fields, path=path)


def printable(name: str) -> str:
    """A file name for messages, with control characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
