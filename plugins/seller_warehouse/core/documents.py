"""A document: one set of bytes received for an account, and what its manifest says of it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path


class Verdict(StrEnum):
    """What became of a document, as ``meta.loads`` shows it.

    ROWS_LEFT_OUT: some of its rows are neither held nor loaded, since their day is held from a document that has more of it; the reason names their
    lines. Whatever else it has is loaded, or held already.
    """

    LOADED = "LOADED"
    ROWS_LEFT_OUT = "ROWS_LEFT_OUT"
    UNCHANGED = "UNCHANGED"
    QUARANTINED = "QUARANTINED"
    NO_DATA = "NO_DATA"
    PENDING = "PENDING"


DONE, CANCELLED = "DONE", "CANCELLED"
"""Amazon's processing status of a report that has a document, and of one that was not made; any other is a failure."""


class Refusal(Exception):
    """A document that cannot be trusted: ``rule`` names why, the message says where and what to do."""

    def __init__(self, rule: str, what: str, remedy: str, line: int | None = None) -> None:
        place = f"line {line}: " if line else ""
        super().__init__(f"{place}{what}; {remedy}.")
        self.rule = rule


@dataclass(frozen=True, kw_only=True)
class Document:
    """The manifest of one landed document.

    ``window_start`` and ``window_end`` are the days it was asked for, both included; none for a dropped file and for a snapshot.
    ``charset`` is what Amazon declared. ``retrieved_at`` (UTC) decides which document is newer. ``marketplace_id`` is blank where
    the report covers the whole account. ``report_id`` is Amazon's, unique within a seller. ``answer`` is Amazon's processing status:
    without DONE there are no bytes, and ``explanation`` says why. A dropped file that ``replaces`` what is held was put into the folder for that.
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
        """Where the document stands in time; equal times are told apart by content, then by name, never by order of arrival."""
        return self.retrieved_at, self.sha256, self.document_id

    def to_json(self) -> str:
        """The manifest as it is stored; the place of the bytes is not part of it."""
        fields = {k: v for k, v in dataclasses.asdict(self).items() if k != "path"}
        return json.dumps(fields, indent=2, default=lambda v: v.isoformat(), ensure_ascii=True) + "\n"

    @classmethod
    def from_json(cls, text: str, path: Path) -> Document:
        """The document of a stored manifest whose bytes lie at ``path``."""
        fields = json.loads(text)
        for name in ("window_start", "window_end"):
            fields[name] = date.fromisoformat(fields[name]) if fields[name] else None
        fields["retrieved_at"] = datetime.fromisoformat(fields["retrieved_at"]).astimezone(UTC)
        return cls(**fields, path=path)


def printable(name: str) -> str:
    """A file name as it may stand in a message: control characters are shown as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
