"""Recognise the report of a text by its header or, if the header's language is unknown, by its first row; never by the file name."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from pathlib import Path

from seller_warehouse.core.documents import Refusal
from seller_warehouse.core.report_spec import Column, Layout, Quoting, ReportSpec, normalise_header
from seller_warehouse.ingest.bounds import joined_json, refuse_deep_json, refuse_wide_header
from seller_warehouse.ingest.damage import examine_utf8
from seller_warehouse.ingest.decode import JAPANESE, WESTERN, chunks
from seller_warehouse.ingest.other_files import refuse_date_range, refuse_markup
from seller_warehouse.reports import SPECS


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The layout of a text: its report, its delimiter, and the column of each field."""

    spec: ReportSpec
    layout: Layout | None
    delimiter: str
    header_line: int
    field_names: tuple[str | None, ...]
    headers: tuple[str, ...]
    quoted: bool
    by_position: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """The possible columns of the text."""
        return self.layout.columns if self.layout else self.spec.columns

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(c for c in self.columns if c.name == name)

    @property
    def unknown_headers(self) -> tuple[str, ...]:
        """Headers that match no column of the report."""
        return tuple(h for h, n in zip(self.headers, self.field_names, strict=True) if n is None)


def recognise_file(path: Path, fallback: str) -> str:
    """The name of the report in a received file, by its first lines only.

    Raises Refusal if the bytes cannot be decoded or no report has such a header.
    """
    head = b""
    for chunk in chunks(path):
        head = chunk
        break
    if not head:
        raise Refusal("empty_file", "the file has no bytes", "download it again")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        charsets = ["utf-16"]
    else:
        charsets = ["utf-8-sig", fallback, *([WESTERN] if fallback in JAPANESE else [])]
    refused: Refusal | None = None
    line = 1
    errors = "strict"
    if charsets[0] != "utf-16" and not _is_utf8(head) and (utf8 := examine_utf8([head])).is_damaged:
        # The header still identifies the report; the gate refuses it with the position of the damage.
        charsets, errors, refused = charsets[:1], "replace", utf8.refusal()
    for charset in charsets:
        try:
            text = codecs.getincrementaldecoder(charset)(errors).decode(head)
        except UnicodeDecodeError as error:
            line = head[: error.start].count(b"\n") + 1
            continue
        if text.lstrip()[:1] in ("{", "["):
            return _recognise_json(joined_json(chunks(path)).decode(charset, "replace"))
        try:
            return recognise(text).spec.name
        except Refusal as refusal:
            refused = refused or refusal
    raise refused or Refusal("charset", f"the text is neither UTF-8 nor {fallback}", "save it as UTF-8, or download it again", line)


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _recognise_json(text: str) -> str:
    refuse_deep_json(text.encode("utf-8", "replace"))
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
    """The layout of a text, by its header and, if the language is unknown, its first row.

    Raises Refusal if the first line is not a header, no report has such a header, or a column appears twice.
    """
    refuse_markup(head)
    header_line, first, second = _first_lines(head)
    delimiter = max("\t,;", key=lambda d: (first.count(d) > 0 and d == "\t", first.count(d)))
    headers = tuple(h.strip().strip('"').strip() for h in first.split(delimiter))
    refuse_wide_header(headers, header_line)
    normal = [normalise_header(h) for h in headers]
    spec, layout, columns = max(_candidates(), key=lambda c: _likeness(c[2], normal))
    missing = [c.header for c in columns if c.required and not c.headers & set(normal)]
    likeness = _likeness(columns, normal)
    if (missing or likeness < 0.5) and (shape := _by_position(first, second, delimiter, header_line, headers)):
        return shape
    if likeness < 0.5:
        refuse_date_range(head, lambda found: any(_likeness(c, found) >= 0.5 for _, _, c in _candidates()))
        if delimiter not in first:
            what = f"this is no report; it begins {first[:120]!r}"
            raise Refusal("no_report", what, "read its text and ask for the report again", header_line)
        raise Refusal(
            "unknown_header",
            f"no report has a header of {len(headers)} columns that begins {headers[0][:60]!r}",
            "see docs/inputs.md for the files that are understood",
            header_line,
        )
    for header in first.split(delimiter):
        if not re.fullmatch('[^"]*|"[^"]*"', header.strip()):
            what = f"a header has a quote that encloses nothing ({header.strip()[:40]!r})"
            raise Refusal("stray_quote", what, "download the report again; if it was edited, correct the header", header_line)
    names = _placed(columns, normal)
    twice = {n for n in names if n and names.count(n) > 1}
    if twice:
        column = next(c.header for c in columns if c.name == sorted(twice)[0])
        found = ", ".join(repr(h) for h, n in zip(headers, names, strict=True) if n == sorted(twice)[0])
        what = f"the column {sorted(twice)[0]} of {spec.name} appears twice ({found})"
        raise Refusal("column_twice", what, f"keep the one that is Amazon's {column!r} and remove the other", header_line)
    if missing:
        listed = ", ".join(repr(m) for m in missing)
        raise Refusal(
            "missing_column",
            f"the header is that of {spec.name} but is missing {listed}",
            "download the whole report, with every column",
            header_line,
        )
    return Shape(
        spec=spec, layout=layout, delimiter=delimiter, header_line=header_line, field_names=names, headers=headers,
        quoted=_is_quoted(spec, delimiter, first, second),
    )  # fmt: skip


