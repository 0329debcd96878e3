"""The specification of a report type: its columns, its quoting, and what one document replaces.

Every file in ``reports/`` defines one ``SPEC``. The modules that land, parse, gate and load read nothing else, so a new report type does not change
them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import pyarrow as pa

ISO = "ISO"
"""A date format: ISO 8601, with or without a time and an offset (``2026-06-15T08:00:00+00:00``)."""

LOCAL = "LOCAL"
"""A date format: the formats of the account's marketplaces, see ``seeds/marketplaces.csv``."""


class Kind(StrEnum):
    """The type of a column's values where they are not blank."""

    TEXT = "text"
    INTEGER = "whole number"
    AMOUNT = "amount"
    DATE = "date"
    CURRENCY = "currency"


class ReplacementScope(StrEnum):
    """What one document replaces as a whole; one such piece of history is a scope (``_unit`` in raw tables, ``unit`` in ``meta.coverage``)."""

    DATE = "date"
    """Every calendar day of the document's window, including days without rows."""
    KEY = "key"
    """Every key in the document (a settlement, a removal order)."""
    SNAPSHOT = "snapshot"
    """Nothing: a snapshot is kept beside earlier ones."""


class Quoting(StrEnum):
    """How tab-separated text of the report is quoted; comma-separated text is always quoted by RFC 4180."""

    NONE = "none"
    """A quote is a character like any other (10" Deluxe)."""
    ALL = "all"
    """Fields are in double quotes (the two ledger reports)."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a report.

    ``name`` is the column in ``raw.<report>``; ``header`` is Amazon's own header, ``aliases`` are other spellings (headers are compared by letters
    and digits only, so ``Event Type`` and ``EventType`` need no alias). ``shared`` are spellings that another column of the report also has in some
    language; the neighbouring columns decide which one is meant. A ``required`` column must be in the file, since a mart would be wrong without it; a
    ``filled`` one must not be blank in any row. Amazon's files usually have the ``usual`` columns and fill the ``usually_filled`` ones, but no mart
    needs them: missing or blank is a warning. ``codes`` lists the known values, compared without case, blanks and underscores; an unknown one is a
    warning. A ``personal`` column is dropped during parsing. ``free_text`` is written by people, such as a title, and may hold newlines and quotes.
    ``formats`` are the possible date formats, one per document; all columns of one ``style`` use the same.
    """

    name: str
    header: str
    kind: Kind = Kind.TEXT
    aliases: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    required: bool = True
    filled: bool = False
    usual: bool = False
    usually_filled: bool = False
    codes: tuple[str, ...] = ()
    personal: bool = False
    free_text: bool = False
    formats: tuple[str, ...] = (ISO,)
    style: str = ""

    @cached_property
    def headers(self) -> frozenset[str]:
        """Every spelling of the header, normalised."""
        return frozenset(normalise_header(h) for h in (self.header, *self.aliases, *self.shared))

    @property
    def may_hold_lines(self) -> bool:
        """Whether a value may have several lines; in other columns a newline means that a stray quote has swallowed a row."""
        return self.free_text or self.personal

    @property
    def holds_ids(self) -> bool:
        """Whether its values are ids, stock codes or tracking numbers, which a spreadsheet may damage."""
        return self.kind is Kind.TEXT and re.search(_IDS, self.name) is not None

    @property
    def holds_own_codes(self) -> bool:
        """Whether its values are the seller's own SKUs, where ``4.5E27`` may be a real code (a lamp)."""
        return re.search(r"(^|_)(sku|msku)$", self.name) is not None


_IDS = r"(^|_)(ids?|number|sku|msku|fnsku|asin[1-3]?|order_item_code)$"


def column(header: str, kind: Kind = Kind.TEXT, *, name: str = "", **rest: object) -> Column:
    """A column whose name, unless given, is its header in snake_case."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    return Column(name=name or re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_"), header=header, kind=kind, **rest)  # type: ignore[arg-type]  # Column rejects unknown arguments


def usual(header: str, kind: Kind = Kind.TEXT, **rest: object) -> Column:
    """A column that Amazon's files usually have but no mart needs: a file without it loads with a warning."""
    return column(header, kind, required=False, usual=True, **rest)  # type: ignore[arg-type]  # as above


def normalise_header(header: str) -> str:
    """A header reduced to its letters and digits, so that blanks, hyphens and case do not matter."""
    return "".join(c for c in header.casefold() if c.isalnum())


