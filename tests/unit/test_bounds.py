"""Sizes above which a text is refused before it is split or parsed: by rule and line, with a remedy."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest

from seller_warehouse.core.documents import Refusal
from seller_warehouse.ingest import bounds
from seller_warehouse.ingest.bounds import MAX_COLUMNS, MAX_FIELD_LETTERS, MAX_HEADER_LETTERS, MAX_JSON_BYTES, MAX_JSON_DEPTH, MAX_LINE_BYTES
from seller_warehouse.ingest.header import recognise_file
from seller_warehouse.ingest.parse import prepare
from seller_warehouse.reports import SPECS
from tests.support import FIXTURES, NA, document_of, reimbursements

PERFORMANCE = (FIXTURES / "seller_performance" / "valid.json").read_text(encoding="utf-8")
HEADER, ROW = reimbursements({}).splitlines()


def lines(*parts: str) -> str:
    return "\n".join(parts) + "\n"


def nested(depth: int) -> str:
    """The report with something ``depth`` deep in it, on line 2."""
    return PERFORMANCE.rstrip().removesuffix("}") + ',\n"x": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


def place(line: int) -> int:
    return line + PERFORMANCE.rstrip().count("\n")


OVER = {
    "json_too_large": ("seller_performance", PERFORMANCE + " " * MAX_JSON_BYTES, 1),
    "json_too_deep": ("seller_performance", nested(MAX_JSON_DEPTH + 1), place(2)),
    "too_many_columns": ("reimbursements", lines("\t".join([HEADER, *(f"x{n}" for n in range(MAX_COLUMNS))]), ROW), 1),
    "header_too_long": ("reimbursements", lines(f"{HEADER}\t{'x' * (MAX_HEADER_LETTERS + 1)}", f"{ROW}\t"), 1),
    "field_too_long": ("reimbursements", lines(HEADER, ROW, ROW.replace("Desk Lamp", "ä" * (MAX_FIELD_LETTERS + 1))), 3),
    "line_too_long": ("reimbursements", lines(HEADER, ROW, ROW, ROW.replace("Desk Lamp", "x" * MAX_LINE_BYTES)), 4),
}


@pytest.mark.parametrize("rule", OVER)
def test_what_is_too_large_is_refused_by_its_rule_and_line(rule: str, tmp_path: Path) -> None:
    report, content, line = OVER[rule]
    with pytest.raises(Refusal, match=rf"^line {line}: .*; .+\.$") as refused:
        prepare(document_of(content, tmp_path, report=report), NA, tmp_path / "work")
    assert refused.value.rule == rule


@pytest.mark.parametrize("rule", ["json_too_large", "json_too_deep", "too_many_columns", "header_too_long"])
def test_it_is_refused_before_it_is_landed_where_the_report_is_recognised(rule: str, tmp_path: Path) -> None:
    (tmp_path / "dropped").write_text(OVER[rule][1], encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        recognise_file(tmp_path / "dropped", "cp1252")
    assert refused.value.rule == rule


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"orderCount"', '"orderCount": 7, "orderCount"', "the key 'orderCount' appears twice in one object"),
        ('"orderCount":', '"orderCount": NaN, "x":', "NaN is no number"),
        ('"status"', '"st\xe2\x82"', "line [0-9]+: the text is not valid UTF-8"),
    ],
)
def test_json_that_says_two_things_or_nothing_is_refused(old: str, new: str, says: str, tmp_path: Path) -> None:
    content = PERFORMANCE.replace(old, new, 1).encode("latin-1")
    assert content != PERFORMANCE.encode()
    with pytest.raises(Refusal, match=says):
        prepare(document_of(content, tmp_path, report="seller_performance"), NA, tmp_path / "work")


WITHIN = {
    "a JSON as deep as may be": ("seller_performance", nested(MAX_JSON_DEPTH)),
    "brackets inside a text": ("seller_performance", PERFORMANCE.rstrip().removesuffix("}") + f', "x": "{"[" * 99} \\" {"{" * 99}"}}'),
    "a field as long as may be": ("reimbursements", lines(HEADER, ROW.replace("Desk Lamp", "ä" * MAX_FIELD_LETTERS))),
    "lines that end in CR alone": ("reimbursements", lines(HEADER, *[ROW] * (2 * MAX_LINE_BYTES // len(ROW))).replace("\n", "\r")),
}  # fmt: skip


@pytest.mark.parametrize("case", WITHIN)
def test_what_is_within_the_bounds_loads(case: str, tmp_path: Path) -> None:
    report, content = WITHIN[case]
    assert prepare(document_of(content, tmp_path, report=report), NA, tmp_path / "work").row_count >= 1


def test_the_bounds_lie_far_above_every_known_report() -> None:
    widest = max(len(columns) for s in SPECS.values() for columns in (s.columns, *(layout.columns for layout in s.layouts)))
    longest = max(len(h) for s in SPECS.values() for c in s.columns for h in (c.header, *c.aliases))
    assert (widest, longest) == (91, 51)
    assert widest * 3 < MAX_COLUMNS
    assert longest * 9 < MAX_HEADER_LETTERS
    assert bounds.MAX_LINE_BYTES < 1 << 20, "a row must fit into a block of the reader"


@pytest.mark.parametrize("content", [b"[", b'"', b'"\\', b"[]", b'\\"'])
def test_the_depth_of_hostile_json_takes_time_by_its_length_alone(content: bytes) -> None:
    begun = time.process_time()
    with suppress(Refusal):
        bounds.refuse_deep_json(content * (1 << 18))
    assert time.process_time() - begun < 5


def test_a_header_as_wide_as_may_be_is_none_too_wide() -> None:
    bounds.refuse_wide_header(("x" * MAX_HEADER_LETTERS,) * MAX_COLUMNS, 1)


def test_the_depth_of_a_real_report() -> None:
    def depth(value: object) -> int:
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if inside is None else 1 + max(map(depth, inside), default=0)

    assert depth(json.loads(PERFORMANCE)) * 5 < MAX_JSON_DEPTH
