"""Which report a text is: told by its header, or where its language is unknown by its first row, and never by a name."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from pathlib import Path

from seller_warehouse.decode import chunks
from seller_warehouse.documents import Refusal
from seller_warehouse.report_spec import Column, Layout, Quoting, ReportSpec, normalise_header
from seller_warehouse.reports import SPECS


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a text is laid out: which report, its delimiter, and which field is which column."""

    spec: ReportSpec
    layout: Layout | None
    delimiter: str
    header_line: int
    field_names: tuple[str | None, ...]
    headers: tuple[str, ...]
    by_position: bool = False

    @property
    def unknown_headers(self) -> tuple[str, ...]:
        """Headers that no column of the report answers to."""
        return tuple(h for h, n in zip(self.headers, self.field_names, strict=True) if n is None)

    @property
    def quoted(self) -> bool:
        """Whether a double quote encloses a field."""
        return self.delimiter != "\t" or self.spec.quoting is Quoting.ALL


def recognise_file(path: Path, fallback: str) -> str:
    """The report that a received file holds, by its first lines alone; its name says nothing.

    Raises Refusal where the bytes cannot be read or no report has such a header.
    """
    head = b""
    for chunk in chunks(path):
        head = chunk
        break
    if not head:
        raise Refusal("empty_file", "the file has no bytes", "download it again")
    if head.startswith((b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0")):
        raise Refusal("no_text", "this is a ZIP, Excel or PDF file, not text", "unpack it, or save the sheet as CSV")
    charsets = ["utf-16"] if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ["utf-8-sig", fallback]
    for charset in charsets:
        try:
            text = codecs.getincrementaldecoder(charset)("strict").decode(head)
        except UnicodeDecodeError as error:
            line = head[: error.start].count(b"\n") + 1
            continue
        if text.lstrip()[:1] in ("{", "["):
            return _recognise_json(b"".join(chunks(path)).decode(charset, "replace"))
        return recognise(text).spec.name
    raise Refusal("charset", f"the text is neither UTF-8 nor {fallback}", "save it as UTF-8, or download it again", line)


def _recognise_json(text: str) -> str:
    for spec in SPECS.values():
        if spec.read_json:
            try:
                spec.read_json(text.encode())
            except json.JSONDecodeError as error:
                raise Refusal("damaged_json", f"the JSON breaks off or is malformed ({error.msg})", "download it again", error.lineno) from error
            except Refusal:
                continue
            return spec.name
    raise Refusal("unknown_header", "no report has such a JSON", "see docs/inputs.md for the files that are understood", 1)


def recognise(head: str) -> Shape:
    """Which report a text is, by its header and, where the language is unknown, its first row.

    Raises Refusal where the first line is no header, where no report has such a header, or a column stands twice.
    """
    header_line, first, second = _first_lines(head)
    delimiter = max("\t,;", key=lambda d: (first.count(d) > 0 and d == "\t", first.count(d)))
    if first.lstrip().startswith("<"):
        raise Refusal("no_report", "this is a web page, not a report", "sign in to Seller Central and download the report again", header_line)
    if delimiter not in first:
        raise Refusal("no_report", f"this is no report; it begins {first[:120]!r}", "read what it says and ask for the report again", header_line)
    headers = tuple(h.strip().strip('"').strip() for h in first.split(delimiter))
    normal = [normalise_header(h) for h in headers]
    best = max(_candidates(), key=lambda c: _likeness(c[2], normal))
    spec, layout, columns = best
    missing = [c.header for c in columns if c.required and not c.headers & set(normal)]
    likeness = _likeness(columns, normal)
    if (missing or likeness < 0.5) and (shape := _by_position(first, second, delimiter, header_line, headers)):
        return shape
    if likeness < 0.5:
        raise Refusal(
            "unknown_header",
            f"no report has a header of {len(headers)} columns that begins {headers[0][:60]!r}",
            "see docs/inputs.md for the files that are understood",
            header_line,
        )
    names = [next((c.name for c in columns if n in c.headers), None) for n in normal]
    twice = {n for n in names if n and names.count(n) > 1}
    if twice:
        raise Refusal("column_twice", f"the column {sorted(twice)[0]} of {spec.name} stands twice", "download the file again", header_line)
    if missing:
        listed = ", ".join(repr(m) for m in missing)
        raise Refusal(
            "missing_column", f"the header is that of {spec.name} but lacks {listed}", "download the whole report, with every column", header_line
        )
    return Shape(spec=spec, layout=layout, delimiter=delimiter, header_line=header_line, field_names=tuple(names), headers=headers)


def _candidates() -> list[tuple[ReportSpec, Layout | None, tuple[Column, ...]]]:
    found: list[tuple[ReportSpec, Layout | None, tuple[Column, ...]]] = []
    for spec in SPECS.values():
        if not spec.read_json:
            found.append((spec, None, spec.columns))
            found.extend((spec, layout, layout.columns) for layout in spec.layouts)
    return found


def _likeness(columns: tuple[Column, ...], normal: list[str]) -> float:
    """The share of Amazon's columns that are there, then of headers that are understood."""
    required = [c for c in columns if c.required or c.usual]
    present = sum(1 for c in required if c.headers & set(normal)) / len(required)
    known = frozenset().union(*(c.headers for c in columns))
    understood = sum(n in known for n in normal) / len(normal)
    return present * understood


def _by_position(first: str, second: str, delimiter: str, header_line: int, headers: tuple[str, ...]) -> Shape | None:
    values = [v.strip().strip('"') for v in second.split(delimiter)]
    for spec in SPECS.values():
        names = [c.name for c in spec.columns]
        fits = spec.first_row_probes and len(names) == len(headers) == len(values)
        # Where the first line matches too, the file has no header, and its first row must not be taken for one.
        if fits and _matches(spec, names, values) and not _matches(spec, names, list(headers)):
            return Shape(
                spec=spec, layout=None, delimiter=delimiter, header_line=header_line,
                field_names=tuple(names), headers=headers, by_position=True,
            )  # fmt: skip
    return None


def _matches(spec: ReportSpec, names: list[str], values: list[str]) -> bool:
    row = dict(zip(names, values, strict=True))
    return all(re.fullmatch(probe, row[name]) for name, probe in spec.first_row_probes.items())


def _first_lines(head: str) -> tuple[int, str, str]:
    lines = re.split(r"\r\n|\r|\n", head)
    for i, line in enumerate(lines):
        if line.strip() and not re.fullmatch("sep=.", line):  # Excel's own first line
            return i + 1, line, lines[i + 1] if i + 1 < len(lines) else ""
    raise Refusal("empty_file", "the file holds nothing but blank lines", "download it again")
