"""Containers of a report, and files dropped by mistake: read, or refused by name with a remedy."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Refusal, Verdict
from seller_warehouse.ingest import containers, decode, workbook
from seller_warehouse.ingest.gate import judge
from seller_warehouse.ingest.header import recognise_file
from seller_warehouse.ingest.parse import Prepared, prepare
from tests.support import EU, FIXTURES, NA, document_of, reimbursements

TEXT = reimbursements({"reimbursement-id": "30040000001"}, {"reimbursement-id": "30040000002"})
HEADER, ROW, _ = (line.split("\t") for line in TEXT.splitlines())
ID, SKU, FNSKU, AMOUNT = (HEADER.index(h) for h in ("reimbursement-id", "sku", "fnsku", "amount-total"))

Read = Callable[..., tuple[dict[str, list[Any]], Prepared]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Recognise and parse a file, as a drop into the inbox does."""

    def read(content: bytes, account: Account = NA) -> tuple[dict[str, list[Any]], Prepared]:
        (tmp_path / "dropped").write_bytes(content)
        report = recognise_file(tmp_path / "dropped", account.fallback_charset)
        prepared = prepare(document_of(content, tmp_path, report=report, account=account), account, tmp_path / "work")
        columns: dict[str, list[Any]] = pq.read_table(prepared.parquet).to_pydict()
        return columns, prepared

    return read


def zipped(**files: str | bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()


def sheets(formats: dict[str, str] | None = None, /, **pages: list[list[Any]]) -> bytes:
    """A workbook with these sheets; ``formats`` are those of cells of the first."""
    book, written = Workbook(), io.BytesIO()
    book.remove(book.active)
    for name, rows in pages.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    for cell, number_format in (formats or {}).items():
        book.worksheets[0][cell].number_format = number_format
    book.save(written)
    return written.getvalue()


def row(**values: Any) -> list[Any]:
    """A row of the reimbursements report with some changed values."""
    return [values.get(h.replace("-", "_"), v) for h, v in zip(HEADER, ROW, strict=True)]


# Read


@pytest.mark.parametrize(
    "content",
    [
        zipped(**{"report.txt": TEXT}),
        zipped(**{"report.txt": TEXT, "__MACOSX/._report.txt": "x", ".DS_Store": "x", "folder/": ""}),
        zipped(**{"report.gz": gzip.compress(TEXT.encode())}),
        zipped(**{"inner.zip": zipped(**{"report.txt": TEXT})}),
        gzip.compress(zipped(**{"report.txt": TEXT})),
        sheets(Sheet=[HEADER, row(), row(reimbursement_id="30040000002")]),
        sheets(Sheet=[HEADER, row(), row(reimbursement_id="30040000002")], Sheet2=[], Sheet3=[["", None]]),
        zipped(**{"report.xlsx": sheets(Sheet=[HEADER, row(), row(reimbursement_id="30040000002")])}),
    ],
    ids=["zip", "zip of a Mac", "gzip in zip", "zip in zip", "zip in gzip", "workbook", "workbook with blank sheets", "workbook in zip"],
)
def test_one_report_is_read_out_of_what_wraps_it(read: Read, content: bytes) -> None:
    found, prepared = read(content)
    assert found["amount_total"] == ["10.00", "10.00"]
    assert (prepared.row_count, prepared.warnings) == (2, {})


def test_the_numbers_of_a_sheet_keep_their_digits_and_its_days_become_iso(read: Read) -> None:
    numeric = row(
        approval_date=datetime.fromisoformat("2026-11-02T08:30"), reimbursement_id=30040000001, amount_per_unit=0.1 + 0.2, amount_total=1234.5
    )
    found, prepared = read(sheets(Sheet=[HEADER, numeric, [], row(approval_date=date(2026, 11, 3), quantity_reimbursed_cash=7.0)]))
    kept = ("approval_date", "reimbursement_id", "amount_per_unit", "amount_total", "quantity_reimbursed_cash", "_line")
    assert [found[c] for c in kept] == [
        ["2026-11-02T08:30:00", "2026-11-03"], ["30040000001", ROW[ID]], ["0.3", "10.00"], ["1234.5", "10.00"], ["1", "7"], [2, 4],
    ]  # fmt: skip
    assert set(prepared.warnings) == {"sheet_numbers"}
    assert "reimbursement-id" in prepared.warnings["sheet_numbers"]


def test_zeros_that_the_format_of_a_cell_shows_are_part_of_an_id_and_lost_ones_are_warned_of(read: Read) -> None:
    content = sheets({"F2": "0000"}, Sheet=[HEADER, row(sku=7), row(sku="0008")])
    found, prepared = read(content)
    assert (found["sku"], prepared.warnings) == (["0007", "0008"], {})
    found, prepared = read(sheets(Sheet=[HEADER, row(sku=7)]))
    assert found["sku"] == ["7"]
    assert "cells of sku are numbers in the workbook; zeros in front" in prepared.warnings["sheet_numbers"]


def test_a_sum_of_amounts_is_the_one_that_excel_shows(read: Read) -> None:
    # Excel stores 17 digits and shows 15.
    content, written = io.BytesIO(sheets(Sheet=[HEADER, row(amount_total=0.3)])), io.BytesIO()
    with zipfile.ZipFile(content) as source, zipfile.ZipFile(written, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b"<v>0.3</v>", b"<v>0.30000000000000004</v>"))
    assert b"0.30000000000000004" in written.getvalue()
    assert read(written.getvalue())[0]["amount_total"] == ["0.3"]


