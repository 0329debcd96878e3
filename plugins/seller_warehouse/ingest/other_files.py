"""Files that are not reports but are often dropped instead of one; the refusal names the report with the same content."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from seller_warehouse.core.documents import Refusal
from seller_warehouse.core.report_spec import normalise_header

_FLAT_FILE = "Seller Central > Payments > Reports Repository, Settlement, Flat File V2"
_DATE_RANGE_REMEDY = (
    f"the same money is in the settlements: download those of these days as text from {_FLAT_FILE}; "
    "reimbursements are also in the FBA reimbursements report"
)

_DATE_AND_SETTLEMENT = (
    ("date/time", "settlement id"),
    ("fecha/hora", "Id. de liquidación"),
    ("date/heure", "numéro de versement"),
    ("date/heure", "Identifiant du paiement"),
    ("Datum/Uhrzeit", "Abrechnungsnummer"),
    ("Data/Ora", "Numero pagamento"),
    ("fecha y hora", "identificador de pago"),
    ("datum/tijd", "schikkings-ID"),
    ("datum/tid", "reglerings-id"),
    ("data/godzina", "identyfikator rozliczenia"),
    ("日付/時間", "決済番号"),
)
"""The first two headers of the date range report, by language (header tables of public parsers)."""

_HEADS = frozenset((normalise_header(d), normalise_header(s)) for d, s in _DATE_AND_SETTLEMENT)
_PREAMBLE_LINES = 20
_LEAST_COLUMNS = 15


def refuse_markup(head: str) -> None:
    """Raise Refusal if the text is a web page or XML."""
    start = head.lstrip("\ufeff \t\r\n")
    if not start.startswith("<"):
        return
    line = head[: head.index("<")].count("\n") + 1
    if not (start.startswith("<?xml") or "<AmazonEnvelope" in start[:2000]) or re.search(r"<(!doctype\s+)?html", start[:2000], re.IGNORECASE):
        raise Refusal("no_report", "this is a web page, not a report", "sign in to Seller Central and download the report again", line)
    if "SettlementReport" in start:
        what = "this is a settlement in XML, which holds the same but is not read"
        raise Refusal("xml_settlement", what, f"download this settlement as text: {_FLAT_FILE}", line)
    if "Excel.Sheet" in start[:2000] or "office:spreadsheet" in start[:2000]:
        raise Refusal("no_report", "this is a workbook of Excel in XML", "save it as XLSX, or as CSV in UTF-8", line)
    raise Refusal("no_report", "this is XML, not a report as text", "download the report as a flat file (text or CSV)", line)


def refuse_date_range(head: str, is_known: Callable[[list[str]], bool]) -> None:
    """Raise Refusal if the text is the date range report of payments, also called Custom Unified Transaction, in any language.

    It begins with some lines of explanation and has some thirty columns; one is called SKU in every language. If the explanation has been removed,
    its first two headers identify it. ``is_known`` returns whether headers are those of a report.
    """
    lines = [line for line in re.split(r"\r\n|\r|\n", head)[: _PREAMBLE_LINES * 2] if line.strip()][:_PREAMBLE_LINES]
    for number, line in enumerate(lines):
        for delimiter in ",;\t":
            fields = [normalise_header(f) for f in line.split(delimiter)]
            is_named = any(pair in _HEADS for pair in itertools.pairwise(fields))
            has_preamble = number > 0 and all(_is_sentence(before, delimiter, len(fields)) for before in lines[:number])
            if is_named or (has_preamble and len(fields) >= _LEAST_COLUMNS and "sku" in fields and not is_known(fields)):
                at = re.split(r"\r\n|\r|\n", head).index(line) + 1
                what = "this is the date range report of payments (Transaction, or Custom Unified Transaction), which is not read"
                raise Refusal("date_range_report", what, _DATE_RANGE_REMEDY, at)


def _is_sentence(line: str, delimiter: str, columns: int) -> bool:
    """Whether a line is prose and not a row of columns; a sentence may contain some commas."""
    filled = [f for f in line.split(delimiter) if f.strip(' "')]
    return len(filled) * 2 < columns
