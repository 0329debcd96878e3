"""What the pipeline knows of one report type: its columns, its quoting, and what one document replaces.

Every file in ``reports/`` states one ``SPEC``. The modules that land, parse, gate and load read nothing else,
so a new report type needs no change in them.
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
"""A date format: as the account's marketplaces write dates, see ``seeds/marketplaces.csv``."""


class Kind(StrEnum):
    """What a column's text must look like when it is not blank."""

    TEXT = "text"
    INTEGER = "whole number"
    AMOUNT = "amount"
    DATE = "date"
    CURRENCY = "currency"


class Unit(StrEnum):
    """What one document replaces as a whole, whichever rows were held before."""

    DATE = "date"
    """Every calendar day of the document's window, also the days without a row."""
    KEY = "key"
    """Every key that the document names (a settlement, a removal order)."""
    SNAPSHOT = "snapshot"
    """Nothing: a snapshot stands beside the earlier ones."""


class Quoting(StrEnum):
    """How tab-separated text of the report is quoted; comma-separated text is always quoted by RFC 4180."""

    NONE = "none"
    """A quote is a character like any other (10" Deluxe)."""
    ALL = "all"
    """Fields stand in double quotes (the two ledger reports)."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a report.

    ``name`` is the column in ``raw.<report>``; ``header`` is Amazon's own header, ``aliases`` are other spellings
    (headers are compared by letters and digits alone, so ``Event Type`` and ``EventType`` need no alias). ``shared`` are spellings that
    another column of the report has as well in some language; the columns they stand between tell which one is meant.
    A ``required`` column must be in the file, since a mart would be wrong without it; a ``filled`` one must not be blank
    in any row. Amazon's files have the ``usual`` columns too, and ``usually_filled`` ones have a value, but no mart needs
    it: missing or blank is a warning. ``codes`` lists the known values, compared without case, blanks and underscores; an
    unknown one is a warning. A ``personal`` column is dropped when the file is parsed. A ``free_text`` is what people wrote, such as a
    title, and may hold newlines and quotes. ``formats`` are the date formats a
    document may use, one per document; columns of one ``style`` are written alike.
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
        """Whether a value may have several lines; anywhere else a newline is one that a stray quote has swallowed."""
        return self.free_text or self.personal

    @property
    def holds_ids(self) -> bool:
        """Whether its values are ids, codes of stock or tracking numbers, which a spreadsheet may damage."""
        return self.kind is Kind.TEXT and re.search(_IDS, self.name) is not None

    @property
    def holds_own_codes(self) -> bool:
        """Whether its values are the seller's own SKUs, in which ``4.5E27`` may be a lamp."""
        return re.search(r"(^|_)(sku|msku)$", self.name) is not None


_IDS = r"(^|_)(ids?|number|sku|msku|fnsku|asin[1-3]?|order_item_code)$"


def column(header: str, kind: Kind = Kind.TEXT, *, name: str = "", **rest: object) -> Column:
    """A column whose name, unless given, is its header in snake_case."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    return Column(name=name or re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_"), header=header, kind=kind, **rest)  # type: ignore[arg-type]  # Column refuses what it has not


def usual(header: str, kind: Kind = Kind.TEXT, **rest: object) -> Column:
    """A column that Amazon's files have and no mart needs: without it a file loads with a warning."""
    return column(header, kind, required=False, usual=True, **rest)  # type: ignore[arg-type]  # as above


def normalise_header(header: str) -> str:
    """A header reduced to its letters and digits, so that blanks, hyphens and case do not matter."""
    return "".join(c for c in header.casefold() if c.isalnum())


