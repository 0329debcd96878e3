"""A whole report file, and the list of the kinds of damage that are done to it.

Each kind says what may become of the file: ``SAME``, it loads and says the same; ``WHOLE``, it says the same or is refused; ``READ``,
it says what a strict reader reads in it; ``NEVER``, it is refused.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

from seller_warehouse.core.report_spec import Column, ReportSpec


class Fate(Enum):
    """What may become of a damaged file."""

    SAME = auto()
    WHOLE = auto()
    READ = auto()
    NEVER = auto()


class NotPossible(Exception):
    """The file has nothing that could be damaged so."""


@dataclass(frozen=True)
class Sample:
    """A whole file of a report: its bytes, and its fields where it is a table."""

    spec: ReportSpec
    content: bytes
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    delimiter: str = ""
    is_quoted: bool = False

    @classmethod
    def of(cls, spec: ReportSpec, content: bytes) -> Sample:
        """The sample of a file in UTF-8."""
        if spec.read_json:
            return cls(spec, content)
        text = content.decode("utf-8")
        delimiter = "\t" if "\t" in text.split("\n")[0] else ","
        is_quoted = delimiter == "," or text.startswith('"')
        quoting = csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE
        header, *rows = (tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting))
        return cls(spec, content, header, tuple(rows), delimiter, is_quoted)

    def written(self, quoting: int | None = None) -> str:
        """The fields as text, in the sample's own dialect or another."""
        out = io.StringIO()
        own = (csv.QUOTE_ALL if self.delimiter == "\t" else csv.QUOTE_MINIMAL) if self.is_quoted else None
        if (quoting or own) is None:
            return "".join(self.delimiter.join(row) + "\n" for row in (self.header, *self.rows))
        csv.writer(out, delimiter=self.delimiter, lineterminator="\n", quoting=quoting if quoting is not None else own or 0).writerows(
            (self.header, *self.rows)
        )
        return out.getvalue()

    @property
    def bytes(self) -> bytes:
        """The fields in UTF-8."""
        return self.written().encode()

    def column(self, place: int) -> Column | None:
        """The spec's column of a field."""
        normal = "".join(c for c in self.header[place].casefold() if c.isalnum())
        return next((c for c in self.spec.columns if normal in c.headers), None)

    def places(self, fits: Callable[[Column], bool]) -> list[int]:
        """The fields whose columns fit."""
        return [p for p in range(len(self.header)) if (c := self.column(p)) and fits(c)]

    def put(self, row: int, place: int, value: str) -> Sample:
        """The sample with one field changed."""
        changed = [list(r) for r in self.rows]
        changed[row][place] = value
        return replace(self, rows=tuple(map(tuple, changed)))


Damage = Callable[[Sample, random.Random], bytes]
DAMAGES: dict[str, tuple[Damage, Fate]] = {}


def damage(fate: Fate, name: str = "") -> Callable[[Damage], Damage]:
    """Name a function as a kind of damage."""

    def register(function: Damage) -> Damage:
        DAMAGES[name or function.__name__] = (function, fate)
        return function

    return register


def table(sample: Sample) -> Sample:
    """The sample where it is a table."""
    if not sample.header:
        raise NotPossible
    return sample


def somewhere(sample: Sample, r: random.Random, fits: Callable[[Column], bool] = lambda _: True) -> tuple[int, int]:
    """A filled field whose column fits: its row and place."""
    found = [(n, p) for p in table(sample).places(fits) for n, row in enumerate(sample.rows) if p < len(row) and row[p]]
    if not found:
        raise NotPossible
    return r.choice(found)