def _is_quoted(spec: ReportSpec, delimiter: str, first: str, second: str) -> bool:
    """Whether double quotes enclose fields: unless the delimiter is a tab, in a report that quotes, or if the header or the first row is quoted."""
    return delimiter != "\t" or spec.quoting is Quoting.ALL or _all_quoted(first) or _all_quoted(second)


def _all_quoted(line: str) -> bool:
    filled = [v for v in line.split("\t") if v]
    return len(filled) > 1 and all(len(v) > 1 and v.startswith('"') and v.endswith('"') for v in filled)


def _placed(columns: tuple[Column, ...], normal: list[str]) -> tuple[str | None, ...]:
    """The column of each header; a header that several columns share is resolved by its neighbours, in Amazon's order of columns."""
    answers = [[i for i, c in enumerate(columns) if n in c.headers] for n in normal]
    certain: list[int | None] = [a[0] if len(a) == 1 else None for a in answers]
    placed = list(certain)
    for at, options in enumerate(answers):
        if len(options) > 1:
            left = max((j for j in range(at) if certain[j] is not None), default=-1)
            right = min((j for j in range(at, len(normal)) if certain[j] is not None), default=len(normal))
            lowest = certain[left] if left >= 0 else -1
            highest = certain[right] if right < len(normal) else len(columns)
            assert lowest is not None
            assert highest is not None
            between = [o for o in options if lowest < o < highest]
            same = [j for j in range(left + 1, right) if normal[j] == normal[at]]
            if len(same) == len(between):
                placed[at] = between[same.index(at)]
    return tuple(columns[i].name if i is not None else None for i in placed)


def _candidates() -> list[tuple[ReportSpec, Layout | None, tuple[Column, ...]]]:
    found: list[tuple[ReportSpec, Layout | None, tuple[Column, ...]]] = []
    for spec in SPECS.values():
        if not spec.read_json:
            found.append((spec, None, spec.columns))
            found.extend((spec, layout, layout.columns) for layout in spec.layouts)
    return found


def _likeness(columns: tuple[Column, ...], normal: list[str]) -> float:
    """The share of required and usual columns that are present, times the share of known headers."""
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
        # If the first line matches too, the file has no header, and its first row must not be taken as one.
        if fits and _matches(spec, names, values) and not _matches(spec, names, list(headers)):
            return Shape(
                spec=spec, layout=None, delimiter=delimiter, header_line=header_line,
                field_names=tuple(names), headers=headers, by_position=True,
                quoted=_is_quoted(spec, delimiter, first, second),
            )  # fmt: skip
    return None


def _matches(spec: ReportSpec, names: list[str], values: list[str]) -> bool:
    row = dict(zip(names, values, strict=True))
    return all(re.fullmatch(probe, row[name]) for name, probe in spec.first_row_probes.items())


def _first_lines(head: str) -> tuple[int, str, str]:
    """The number of the first line that is not blank, the line, and the next one."""
    lines = (found[1] for found in re.finditer("([^\r\n]*)(?:\r\n|\r|\n|$)", head))
    for number, line in enumerate(lines, 1):
        if line.strip() and not re.fullmatch("sep=.", line):  # Excel's own first line
            return number, line, next(lines, "")
    raise Refusal("empty_file", "the file holds nothing but blank lines", "download it again")