@dataclass(frozen=True, kw_only=True)
class Layout:
    """An older shape of the same report: its headers, and how its table is turned into today's columns."""

    name: str
    columns: tuple[Column, ...]
    reshape: Callable[[pa.Table], pa.Table]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What the dates of a row must have in common, as each day says something of the others.

    ``broken`` is a condition in SQL over the columns as dates. Where a document's dates can be read in two ways, the one
    that breaks its agreements in fewer rows is meant. A row that still breaks one refuses the document if it ``refuses``,
    else it is a warning; ``what`` says so, and ``rule`` names it. Columns ``of_key`` stand on one row for all rows of their key.
    An agreement that is ``only_for_choice`` judges no row.
    """

    rule: str
    columns: tuple[str, ...]
    broken: str
    what: str = ""
    refuses: bool = False
    of_key: tuple[str, ...] = ()
    only_for_choice: bool = False


class Scope(StrEnum):
    """What one answer covers, and so which marketplaces a request names (a region-wide report asked for each would come each time)."""

    REGION = "region"
    """The whole account, whichever marketplace is asked: one request names the first."""
    EACH = "each"
    """One marketplace, the first that is asked: a request for each."""
    NAMED = "named"
    """The marketplaces that are named: one request names them all."""


@dataclass(frozen=True, kw_only=True)
class Requests:
    """How a report is asked for, and Amazon's limits.

    ``max_days`` is the widest range of one request (None: no limit), ``history_months`` how far back Amazon answers (0: only what is now),
    ``restated_days`` how long rows keep changing after their day, ``pause_minutes`` how soon the same type may be asked again,
    ``margin_hours`` how much wider than its days a range is asked on either side, since nobody knows in which zone Amazon cuts days,
    ``options`` the reportOptions to send. ``listed_only`` reports are made by Amazon and can only be found.
    """

    max_days: int | None = None
    history_months: int = 18
    restated_days: int = 30
    pause_minutes: int = 240
    margin_hours: int = 12
    options: dict[str, str] = field(default_factory=dict)
    scope: Scope = Scope.REGION
    listed_only: bool = False

    @property
    def window_days(self) -> int | None:
        """How many whole days one request can speak for, with its margins inside Amazon's limit."""
        return self.max_days - (2 * self.margin_hours + 23) // 24 if self.max_days else None


@dataclass(frozen=True, kw_only=True)
class ReportSpec:
    """One report type.

    ``event_date`` names the column that dates a row (its calendar day as printed). ``key`` names the columns that
    identify the unit of replacement where ``unit`` is KEY. ``trailing_optional`` counts the columns at the end that
    a row may leave out. Where Amazon leaves tabs inside values, ``sets_aside`` says that a row with too many fields is set aside with a
    warning and the others load. ``first_row_probes`` allow a header in an unknown language: where the number of columns is
    right and the first row's values match, columns are taken by position. ``read_json`` replaces the text parser.
    ``agreements`` say what its dates have in common.
    """

    name: str
    amazon_type: str | None
    title: str
    found_at: str
    columns: tuple[Column, ...]
    unit: Unit
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
        said_of = (name for a in self.agreements for name in (*a.columns, *a.of_key))
        for wanted in (*self.key, *([self.event_date] if self.event_date else []), *self.first_row_probes, *said_of):
            if wanted not in names:
                raise ValueError(f"report spec {self.name}: there is no column {wanted!r}")
        if len(set(names)) != len(names):
            raise ValueError(f"report spec {self.name}: a column name stands twice")
        if (self.unit is Unit.DATE) > (self.event_date is not None) or (self.unit is Unit.KEY) != bool(self.key):
            raise ValueError(f"report spec {self.name}: unit {self.unit} does not fit event_date and key")

    @property
    def kept(self) -> tuple[Column, ...]:
        """The columns that reach the warehouse, in order."""
        return tuple(c for c in self.columns if not c.personal)

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(c for c in self.columns if c.name == name)

    @property
    def reaches_back(self) -> str:
        """How far back Amazon answers, as ``meta.freshness`` says it."""
        if not self.requests:
            return "FILES_ONLY"
        return {0: "SNAPSHOTS_ONLY", 3: "NINETY_DAYS", 18: "EIGHTEEN_MONTHS"}[self.requests.history_months]
