"""From bytes to text columns: every row arrives once, as written, with its line number."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Refusal, Verdict
from seller_warehouse.core.report_spec import ISO
from seller_warehouse.ingest.damage import examine_utf8
from seller_warehouse.ingest.gate import judge
from seller_warehouse.ingest.header import recognise, recognise_file
from seller_warehouse.ingest.parse import Prepared, prepare
from seller_warehouse.reports import SPECS
from tests.support import EU, FIXTURES, NA, REIMBURSEMENTS, document_of, reimbursements

JP = Account(id="acme-jp", name="Acme Japan", region="fe", marketplaces=("A1VC38T7YXB528",), source="files")
DE = Account(id="acme-de", name="Acme Germany", region="eu", marketplaces=("A1PA6795UKMFR9",), source="files")

LEDGER = "Date FNSKU ASIN MSKU Title Event_Type Reference_ID Quantity Fulfillment_Center Disposition Reason Country Reconciled Unreconciled".split()
LEDGER = [h.replace("_", " ") for h in LEDGER[:-2]] + ["Reconciled Quantity", "Unreconciled Quantity"]


class Parsed:
    """A parsed document: its facts and its columns."""

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.columns: dict[str, list] = pq.read_table(prepared.parquet).to_pydict()

    def __getitem__(self, name: str) -> list:
        return self.columns[name]

    @property
    def lines(self) -> list[int]:
        return self.columns["_line"]


Parse = Callable[..., Parsed]


@pytest.fixture
def parse(tmp_path: Path) -> Parse:
    def parse(content: bytes | str, report: str = "reimbursements", account: Account = NA, **manifest: Any) -> Parsed:
        document = document_of(content, tmp_path, report=report, account=account, **manifest)
        return Parsed(prepare(document, account, tmp_path / "work"))

    return parse


def ledger(*titles: str) -> str:
    """A ledger report, every field in quotes, whose n-th row has FNSKU Xn."""
    rows = [
        ["11/01/2026", f"X{n}", "B0LAMP0001", "LAMP-01", title, "Adjustments", "211", "-16", "LGB3", "SELLABLE", "M", "US", "5", "11"]
        for n, title in enumerate(titles)
    ]
    return "".join("\t".join(f'"{v}"' for v in row) + "\n" for row in [LEDGER, *rows])


def numbered(count: int, **values: str) -> str:
    return reimbursements(*({"reimbursement-id": f"R{n}", **values} for n in range(count)))


# Bytes


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_gzip_is_known_by_its_magic_bytes_however_often_it_was_compressed(parse: Parse, tmp_path: Path, layers: int) -> None:
    data = numbered(3).encode()
    for _ in range(layers):
        data = gzip.compress(data)
    assert parse(data, file_name="report.txt")["reimbursement_id"] == ["R0", "R1", "R2"]
    (tmp_path / "named.gz").write_bytes(data)
    assert recognise_file(tmp_path / "named.gz", "cp1252") == "reimbursements"


def test_gzip_in_several_members_is_read_to_its_end(parse: Parse) -> None:
    header, *rows = numbered(3).splitlines(keepends=True)
    assert parse(gzip.compress((header + rows[0]).encode()) + gzip.compress("".join(rows[1:]).encode()))["reimbursement_id"] == ["R0", "R1", "R2"]


def test_gzip_with_a_wrong_checksum_is_refused(parse: Parse) -> None:
    data = gzip.compress(numbered(3).encode())
    with pytest.raises(Refusal, match="compressed file ends or breaks"):
        parse(data[:-8] + b"\0\0\0\0" + data[-4:])


# Charsets

TITLE = "Größe “M” – 5 €"


@pytest.mark.parametrize(
    ("encoded", "declared"),
    [
        (TITLE.encode("utf-8"), None),
        (TITLE.encode("utf-8"), "UTF-8"),
        (TITLE.encode("cp1252"), None),
        (TITLE.encode("cp1252"), "windows-1252"),
        (TITLE.encode("cp1252"), "Cp1252"),
    ],
    ids=["utf-8", "declared utf-8", "cp1252", "declared cp1252", "declared Cp1252"],
)
def test_text_is_read_in_the_charset_it_was_written_in(parse: Parse, encoded: bytes, declared: str | None) -> None:
    parsed = parse(numbered(2, **{"product-name": "HERE"}).encode().replace(b"HERE", encoded), charset=declared)
    assert parsed["product_name"] == [TITLE, TITLE]
    told = {} if declared or encoded == TITLE.encode() else {"charset": fallen_back(2, "cp1252")}
    assert parsed.prepared.warnings == told


def fallen_back(line: int, charset: str) -> str:
    return f"the text is not UTF-8 (line {line}) and was read in {charset}, as this account's marketplaces write it; check names and titles"


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_decides_and_is_no_part_of_the_header(parse: Parse, tmp_path: Path, charset: str) -> None:
    mark = "\ufeff" if charset.endswith("e") else ""
    data = (mark + numbered(2, **{"product-name": TITLE})).encode(charset)
    parsed = parse(data)
    assert parsed["approval_date"] == ["2026-11-02T08:00:00+00:00"] * 2
    assert parsed["product_name"] == [TITLE, TITLE]
    (tmp_path / "dropped").write_bytes(data)
    assert recognise_file(tmp_path / "dropped", "cp1252") == "reimbursements"


def test_japanese_text_is_read_as_cp932_where_the_account_sells_in_japan(parse: Parse) -> None:
    data = numbered(2, **{"product-name": "卓上ランプ①"}).encode("cp932")
    assert parse(data, account=JP)["product_name"] == ["卓上ランプ①"] * 2
    assert parse(data, charset="Windows-31J")["product_name"] == ["卓上ランプ①"] * 2


@pytest.mark.parametrize("declared", ["windows-1252", "ISO-8859-1", "Shift_JIS"])
def test_utf8_proves_itself_against_a_wrong_label_with_a_warning(parse: Parse, declared: str) -> None:
    parsed = parse(numbered(1, **{"product-name": TITLE}), charset=declared)
    assert parsed["product_name"] == [TITLE]
    assert parsed.prepared.warnings == {"charset": f"declared {declared}, but the text is UTF-8"}


def test_a_label_is_not_wrong_where_every_charset_reads_the_same(parse: Parse) -> None:
    assert parse(numbered(1), charset="windows-1252").prepared.warnings == {}


def test_a_character_over_the_border_of_two_chunks_is_whole(parse: Parse) -> None:
    header, row = numbered(1, **{"product-name": "HERE"}).splitlines()
    count, short = divmod((1 << 20) - len(header) - 1 - row.index("HERE") - 1, len(row) + 1)
    parsed = parse(f"{header}\n" + f"{row}\n" * count + f"{row.replace('HERE', 'x' * short + '€')}\n")
    assert parsed["product_name"][-1] == "x" * short + "€"


WESTERN = ["Größe für Straße", "Käse, Citroën, 90°", "Señor año £5", "Desk Lamp ®", "Lampe à poser"]
JAPANESE = ["卓上ランプ①", "LED灯", "iPhone用ケース", "USBｹｰﾌﾞﾙ", "赤", "A4用紙 90°", "椅子a", "Lamp 用"]


@pytest.mark.parametrize("title", WESTERN)
def test_western_text_of_an_account_that_sells_in_japan_is_not_read_as_japanese(parse: Parse, title: str) -> None:
    parsed = parse(numbered(1, **{"product-name": title}).encode("latin-1"), account=JP)
    assert parsed["product_name"] == [title]
    assert "read as ISO-8859-1; cp932, as this account writes it," in parsed.prepared.warnings["charset"]


def test_typographic_quotes_of_windows_are_named_as_such(parse: Parse) -> None:
    parsed = parse(numbered(1, **{"product-name": "Éclair “x” – Año"}).encode("cp1252"), account=JP)
    assert parsed["product_name"] == ["Éclair “x” – Año"]
    assert "read as Windows-1252" in parsed.prepared.warnings["charset"]


@pytest.mark.parametrize("title", JAPANESE)
def test_japanese_text_among_latin_letters_stays_japanese(parse: Parse, title: str) -> None:
    parsed = parse(numbered(1, **{"product-name": title}).encode("cp932"), account=JP)
    assert (parsed["product_name"], parsed.prepared.warnings) == ([title], {"charset": fallen_back(2, "cp932")})


def test_text_of_two_charsets_is_read_in_the_one_of_most_words_with_a_warning(parse: Parse) -> None:
    header, german, *japanese = numbered(4, **{"product-name": "HERE"}).encode().split(b"\n")
    rows = [header, german.replace(b"HERE", "Größe".encode("latin-1")), *(j.replace(b"HERE", "卓上ランプ".encode("cp932")) for j in japanese)]
    parsed = parse(b"\n".join(rows), account=JP)
    assert parsed["product_name"][1:] == ["卓上ランプ"] * 3
    assert "1 words of the text, read as cp932, mix Japanese signs and Western letters" in parsed.prepared.warnings["charset"]


ACCOUNTS_OF = {
    charset: Account(id=charset, name=charset, region=region, marketplaces=(marketplace,), source="files")
    for charset, region, marketplace in [
        ("cp1252", "eu", "A1PA6795UKMFR9"), ("cp1250", "eu", "A1C3SOZRARQ6R3"), ("cp1254", "eu", "A33AVAJ2PDY3EV"),
        ("cp1256", "eu", "A2VIGQ35RCS4UG"), ("cp932", "fe", "A1VC38T7YXB528"),
    ]
}  # fmt: skip


def titled(*titles: bytes) -> bytes:
    """A report with these titles, in the bytes given."""
    text = reimbursements(*({"reimbursement-id": str(n), "product-name": f"HERE{n};"} for n in range(len(titles)))).encode()
    for n, title in enumerate(titles):
        text = text.replace(f"HERE{n};".encode(), title)
    return text


@pytest.mark.parametrize(
    ("titles", "line", "column", "byte"),
    [
        (["Türklinke".encode(), "Größe".encode(), b"Lampe M\xc3"], 4, 83, "C3"),
        (["Café".encode(), b"caf\xe9 x"], 3, 79, "E9"),
        (["卓上ランプ".encode(), "卓上ランプ".encode()[:-1]], 3, 80, "E3"),
        ([b"\xff", "مصباح".encode(), "Ładowarka".encode()], 2, 76, "FF"),
        (["Lampe – 5 €".encode(), b"\xe2\x80", b"\x80", "•".encode()], 3, 76, "E2"),
        (["Größe".encode(), b"Gr\xc3\xb6\xc3e"], 3, 79, "C3"),
        (["Größe".encode(), b"\xc0\xaf", b"\xed\xa0\x80"], 3, 76, "C0"),
    ],
    ids=["cut letter", "one Latin letter", "Japanese", "invalid byte before", "signs", "beside a letter", "overlong and surrogate"],
)
def test_utf8_with_some_damage_is_refused_with_line_and_column_and_read_in_no_other_charset(
    parse: Parse, tmp_path: Path, titles: list[bytes], line: int, column: int, byte: str
) -> None:
    data = titled(*titles)
    (tmp_path / "dropped").write_bytes(data)
    for account, declared in [*((a, None) for a in ACCOUNTS_OF.values()), (JP, "UTF-8"), (JP, "Shift_JIS"), (NA, "windows-1252")]:
        with pytest.raises(Refusal, match=rf"^line {line}: column {column}: the byte {byte} is not valid UTF-8") as refused:
            parse(data, account=account, charset=declared)
        assert refused.value.rule == "charset"
        assert recognise_file(tmp_path / "dropped", account.fallback_charset) == "reimbursements"


@pytest.mark.parametrize(
    ("charset", "titles"),
    [
        ("cp1252", ["CAFÉ®", "Größe", "für"]),
        ("cp1252", ["GRÖßE Ü”", "RÉSERVÉ™", "Käse"]),
        ("cp1252", ["Größe", "Käse", "für", "Â® 2"]),
        ("cp1250", ["STÓŁ RÓŻOWY", "Świeca", "łóżko żółte"]),
        ("cp1254", ["IŞIK", "Ütü masası", "ağaç"]),
        ("cp1256", ["مصباح مكتب", "كرسي"]),
        ("cp932", ["ﾃｽﾄ", "ﾃｽ 卓上ランプ", "りし 赤い傘", "ｼｬﾂ"]),
    ],
)  # fmt: skip
def test_a_text_of_one_charset_that_holds_utf8_by_chance_is_read_in_it_with_a_warning(parse: Parse, charset: str, titles: list[str]) -> None:
    data = titled(*(t.encode(charset) for t in titles))
    parsed = parse(data, account=ACCOUNTS_OF[charset])
    assert parsed["product_name"] == titles
    assert f"was read in {charset}" in parsed.prepared.warnings["charset"]


def test_a_fall_back_names_a_line_that_may_be_utf8(parse: Parse) -> None:
    data = titled(*(b.encode("cp1252") for b in ("Größe", "für", "Käse")), "Öl".encode())
    assert parse(data, account=ACCOUNTS_OF["cp1252"]).prepared.warnings["charset"].endswith("; line 5 may be UTF-8")


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 1 << 20])
def test_the_place_of_the_damage_does_not_depend_on_how_the_bytes_come(chunk: int) -> None:
    data = "Größe\n卓上ランプ\tx".encode() + b"\xe3\x83 y\nf\xfcr\n"
    found = examine_utf8(data[at : at + chunk] for at in range(0, len(data), chunk))
    assert (found.broken_line, found.broken_column, found.broken_byte, found.broken, found.is_damaged) == (2, 8, 0xE3, 2, True)


@pytest.mark.parametrize("damaged", [b"\x82\x20", b"\xe5"])
def test_a_damaged_byte_in_japanese_text_does_not_make_it_western(parse: Parse, damaged: bytes) -> None:
    text = "ランプHERE".encode("cp932").replace(b"HERE", damaged)
    assert text.decode("cp1252").startswith("ƒ‰ƒ“ƒv")
    with pytest.raises(Refusal, match="line 2: the text is neither UTF-8 nor cp932"):
        parse(numbered(1, **{"product-name": "HERE"}).encode().replace(b"HERE", text), account=JP)


# Rows and lines


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_line_endings_do_not_matter(parse: Parse, ending: str) -> None:
    parsed = parse(numbered(3).replace("\n", ending))
    assert parsed["reimbursement_id"] == ["R0", "R1", "R2"]
    assert parsed["quantity_reimbursed_total"] == ["1", "1", "1"]
    assert parsed.lines == [2, 3, 4]
    assert parsed.prepared.warnings == {}


def test_equal_rows_stay_separate_rows(parse: Parse) -> None:
    assert parse(reimbursements({}, {}, {}))["reimbursement_id"] == ["1001"] * 3


def test_a_report_of_more_rows_than_a_block_keeps_their_order(parse: Parse) -> None:
    parsed = parse(numbered(20_000))
    assert parsed["reimbursement_id"] == [f"R{n}" for n in range(20_000)]
    assert parsed.lines == list(range(2, 20_002))


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_blank_lines_are_no_rows_but_count_as_lines(parse: Parse, ending: str) -> None:
    header, *rows = numbered(3).splitlines()
    parsed = parse(ending.join(["", header, rows[0], "", "", rows[1], "\t" * 17, rows[2], "", ""]))
    assert parsed["reimbursement_id"] == ["R0", "R1", "R2"]
    assert parsed.lines == [3, 6, 8]


def test_a_refusal_names_the_line_also_after_blank_lines(parse: Parse) -> None:
    header, *rows = numbered(3).splitlines()
    with pytest.raises(Refusal, match=r"^line 6: the row has 19 fields"):
        parse("\n".join([header, rows[0], "", "", rows[1], rows[2] + "\tmore"]) + "\n")


def test_values_are_trimmed_and_stay_text(parse: Parse) -> None:
    parsed = parse(reimbursements({"sku": "0007", "amount-total": "  10.50 ", "case-id": "NULL", "asin": "NA", "condition": "1e5"}))
    kept = ("sku", "amount_total", "case_id", "asin", "condition", "amazon_order_id")
    assert [parsed[c] for c in kept] == [["0007"], ["10.50"], ["NULL"], ["NA"], ["1e5"], [""]]


def test_a_last_line_without_newline_is_kept_and_said(parse: Parse) -> None:
    parsed = parse(numbered(2)[:-1])
    assert parsed["reimbursement_id"] == ["R0", "R1"]
    assert set(parsed.prepared.warnings) == {"no_final_newline"}


# Quotes


def test_a_quote_is_a_plain_character_where_the_report_does_not_quote(parse: Parse) -> None:
    titles = ['Desk Lamp 10"', '"Best" Mug', '"Mug, 2-Pack', 'a "" b']
    parsed = parse(reimbursements(*({"product-name": t} for t in titles)))
    assert parsed["product_name"] == titles
    assert parsed.lines == [2, 3, 4, 5]


def test_a_doubled_quote_is_one_where_the_report_quotes(parse: Parse) -> None:
    parsed = parse(ledger('Desk Lamp 10"" Deluxe', '""Best""', "plain"), "inventory_ledger")
    assert parsed["title"] == ['Desk Lamp 10" Deluxe', '"Best"', "plain"]
    assert parsed.lines == [2, 3, 4]


def test_tabs_and_newlines_inside_quotes_belong_to_the_value_and_lines_are_counted_on(parse: Parse) -> None:
    parsed = parse(ledger("one", "two\nlines", "a\ttab", "three\n\nlines", "last"), "inventory_ledger")
    assert parsed["title"] == ["one", "two\nlines", "a\ttab", "three\n\nlines", "last"]
    assert parsed["fnsku"] == ["X0", "X1", "X2", "X3", "X4"]
    assert parsed.lines == [2, 3, 5, 6, 9]


def test_a_refusal_names_the_line_also_after_newlines_inside_quotes(parse: Parse) -> None:
    with pytest.raises(Refusal, match=r"^line 5: the row has 15 fields"):
        parse(ledger("two\nlines", "plain", "last").rstrip("\n") + '\t"more"\n', "inventory_ledger")


def test_a_ledger_without_quotes_is_read_too(parse: Parse) -> None:
    parsed = parse(ledger("one", "two").replace('"', ""), "inventory_ledger")
    assert parsed["title"] == ["one", "two"]
    assert parsed["unreconciled_quantity"] == ["11", "11"]


@pytest.mark.parametrize("cut", [2, 6], ids=["in the last value", "in the value before"])
def test_text_that_ends_inside_quotes_is_cut(parse: Parse, cut: int) -> None:
    with pytest.raises(Refusal, match="cut") as refused:
        parse(ledger("one", "two").rstrip("\n")[:-cut], "inventory_ledger")
    assert refused.value.rule == "row_cut"


# Short rows


@pytest.mark.parametrize("left_out", [1, 2])
def test_a_row_may_leave_out_the_trailing_columns_its_spec_names(parse: Parse, left_out: int) -> None:
    header, *rows = numbered(3).splitlines()
    parsed = parse("\n".join([header, rows[0], rows[1].rsplit("\t", left_out)[0], rows[2]]) + "\n")
    assert parsed["reimbursement_id"] == ["R0", "R1", "R2"]
    assert parsed["quantity_reimbursed_total"] == ["1", "1", "1"]
    assert parsed["original_reimbursement_id"] == ["", "", ""]
    assert parsed.lines == [2, 3, 4]


def test_a_row_that_leaves_out_more_is_refused(parse: Parse) -> None:
    header, *rows = numbered(3).splitlines()
    with pytest.raises(Refusal, match=r"^line 3: the row has 15 fields where the header has 18"):
        parse("\n".join([header, rows[0], rows[1].rsplit("\t", 3)[0], rows[2]]) + "\n")


def test_a_short_last_row_without_newline_is_a_cut_one(parse: Parse) -> None:
    with pytest.raises(Refusal, match=r"^line 3: the row has 16 fields where the header has 18"):
        parse(numbered(2).rsplit("\t", 2)[0])


def test_only_trailing_columns_may_be_left_out_whatever_the_header_ends_in(parse: Parse) -> None:
    header, row = (line.rsplit("\t", 2)[0] for line in numbered(1).splitlines())
    assert header.endswith("\tquantity-reimbursed-total")
    with pytest.raises(Refusal, match=r"^line 2: the row has 15 fields where the header has 16"):
        parse(f"{header}\n{row.rsplit(chr(9), 1)[0]}\n")


# Comma and semicolon


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_comma_and_semicolon_text_is_quoted_as_spreadsheets_do(parse: Parse, delimiter: str) -> None:
    header = delimiter.join(["seller-sku", "asin", "parent-asin", "title", "image-url"])
    rows = ['0007{d}B0MUG00007{d}{d}"Mug, 2-Pack; blue"{d}', 'LAMP-01{d}{d}{d}"Lamp 10"" \nDeluxe"{d}', "SOAP-3{d}{d}{d}Soap{d}"]
    parsed = parse("\r\n".join([header, *(r.format(d=delimiter) for r in rows)]) + "\r\n", "product_catalog")
    assert parsed["seller_sku"] == ["0007", "LAMP-01", "SOAP-3"]
    assert parsed["title"] == ["Mug, 2-Pack; blue", 'Lamp 10" \nDeluxe', "Soap"]
    assert parsed.lines == [2, 3, 5]


# Headers


@pytest.mark.parametrize(
    "spell",
    [str.upper, lambda h: h.replace("-", " "), lambda h: h.replace("-", ""), lambda h: h.replace("-", "_"), lambda h: f'"{h}" '],
    ids=["upper", "blanks", "one word", "underscores", "quoted"],
)
def test_headers_are_compared_by_letters_and_digits_alone(parse: Parse, spell: Callable[[str], str]) -> None:
    header, rows = numbered(2).split("\n", 1)
    parsed = parse("\t".join(spell(h) for h in header.split("\t")) + "\n" + rows)
    assert parsed["reimbursement_id"] == ["R0", "R1"]
    assert parsed.prepared.warnings == {}


def test_columns_are_found_in_any_order(parse: Parse) -> None:
    rows = [line.split("\t")[::-1] for line in numbered(2).splitlines()]
    parsed = parse("\n".join("\t".join(r) for r in rows) + "\n")
    assert parsed["reimbursement_id"] == ["R0", "R1"]
    assert parsed["approval_date"] == ["2026-11-02T08:00:00+00:00"] * 2


WITH_ALIASES = [s.name for s in SPECS.values() if any(c.aliases for c in s.columns)]


@pytest.mark.parametrize("report", WITH_ALIASES)
def test_every_alias_of_a_report_is_understood(report: str) -> None:
    columns = SPECS[report].columns
    for column, alias in ((c, a) for c in columns for a in (*c.aliases, *c.shared)):
        shape = recognise("\t".join(alias if c is column else c.header for c in columns) + "\n")
        assert (shape.spec.name, shape.field_names) == (report, tuple(c.name for c in columns)), alias


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (["商品编码", "卖家 SKU", "价格"], ["listing_id", "seller_sku", "price"]),
        (["卖家 SKU", "商品编码", "价格"], ["seller_sku", None, "price"]),
        (["加急配送", "商品编码", "添加-删除"], ["expedited_shipping", "product_id", "add_delete"]),
        (
            ["加急配送", "不适用项目", "商品编码", "不适用项目", "添加-删除"],
            ["expedited_shipping", "zshop_boldface", "product_id", "bid_for_featured_placement", "add_delete"],
        ),
        (["加急配送", "不适用项目", "商品编码", "添加-删除"], ["expedited_shipping", None, "product_id", "add_delete"]),
        (["Nota sobre el producto", "Estado del producto", "Envío internacional"], ["item_note", "item_condition", "will_ship_internationally"]),
        (["merchant-shipping-group", "Estado del producto"], ["merchant_shipping_group", "status"]),
    ],
    ids=["between", "out of order", "second", "unused too", "one unused of two", "Spanish condition", "Spanish status"],
)
def test_a_word_for_two_columns_means_the_one_that_stands_there_in_amazons_order(headers: list[str], found: list[str | None]) -> None:
    always = {"item_name": "商品名称", "seller_sku": "卖家 SKU", "status": "状态"}
    first = [h for n, h in always.items() if n == "item_name"]
    last = [h for n, h in always.items() if n == "status" and "status" not in found]
    needed = [] if "seller_sku" in found else [always["seller_sku"]]
    shape = recognise("\t".join([*first, *needed, *headers, *last]) + "\n")
    assert shape.spec.name == "listings"
    assert list(shape.field_names)[len(first) + len(needed) : len(first) + len(needed) + len(headers)] == found


def test_columns_of_an_unknown_language_are_taken_by_position_with_a_warning(parse: Parse) -> None:
    parsed = parse(
        "Päivä\tArvosana\tKommentit\tVastaus\tTilaus\tSähköposti\n20.10.26\t2\tslow\t\t302-7000002-7000002\ta@example.com\n", "seller_feedback", DE
    )
    assert [parsed[c] for c in ("date", "rating", "order_id")] == [["20.10.26"], ["2"], ["302-7000002-7000002"]]
    assert "header_by_position" in parsed.prepared.warnings


@pytest.mark.parametrize(
    "row", ["20.10.26\t6\tslow\t\t302-7000002-7000002\ta", "20.10.26\t2\tslow\t\tnone\ta", "20.10.26\t2\tslow\t302-7000002-7000002\ta"]
)
def test_an_unknown_language_is_refused_where_the_first_row_does_not_fit(row: str) -> None:
    with pytest.raises(Refusal) as refused:
        recognise(f"Päivä\tArvosana\tKommentit\tVastaus\tTilaus\tSähköposti\n{row}\n")
    assert refused.value.rule == "unknown_header"


def test_a_repeated_column_is_refused() -> None:
    header = "\t".join([*REIMBURSEMENTS, "Reimbursement ID"])
    with pytest.raises(Refusal, match="the column reimbursement_id of reimbursements appears twice"):
        recognise(header + "\n")


# How values are written


@pytest.mark.parametrize(
    ("account", "amounts", "verdict"),
    [
        (NA, ["12.50", "1,250.00", "-1,234,567.89", "1250"], Verdict.PENDING),
        (NA, ["12,50"], Verdict.QUARANTINED),
        (NA, ["1.250,00"], Verdict.QUARANTINED),
        (NA, ["1,25,000.00"], Verdict.QUARANTINED),
        (NA, ["1.25000"], Verdict.QUARANTINED),
        (EU, ["12,50", "1.250,00", "-3,5"], Verdict.PENDING),
        (EU, ["12.50", "1,250.00"], Verdict.PENDING),
        (EU, ["1 250,00", "-1\u202f234\u202f567,8", "1\u00a0250"], Verdict.PENDING),
        (EU, ["1 250.00"], Verdict.QUARANTINED),
        (EU, ["12 50,00"], Verdict.QUARANTINED),
        (NA, ["1 250,00"], Verdict.QUARANTINED),
        (EU, ["12,50", "12.50"], Verdict.QUARANTINED),
        (EU, ["1.250"], Verdict.QUARANTINED),
        (EU, ["1,250"], Verdict.QUARANTINED),
        (EU, ["1.250", "12,50"], Verdict.PENDING),
        (EU, ["1250", "7"], Verdict.PENDING),
        (EU.model_copy(update={"decimal_comma": True}), ["1.250"], Verdict.PENDING),
        (EU.model_copy(update={"decimal_comma": False}), ["1,250"], Verdict.PENDING),
        (EU.model_copy(update={"decimal_comma": False}), ["12,50"], Verdict.QUARANTINED),
        (NA.model_copy(update={"decimal_comma": True}), ["12,50"], Verdict.PENDING),
    ],
    ids=lambda v: v.id if isinstance(v, Account) else " ".join(v) if isinstance(v, list) else str(v),
)
def test_amounts_are_read_as_the_account_writes_them_and_never_guessed(
    tmp_path: Path, account: Account, amounts: list[str], verdict: Verdict
) -> None:
    content = reimbursements(*({"amount-per-unit": "", "amount-total": a} for a in amounts))
    judged = judge(document_of(content, tmp_path, report="reimbursements", account=account), account, tmp_path / "work")
    assert (judged.verdict, judged.row_count) == (verdict, len(amounts)), judged.reason


@pytest.mark.parametrize(
    ("amounts", "mark"),
    [(["12,50", "1.250"], ","), (["12.50", "1,250"], "."), (["12,5"], ","), (["1\u202f250"], ","), (["7"], ".")],
)
def test_the_values_of_a_document_prove_its_decimal_mark(parse: Parse, amounts: list[str], mark: str) -> None:
    content = reimbursements(*({"amount-per-unit": "", "amount-total": a} for a in amounts))
    assert parse(content, account=EU).prepared.decimal_mark == mark


def test_a_minus_sign_is_a_hyphen_in_numbers_and_stays_in_texts(parse: Parse) -> None:
    row = {"amount-per-unit": "", "amount-total": "\u22121\u202f234,50", "quantity-reimbursed-cash": "\u22122", "sku": "\u22125"}
    columns = parse(reimbursements(row), account=EU).columns
    assert [columns[n] for n in ("amount_total", "quantity_reimbursed_cash", "sku")] == [["-1\u202f234,50"], ["-2"], ["\u22125"]]


COSTS = "seller-sku\tcurrency\tsourcing-cost\teffective-from\n"


@pytest.mark.parametrize(
    ("account", "days", "written"),
    [
        (NA, ["2026-10-01", "2026-11-02"], ISO),
        (NA, ["10/01/2026", "11/02/2026"], "%m/%d/%Y"),
        (NA, ["01/10/2026", "25/10/2026"], "%d/%m/%Y"),
        (NA, ["10/01/26"], "%m/%d/%y"),
        (DE, ["01.10.2026", "02.11.2026"], "%d.%m.%Y"),
        (EU, ["01/10/2026", "02.11.2026", "03/11/2026"], "%d/%m/%Y"),
        (JP, ["2026/10/01"], "%Y/%m/%d"),
    ],
)
def test_a_document_has_one_date_format_the_one_that_fits_most_values(parse: Parse, account: Account, days: list[str], written: str) -> None:
    content = COSTS + "".join(f"S{n}\tEUR\t1\t{day}\n" for n, day in enumerate(days))
    assert parse(content, "sourcing_costs", account).prepared.date_formats == {"effective_from": written}


def test_a_dropped_file_speaks_for_the_first_to_the_last_day_in_it(parse: Parse) -> None:
    days = ("2026-11-07T23:59:59+00:00", "2026-11-03T00:00:00-08:00", "2026-11-05T08:00:00+00:00")
    content = reimbursements(*({"approval-date": d} for d in days))
    assert parse(content).prepared.window == (date(2026, 11, 3), date(2026, 11, 7))
    asked = {"window_start": date(2026, 11, 1), "window_end": date(2026, 11, 30)}
    assert parse(content, **asked).prepared.window == (date(2026, 11, 1), date(2026, 11, 30))


# Personal data

PERSONAL = {s.name: [c for c in s.columns if c.personal] for s in SPECS.values() if any(c.personal for c in s.columns)}
MARKER = "Jane.Marker@example.com"


def test_the_reports_about_buyers_have_personal_columns() -> None:
    assert set(PERSONAL) >= {"customer_returns", "fulfilled_shipments", "orders", "seller_feedback"}
    assert {c.header for c in PERSONAL["seller_feedback"]} == {"Comments", "Your Response", "Rater Email"}
    assert {"buyer-email", "buyer-name", "recipient-name", "ship-address-1", "bill-postal-code"} <= {
        c.header for c in PERSONAL["fulfilled_shipments"]
    }


@pytest.mark.parametrize("report", PERSONAL)
def test_personal_columns_never_reach_the_parquet_under_any_spelling(tmp_path: Path, report: str) -> None:
    spec, case = SPECS[report], yaml.safe_load((FIXTURES / report / "case.yaml").read_text(encoding="utf-8"))
    account = Account(id="case", name="Case", source="files", **case["account"])
    header, row = (line.split("\t") for line in (FIXTURES / report / "valid.txt").read_text(encoding="utf-8").splitlines()[:2])
    values = dict(zip(recognise("\t".join(header)).field_names, row, strict=True))
    for spelling in range(max(len(c.aliases) for c in PERSONAL[report]) + 1):
        headers = ["new column", *((c.header, *c.aliases)[min(spelling, len(c.aliases)) if c.personal else 0] for c in spec.columns)]
        cells = [MARKER, *(MARKER if c.personal else values.get(c.name, "") for c in spec.columns)]
        document = document_of("\t".join(headers) + "\n" + "\t".join(cells) + "\n", tmp_path / str(spelling), report=report, account=account)
        prepared = prepare(document, account, tmp_path / str(spelling))
        table = pq.read_table(prepared.parquet)
        assert table.num_rows == 1
        assert set(table.column_names) == {c.name for c in spec.kept} | {"_line"}
        assert MARKER not in str(table.to_pydict()) + str(prepared)
        assert not any(MARKER.encode() in p.read_bytes() for p in (tmp_path / str(spelling)).rglob("*") if p != document.path and p.is_file())


def test_personal_columns_of_the_fixtures_never_reach_the_parquet(parse: Parse) -> None:
    for report in PERSONAL:
        case = yaml.safe_load((FIXTURES / report / "case.yaml").read_text(encoding="utf-8"))
        account = Account(id="case", name="Case", source="files", **case["account"])
        for path in sorted((FIXTURES / report).glob("*.txt")):
            assert not {c.name for c in PERSONAL[report]} & set(parse(path.read_bytes(), report, account).columns), path