@pytest.mark.parametrize(("number", "shown"), [(1.2345678901234501e17, "1.23456789012345E+17"), (123456789012345000, "1.23456789012345E+17")])
def test_an_id_of_more_digits_than_a_spreadsheet_keeps_is_found_by_the_gate(tmp_path: Path, number: float, shown: str) -> None:
    content = sheets(Sheet=[HEADER, row(reimbursement_id=number)])
    judged = judge(document_of(content, tmp_path, report="reimbursements", file_name="r.xlsx"), NA, tmp_path / "work")
    assert judged.verdict is Verdict.QUARANTINED
    assert judged.reason.startswith(
        f"r.xlsx, line 2: a spreadsheet has shortened an id, such as 8.11E+09 or 8,11E+09 (damaged_id=\"reimbursement_id='{shown}'"
    )


def test_the_numbers_of_a_sheet_have_a_point_whatever_the_account_writes(read: Read) -> None:
    found, prepared = read(sheets(Sheet=[HEADER, row(amount_per_unit=1.255, amount_total=1.255)]), EU.model_copy(update={"decimal_comma": True}))
    assert (found["amount_total"], prepared.decimal_mark, prepared.decimal_mark_is_certain) == (["1.255"], ".", True)


def test_days_that_a_spreadsheet_understood_are_warned_of_where_amazon_writes_the_month_first(read: Read) -> None:
    header, first = ((FIXTURES / "inventory_ledger" / "valid.txt").read_text(encoding="utf-8").replace('"', "").splitlines())[:2]
    cells: list[Any] = first.split("\t")
    cells[0] = date(2026, 11, 1)
    found, prepared = read(sheets(Sheet=[header.split("\t"), cells]))
    assert (found["date"], prepared.window) == (["2026-11-01"], (date(2026, 11, 1), date(2026, 11, 1)))
    assert "check that it did not take the day for the month" in prepared.warnings["sheet_dates"]


def test_quotes_commas_and_newlines_in_a_cell_stay_as_they_are(read: Read) -> None:
    title = '10" lamp, 5 "W";\nblue\ttab'
    found, _ = read(sheets(Sheet=[HEADER, row(product_name=title), row()]))
    assert found["product_name"] == [title, "Desk Lamp"]


# Refused


