"""Rows of quoted text without doubled quotes, and rows with one tab too many: none is lost or swallowed."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seller_warehouse.core.documents import Refusal
from seller_warehouse.ingest import rows as odd_rows
from seller_warehouse.ingest.header import recognise
from seller_warehouse.ingest.parse import prepare
from seller_warehouse.reports import SPECS
from tests.support import FIXTURES, NA, REIMBURSEMENTS, document_of, reimbursements

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


def test_doubled_quotes_are_one_and_quotes_in_bare_values_stay(read: Read) -> None:
    rows = ['A,B,,"10"" lamp, big",', 'C,D,,Lamp 10",', 'E,F,,"Lamp 10""",', 'I,J,,"""Best""",', 'K,L,,"10"", or\n12"" lamp",', "M,N,,x,"]
    found = read("\n".join([CATALOG, *rows]) + "\n", "product_catalog")
    assert found["title"] == ['10" lamp, big', 'Lamp 10"', 'Lamp 10"', '"Best"', '10", or\n12" lamp', "x"]
    assert (found["seller_sku"], found["_line"]) == (["A", "C", "E", "I", "K", "M"], [2, 3, 4, 5, 6, 8])


COSTS = "seller-sku,fnsku,currency,sourcing-cost,effective-from,origin"


@pytest.mark.parametrize(
    ("report", "header", "row", "begins"),
    [
        ("product_catalog", CATALOG, 'K,L,,"Best" Mug,', '"Best" Mug'),
        ("product_catalog", CATALOG, 'K,L,,"a" and ""b"",', '"a" and'),
        ("claims", CLAIMS, '"9"9,111,A-1,1,2026-10-01,Open,', '"9"9,111'),
        ("sourcing_costs", COSTS, 'A,,USD,"1"2.50,2026-01-01,SELLER', '"1"2.50'),
        ("sourcing_costs", COSTS.replace(",", ";"), 'A;;USD;"1"2,50;2026-01-01;SELLER', '"1"2,50'),
        ("reimbursements", ",".join(REIMBURSEMENTS), '2026-11-02,1,,,Lost_Warehouse,"LAMP"-1,X,B,Lamp,New,USD,1.00,1.00,1,0,1,,', '"LAMP"-1'),
        ("claims", CLAIMS.replace(",", "\t"), '9\t111\t"A"-1\t1\t2026-10-01\tOpen\t', '"A"-1'),
    ],
)
def test_text_after_a_closing_quote_is_refused_with_the_line_where_it_opened(read: Read, report: str, header: str, row: str, begins: str) -> None:
    plain = row.replace('"', "")
    with pytest.raises(Refusal, match=r"^line 4: text stands after the quote that closes the value '" + re.escape(begins)) as refused:
        read("\n".join([header, plain, plain, row, plain]) + "\n", report)
    assert refused.value.rule == "stray_quote"


SWALLOWED = ("a", "b,c", "", "x\n", "1,2,3", "2026-10-02")


@pytest.mark.parametrize("column", CLAIMS.split(","))
@pytest.mark.parametrize("inside", SWALLOWED)
def test_a_newline_in_a_value_that_is_no_free_text_is_refused_with_the_line_where_it_opened(read: Read, column: str, inside: str) -> None:
    row = dict(zip(CLAIMS.split(","), ["1", "111", "A-1", "1", "2026-10-01", "Open", ""], strict=True))
    plain = ",".join(row.values())
    row[column] = f'"{row[column]}\n{inside}"'
    with pytest.raises(
        Refusal, match=rf"^line 3: (the quote before .* opens a value of {column} that|a quote opens a value that would) run"
    ) as refused:
        read("\n".join([CLAIMS, plain, ",".join(row.values()), plain]) + "\n", "claims")
    assert refused.value.rule in ("newline_in_value", "stray_quote")


def test_the_line_is_that_of_the_value_where_another_one_before_it_has_lines_too(read: Read) -> None:
    row = 'S,"B\n0",,"a title\nof three\nlines",'
    with pytest.raises(Refusal, match=r"^line 2: the quote before 'B\\n0' opens a value of asin"):
        read(f"{CATALOG}\n{row}\n", "product_catalog")
    with pytest.raises(Refusal, match=r"^line 4: the quote before 'http\\n' opens a value of image-url"):
        read(f'{CATALOG}\nS,B0,,"a title\nof three\nlines","http\n"\n', "product_catalog")


def test_a_ledger_refuses_lines_in_an_id_too(read: Read) -> None:
    with pytest.raises(Refusal, match=r"^line 3: the quote before 'X1\\n' opens a value of FNSKU"):
        read(ledger("one", "two").replace('"X1"', '"X1\n"'), "inventory_ledger")


@pytest.mark.parametrize("torn", ['"FNSKU', 'FNSKU"', '"FN"SKU"', '"FNSKU"x'])
def test_a_header_with_a_quote_too_few_or_too_many_is_refused(read: Read, torn: str) -> None:
    with pytest.raises(Refusal, match=r"^line 1: a header has a quote that encloses nothing"):
        read(ledger("one").replace('"FNSKU"', torn, 1), "inventory_ledger")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_a_title_of_two_lines_is_the_same_whichever_system_saved_it(read: Read, ending: str) -> None:
    assert read(ledger("two\nlines").replace("\n", ending), "inventory_ledger")["title"] == ["two\nlines"]