@dataclass(frozen=True, kw_only=True)
class Layout:
    """An older layout of the same report: its columns, and the function that converts its table to today's columns."""

    name: str
    columns: tuple[Column, ...]
    reshape: Callable[[pa.Table], pa.Table]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """A condition that the dates of a row must satisfy together.

    ``broken`` is an SQL condition over the columns as dates; it is true if they do not agree. If a document's dates can be read in two ways, the
    reading with fewer broken rows is chosen. A row that still breaks the agreement refuses the document if ``refuses``, else it is a warning with the
    name ``rule`` and the text ``what``. The value of a column in ``of_key`` is on one row and applies to all rows of its key. An agreement that is
    ``only_for_choice`` helps to choose the reading but judges no row.
    """

    rule: str
    columns: tuple[str, ...]
    broken: str
    what: str = ""
    refuses: bool = False
    of_key: tuple[str, ...] = ()
    only_for_choice: bool = False


class MarketplaceScope(StrEnum):
    """The marketplaces that one answer covers, and so those that a request names."""

    REGION = "region"
    """The whole account, whatever the request names: one request with the first marketplace, since one for each would return the same rows."""
    EACH = "each"
    """Only the first marketplace of the request: one request for each."""
    NAMED = "named"
    """All marketplaces of the request: one request with all of them."""


@dataclass(frozen=True, kw_only=True)
class Requests:
    """How to request a report, and Amazon's limits.

    ``max_days``: the widest range of one request (None: no limit). ``history_months``: how far back Amazon answers (0: only the current state).
    ``restated_days``: how long rows keep changing after their day. ``pause_minutes``: the minimum time between two requests of the type.
    ``margin_hours``: added to the range on both sides, since the time zone of Amazon's days is unknown. ``options``: the reportOptions to send.
    ``listed_only``: Amazon makes the reports by itself; they can be listed but not requested.
    """

    max_days: int | None = None
    history_months: int = 18
    restated_days: int = 30
    pause_minutes: int = 240
    margin_hours: int = 12
    options: dict[str, str] = field(default_factory=dict)
    marketplace_scope: MarketplaceScope = MarketplaceScope.REGION
    listed_only: bool = False

    @property
    def window_days(self) -> int | None:
        """The number of whole days that one request can cover, with its margins inside Amazon's limit."""
        return self.max_days - (2 * self.margin_hours + 23) // 24 if self.max_days else None


@dataclass(frozen=True, kw_only=True)
class ReportSpec:
    """One report type.

    ``event_date`` is the column that dates a row (its calendar day as printed). ``key`` lists the columns that identify a scope if
    ``replacement_scope`` is KEY. ``trailing_optional`` is the number of columns at the end that a row may omit. ``sets_aside``: a row with too many
    fields is set aside with a warning and the others load, since Amazon leaves tabs inside values. ``first_row_probes`` allow a header in an unknown
    language: if the number of columns is right and the first row's values match, columns are mapped by position. ``read_json`` replaces the text
    parser. ``agreements`` are conditions between its dates.
    """

    name: str
    amazon_type: str | None
    title: str
    found_at: str
    columns: tuple[Column, ...]
    replacement_scope: ReplacementScope
    event_date: str | None = None
    key: tuple[str, ...] = ()
    quoting: Quoting = Quoting.NONE
    trailing_optional: int = 0
    sets_aside: bool = False
    may_be_empty: bool = False
    layouts: tuple[Layout, ...] = ()
    first_row_probes: dict[str, str] = field(default_factory=dict)
    read_json: Callable[[bytes], pa.Table] | None = None
    agreements: tuple[Agreement, ...] = ()
    requests: Requests | None = None

    def __post_init__(self) -> None:
        names = [c.name for c in self.columns]
        in_agreements = (name for a in self.agreements for name in (*a.columns, *a.of_key))
        for wanted in (*self.key, *([self.event_date] if self.event_date else []), *self.first_row_probes, *in_agreements):
            if wanted not in names:
                raise ValueError(f"report spec {self.name}: there is no column {wanted!r}")
        if len(set(names)) != len(names):
            raise ValueError(f"report spec {self.name}: a column name appears twice")
        scope = self.replacement_scope
        if (scope is ReplacementScope.DATE) > (self.event_date is not None) or (scope is ReplacementScope.KEY) != bool(self.key):
            raise ValueError(f"report spec {self.name}: replacement_scope {scope} does not fit event_date and key")

    @property
    def kept(self) -> tuple[Column, ...]:
        """The columns that reach the warehouse, in order."""
        return tuple(c for c in self.columns if not c.personal)

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(c for c in self.columns if c.name == name)

    @property
    def reaches_back(self) -> str:
        """How far back Amazon answers, as a code of ``meta.freshness``."""
        if not self.requests:
            return "FILES_ONLY"
        return {0: "SNAPSHOTS_ONLY", 3: "NINETY_DAYS", 18: "EIGHTEEN_MONTHS"}[self.requests.history_months]
