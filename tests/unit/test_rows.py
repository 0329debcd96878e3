"""Rows of quoted text without doubled quotes, and rows with one tab too many: none is lost or swallowed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seller_warehouse.core.documents import Refusal
from seller_warehouse.ingest.parse import prepare
from seller_warehouse.reports import SPECS
from tests.support import FIXTURES, NA, document_of, reimbursements

LEDGER = (
    "Date,FNSKU,ASIN,MSKU,Title,Event Type,Reference ID,Quantity,Fulfillment Center,Disposition,Reason,Country,"
    "Reconciled Quantity,Unreconciled Quantity"
).split(",")
CATALOG = "seller-sku,asin,parent-asin,title,image-url"
CLAIMS = "case-id,order-id,seller-sku,units,filed-date,status,closed-date"

Read = Callable[..., dict[str, list[Any]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(content: str, report: str) -> dict[str, list[Any]]:
        prepared = prepare(document_of(content, tmp_path, report=report), NA, tmp_path / "work")
        columns: dict[str, list[Any]] = pq.read_table(prepared.parquet).to_pydict()
        return columns

    return read


def ledger(*titles: str, delimiter: str = "\t", ending: str = "\n") -> str:
    """A ledger with every field in quotes, and none inside a title doubled; the n-th row has FNSKU Xn."""
    rows = [
        ["11/01/2026", f"X{n}", "B0LAMP0001", "LAMP-01", title, "Adjustments", "211", "-1", "LGB3", "SELLABLE", "M", "US", "", ""]
        for n, title in enumerate(titles)
    ]
    return "".join(delimiter.join(f'"{v}"' for v in row) + ending for row in [LEDGER, *rows])


TITLES = ['27"', '"', '5" x 3"', '"Pro"', '"Pro" x', 'x "Pro"', 'a "" b" c', "", '10"", 5"', '6", 7", 8"', '"a", "b"', '8"; 9"']


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_a_quote_ends_a_value_only_before_a_delimiter_or_the_line_end(read: Read, delimiter: str, ending: str) -> None:
    found = read(ledger(*TITLES, delimiter=delimiter, ending=ending), "inventory_ledger")
    assert found["title"] == TITLES
    assert found["fnsku"] == [f"X{n}" for n in range(len(TITLES))]
    assert found["_line"] == list(range(2, len(TITLES) + 2))


def test_a_value_may_have_both_newlines_and_quotes_that_are_not_doubled(read: Read) -> None:
    titles = ['27" wide\nblack', "two\nlines", 'a 5"\nb 6"', '9"\nx', "last"]
    found = read(ledger(*titles), "inventory_ledger")
    assert (found["title"], found["_line"]) == (titles, [2, 4, 6, 8, 10])


def test_doubled_quotes_stay_one_beside_quotes_that_are_not(read: Read) -> None:
    rows = ['A,B,,"10"" lamp, big",', 'C,D,,Lamp 10",', 'E,F,,"Lamp 10""",', 'G,H,,"Lamp 10"",', 'I,J,,"""Best""",', 'K,L,,"Best" Mug,']
    found = read("\n".join([CATALOG, *rows]) + "\n", "product_catalog")
    assert found["title"] == ['10" lamp, big', 'Lamp 10"', 'Lamp 10"', 'Lamp 10"', '"Best"', '"Best" Mug']
    assert found["seller_sku"] == ["A", "C", "E", "G", "I", "K"]


def test_a_long_value_of_lines_and_commas_is_no_row_of_its_own(read: Read) -> None:
    found = read(f'{CLAIMS}\n1,"111",A-1,1,2026-10-01,"Open, a, b\nc, d, e, f, g, h, i",\n2,x,A-2,1,2026-10-02,Open,\n', "claims")
    assert (found["case_id"], found["_line"]) == (["1", "2"], [2, 4])
    assert found["status"] == ["Open, a, b\nc, d, e, f, g, h, i", "Open"]


ORDER = "111-1111111-111111"


@pytest.mark.parametrize(
    ("rows", "line", "says"),
    [
        ([f'1,"{ORDER}1,A,1,2026-10-01,Open,', f"2,{ORDER}2,A,1,2026-10-02,Open,", f'3,{ORDER}3",A,1,2026-10-03,Open,'], 2, "over line 3"),
        ([f"1,{ORDER}1,A,1,2026-10-01,Open,", f'2,"{ORDER}2,A,1,2026-10-02,Open,', f'3,{ORDER}3",A,1,2026-10-03,Open,'], 3, "over line 4"),
        ([f'1,"{ORDER}1,A,1,2026-10-01,Open,', f"2,{ORDER}2,A,1,2026-10-02,Open,"], 2, "over line 3"),
        ([f'1,"{ORDER}1,A,1,2026-10-01,Open,'], 2, "cut inside a quoted value"),
    ],
    ids=["closed two rows on", "closed in the next row", "never closed", "never closed in the last row"],
)
def test_a_quote_that_would_swallow_rows_is_refused_with_its_line(read: Read, rows: list[str], line: int, says: str) -> None:
    with pytest.raises(Refusal, match=rf"^line {line}: .*{says}") as refused:
        read("\n".join([CLAIMS, *rows]) + "\n", "claims")
    assert refused.value.rule in ("stray_quote", "row_cut")


@pytest.mark.parametrize("title", ['a","b', '1" x 2","3"'], ids=["quote, comma, quote", "twice"])
def test_a_row_that_can_be_read_in_two_ways_is_refused(read: Read, title: str) -> None:
    with pytest.raises(Refusal, match=r"^line 3: the row has 15 fields where the header has 14 \(too many\); look for a comma inside a value"):
        read(ledger("plain", title, "plain", delimiter=","), "inventory_ledger")


def test_a_quoted_row_cut_in_the_middle_of_the_file_is_a_cut_one(read: Read) -> None:
    first, second, third, fourth = ledger("one", "two", "three").splitlines()
    with pytest.raises(Refusal, match=r"^line 3: the row has 5 fields where the header has 14 \(cut\)"):
        read("\n".join([first, second, third.split('\t"Adjustments"')[0], fourth]) + "\n", "inventory_ledger")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(alphabet='"" ,;\tax5\n', max_size=8), min_size=1, max_size=4), st.sampled_from("\t,;"))
def test_whatever_the_titles_no_row_is_lost_or_swallowed(titles: list[str], delimiter: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        document = document_of(ledger(*titles, delimiter=delimiter), Path(folder), report="inventory_ledger")
        try:
            found = pq.read_table(prepare(document, NA, Path(folder) / "work").parquet).to_pydict()
        except Refusal:
            return
    assert found["fnsku"] == [f"X{n}" for n in range(len(titles))]
    assert found["event_type"] == ["Adjustments"] * len(titles)


# Tab-separated reports that Amazon does not quote


def quoted(line: str) -> str:
    return "\t".join(f'"{v}"' for v in line.split("\t"))


@pytest.mark.parametrize("quoted_lines", ["all", "rows"], ids=["header and rows", "rows alone"])
def test_a_report_that_somebody_has_quoted_is_read_as_quoted(read: Read, quoted_lines: str) -> None:
    header, *rows = reimbursements({"product-name": '27"'}, {"product-name": '5" x 3" board'}, {"case-id": "9"}).splitlines()
    found = read("\n".join([quoted(header) if quoted_lines == "all" else header, *map(quoted, rows)]) + "\n", "reimbursements")
    assert found["product_name"] == ['27"', '5" x 3" board', "Desk Lamp"]
    assert (found["currency_code"], found["case_id"]) == (["USD"] * 3, ["", "", "9"])


RETURNS = (FIXTURES / "mfn_returns" / "valid.txt").read_text(encoding="utf-8").splitlines()


def with_tab(line: str, place: int) -> str:
    values = line.split("\t")
    return "\t".join([*values[:place], "", *values[place:]])


@pytest.mark.parametrize("place", [5, 9, 16])
def test_a_row_with_a_tab_too_many_is_set_aside_where_amazon_always_sends_it_so(tmp_path: Path, place: int) -> None:
    header, first, second, *rest = RETURNS
    content = "\n".join([header, first, with_tab(second, place), *rest]) + "\n"
    prepared = prepare(document_of(content, tmp_path, report="mfn_returns"), NA, tmp_path / "work")
    assert prepared.row_count == len(RETURNS) - 2
    assert pq.read_table(prepared.parquet).to_pydict()["_line"] == [2, *range(4, len(RETURNS) + 1)]
    assert prepared.warning_rows == {"rows_set_aside": [{"_line": 3, "text": with_tab(second, place)}]}


@pytest.mark.parametrize("content", [[RETURNS[0], *(with_tab(r, 9) for r in RETURNS[1:])], [RETURNS[0], *RETURNS[1:3], RETURNS[3][:60]]])
def test_a_file_with_most_rows_wrong_or_a_cut_one_is_refused_all_the_same(read: Read, content: list[str]) -> None:
    with pytest.raises(Refusal, match=r"^line \d: the row has \d+ fields where the header has"):
        read("\n".join(content) + "\n", "mfn_returns")


def test_the_report_that_sets_rows_aside_holds_nothing_personal_since_their_text_is_kept() -> None:
    setting_aside = [s for s in SPECS.values() if s.sets_aside]
    assert [s.name for s in setting_aside] == ["mfn_returns"]
    assert not [c for s in setting_aside for c in s.columns if c.personal]