def encrypted() -> bytes:
    content = bytearray(zipped(**{"report.txt": TEXT}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def packed_oddly() -> bytes:
    content = bytearray(zipped(**{"report.txt": TEXT}))
    content[8] = content[content.index(b"PK\x01\x02") + 10] = 99
    return bytes(content)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
PREAMBLE = '"Umfasst Amazon Marketplace und Versand durch Amazon"\n"Alle Beträge in EUR"\n"Definitionen:"\n'
MORE = [f"c{n}" for n in range(22)]

REFUSED = {
    "two reports": (zipped(a=TEXT, b=TEXT), "several_files", ("holds 2 files (a, b)", "drop each file by itself")),
    "nothing packed": (zipped(), "empty_file", ("the ZIP file holds no file", "unpacked")),
    "password": (encrypted(), "protected", ("protected by a password", "unpack it")),
    "odd packing": (packed_oddly(), "no_text", ("packs report.txt in a way that is not read", "unpack it")),
    "packed four times": (zipped(a=zipped(b=zipped(c=zipped(d=TEXT)))), "no_text", ("more than three times", "unpack it")),
    "cut zip": (zipped(a=TEXT)[:-30], "damaged_zip", ("cut or damaged", "download it again")),
    "two sheets": (sheets(One=[HEADER, row()], Two=[["note"]]), "several_sheets", ("2 sheets", "(One, Two)", "save each sheet")),
    "blank workbook": (sheets(One=[]), "empty_file", ("the workbook holds nothing", "download")),
    "formula": (sheets(One=[HEADER, row(amount_total="=1+1")]), "formula", ("line 2", "cell M2", "insert them as values")),
    "error": (sheets(One=[HEADER, row(sku="#N/A")]), "cell_error", ("line 2", "cell F2", "#N/A", "correct the cell")),
    "damaged workbook": (zipped(**{"xl/workbook.xml": "<x", "[Content_Types].xml": "<x"}), "damaged_workbook", ("cannot be read", "CSV")),
    "ods": (zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "no_text", ("ODS", "save it as XLSX")),
    "docx": (zipped(**{"[Content_Types].xml": "", "word/document.xml": ""}), "no_text", ("DOCX", "save it as XLSX")),
    "xls": (OLE, "no_text", ("old Excel (XLS)", "save it as XLSX")),
    "workbook with a password": (OLE + "EncryptedPackage".encode("utf-16-le"), "no_text", ("password", "without a password")),
    "pdf": (b"%PDF-1.7\n1 0 obj", "no_text", ("PDF", "as text or CSV")),
    "rar": (b"Rar!\x1a\x07\x00", "no_text", ("RAR", "unpack it")),
    "picture": (b"\x89PNG\r\n\x1a\n", "no_text", ("a picture", "download the report itself")),
    "web page": (b"\n\n<html><body>Sign-In</body></html>", "no_report", ("line 3", "web page", "sign in")),
    "xhtml": (b'<?xml version="1.0"?>\n<!DOCTYPE html><html>', "no_report", ("web page", "sign in")),
    "other xml": (b'<?xml version="1.0"?>\n<AmazonEnvelope><MessageType>Order</MessageType>', "no_report", ("XML", "flat file")),
    "xml workbook": (b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>', "no_report", ("Excel in XML", "XLSX")),
    "utf-16 xml": ("<?xml?><AmazonEnvelope><SettlementReport>".encode("utf-16"), "xml_settlement", ("in XML", "Flat File V2")),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_single_report_is_refused_by_its_name(read: Read, case: str) -> None:
    content, rule, says = REFUSED[case]
    with pytest.raises(Refusal) as refused:
        read(content)
    assert refused.value.rule == rule
    assert not [words for words in says if words not in str(refused.value)]


@pytest.mark.parametrize(
    "headers",
    [
        ["date/time", "settlement ID", "type", "order ID", "sku"],
        ["Datum/Uhrzeit", "Abrechnungsnummer", "Typ", "Bestellnummer", "SKU"],
        ["date/heure", "numéro de versement", "type", "numéro de la commande", "sku"],
        ["Data/Ora:", "Numero pagamento", "Tipo", "Numero ordine", "SKU"],
        ["fecha y hora", "identificador de pago", "tipo", "número de pedido", "sku"],
        ["日付/時間", "決済番号", "トランザクションの種類", "注文番号", "SKU"],
    ],
    ids=["en", "de", "fr", "it", "es", "ja"],
)
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("preamble", ["", PREAMBLE], ids=["bare", "with preamble"])
def test_a_date_range_report_is_told_in_any_language_with_the_report_that_holds_the_same(
    read: Read, headers: list[str], delimiter: str, preamble: str
) -> None:
    with pytest.raises(Refusal, match=r"Settlement, Flat File V2.*the FBA reimbursements report") as refused:
        read((preamble + delimiter.join([*headers, *MORE]) + "\n" + delimiter.join("x" * 27) + "\n").encode())
    assert refused.value.rule == "date_range_report"
    assert f"line {4 if preamble else 1}: " in str(refused.value)


def test_a_date_range_report_in_a_language_without_a_dictionary_is_told_by_its_preamble(read: Read) -> None:
    headers = ["tarih/saat", "ödeme no", "tür", "sipariş no", "sku", *MORE]
    with pytest.raises(Refusal) as refused:
        read((PREAMBLE + ",".join(headers) + "\n").encode())
    assert refused.value.rule == "date_range_report"


def test_a_report_under_a_title_line_is_not_taken_for_a_date_range_report(read: Read) -> None:
    with pytest.raises(Refusal) as refused:
        read(b"Orders of October, sku by sku\n" + (FIXTURES / "orders" / "valid.txt").read_bytes())
    assert refused.value.rule == "unknown_header"


@pytest.mark.parametrize("limit", [decode, workbook])
def test_a_bomb_is_refused_before_it_is_unpacked(read: Read, monkeypatch: pytest.MonkeyPatch, limit: Any) -> None:
    monkeypatch.setattr(limit, "MAX_DOCUMENT_BYTES" if limit is decode else "MAX_WORKBOOK_BYTES", 4000)
    content = zipped(report=b"0" * 1_000_000) if limit is decode else sheets(One=[HEADER, *([row()] * 500)])
    monkeypatch.setattr(containers.zipfile.ZipFile, "open", None)
    with pytest.raises(Refusal) as refused:
        read(content)
    assert refused.value.rule == "too_large"