def test_free_text_is_what_people_wrote() -> None:
    free = {c.name for s in SPECS.values() for c in (*s.columns, *(c for layout in s.layouts for c in layout.columns)) if c.free_text}
    assert free == {"product_name", "title", "item_name", "item_description", "item_note", "return_carrier"}


@pytest.mark.parametrize("rows", [1, 2, 3], ids="closed {} rows on".format)
@pytest.mark.parametrize("place", [5, 8, 9, 17], ids=["sku", "title", "condition", "last"])
def test_rows_that_a_quote_swallows_are_never_lost(read: Read, rows: int, place: int) -> None:
    lines = reimbursements(*({"reimbursement-id": str(n), "store": ""} for n in range(6))).replace("\t", ",").splitlines()
    opened, closed = lines[2].split(","), lines[2 + rows].split(",")
    opened[place], closed[place] = f'"{opened[place]}', f'{closed[place]}"'
    lines[2], lines[2 + rows] = ",".join(opened), ",".join(closed)
    with pytest.raises(Refusal, match=r"^line 3: a quote opens a value that would run on over line 4, which is a row of its own"):
        read("\n".join(lines) + "\n", "reimbursements")


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


def excel(*titles: str, sku: str = "LAMP-01") -> str:
    """A reimbursements report whose values are as Excel saves tab-separated text."""
    rows = [{"product-name": t, "sku": sku} for t in titles]
    return reimbursements(*({k: _as_excel(v) for k, v in row.items()} for row in rows))


def _as_excel(value: str) -> str:
    return '"' + value.replace('"', '""') + '"' if re.search('[",\t\n]', value) else value


@pytest.mark.parametrize(
    ("titles", "sku"),
    [
        (['10" Lamp, black'], "MUG, 2-Pack"),
        (["Lamp", "Plain lamp"], 'CABLE 5"'),
        (['10" Lamp', "Lamp"], "LAMP-01"),
        (["Lamp, black", "Lamp"], "LAMP-01"),
        (["two\nlines, one value", "Lamp"], "A,B"),
        (["tab\tinside", 'Lamp 10"'], "A,B"),
    ],
)
def test_tab_separated_text_as_excel_saves_it_is_read_as_what_it_is(read: Read, titles: list[str], sku: str) -> None:
    found = read(excel(*titles, sku=sku), "reimbursements")
    assert (found["product_name"], found["sku"]) == (titles, [sku] * len(titles))


@pytest.mark.parametrize(
    "titles",
    [
        ['"Best" Mug', "Lamp, black"], ['27"'], ['"Best"'], ['"Best, ever"', "Lamp, black"], ['"10"" x"', 'Lamp 10"'], ['"Pro', "Lamp"], ['"'],
        ['"Pro Monitor', '5" x 3"', '"a", b"'],
    ],
)  # fmt: skip
def test_quotes_of_titles_stay_where_the_text_is_as_amazon_sends_it(read: Read, titles: list[str]) -> None:
    assert read(reimbursements(*({"product-name": t} for t in titles)), "reimbursements")["product_name"] == titles


def test_a_file_that_is_neither_quoted_nor_not_is_refused_with_both_lines(read: Read) -> None:
    content = reimbursements({}, {"sku": '"MUG, 2-Pack"'}, {"product-name": '"Best" Mug'})
    with pytest.raises(Refusal, match=r"^line 4: product-name begins with a quote .*'\"Best\" Mug'.* enclose sku in line 3"):
        read(content, "reimbursements")


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


SHAPE = recognise(CLAIMS + "\n")
PIECES = st.sampled_from(
    ["", "a", "1", '"', '""', '"a"', '"a""b"', '"a,b"', ",", "\n", "\r", "\r\n", '"\n', 'x"y', " ", "é", "2026-11-01", '",', ',"']
)
VALUE = st.one_of(st.sampled_from(["", "a", '"a"', '""', '"a, ""b"""', "7", '"é"']), st.lists(PIECES, max_size=3).map("".join))
ROW = st.lists(VALUE, min_size=len(SHAPE.headers), max_size=len(SHAPE.headers)).map(",".join)
TEXT = st.lists(st.one_of(ROW, ROW, ROW, st.lists(PIECES, max_size=12).map("".join)), max_size=8)


@settings(max_examples=250, deadline=None, database=None)
@given(rows=TEXT, ending=st.sampled_from(["\n", "\r\n", "\r"]), ends=st.booleans(), first_line=st.sampled_from(["", "sep=,\n"]))
def test_rows_that_are_told_plain_at_a_glance_are_those_that_a_strict_reader_reads_so(
    rows: list[str], ending: str, ends: bool, first_line: str
) -> None:
    def found() -> Any:
        try:
            return list(odd_rows._odd_rows(text_file, replace(SHAPE, header_line=1 + bool(first_line))))
        except Refusal as refusal:
            return str(refusal)

    with tempfile.TemporaryDirectory() as folder:
        text_file = Path(folder) / "text"
        text_file.write_text(first_line + ending.join([CLAIMS, *rows]) + ending * ends, encoding="utf-8", newline="")
        at_a_glance = found()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(odd_rows, "_plain_rows", lambda *_: re.compile(b""))
            assert found() == at_a_glance
