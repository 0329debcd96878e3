"""Report files as a large seller would download them: the ledger and the reimbursements, one file per month.

A file depends on nothing but the seed, the month and its number of rows: every value is a hash of the row's number.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import duckdb

from seller_warehouse.core.sql import identifier, text_literal
from seller_warehouse.reports import SPECS

LAST_DAY = date(2026, 10, 31)
RESTATED_AT = datetime(2026, 11, 15, 5, tzinfo=UTC)
RESTATED_MONTHS_BACK = 3

# 146 unique lines and 27 pairs make 200 lines: 27 % equal another one (reports/inventory_ledger.py).
_BLOCK, _ALONE = 200, 146

_TITLES = ('Desk Lamp 10" Deluxe, black', "Stoneware Mug, 2-Pack", "Café Press 1 l", "Trail Rope 30 m (8 mm) with carabiner, reflective, orange")
_CENTERS = ("LGB3", "JFK8", "PHX7", "ONT8", "BFI4", "MDW2", "DFW7", "SMF1")


@dataclass(frozen=True, kw_only=True)
class Month:
    """One file: its days, both included, and its rows."""

    first: date
    last: date
    rows: int

    @property
    def retrieved_at(self) -> datetime:
        """The next morning, so that no row is in the future."""
        return datetime.combine(self.last + timedelta(days=1), time(5), UTC)


def split_into_months(rows: int, months: int) -> list[Month]:
    """The last ``months`` calendar months up to LAST_DAY, oldest first, with ``rows`` spread evenly."""
    found: list[Month] = []
    last = LAST_DAY
    for i in range(months):
        found.append(Month(first=last.replace(day=1), last=last, rows=(i + 1) * rows // months - i * rows // months))
        last = last.replace(day=1) - timedelta(days=1)
    return found[::-1]


def write_files(folder: Path, *, ledger_rows: int, reimbursement_rows: int, months: int, seed: int) -> None:
    """Write ``inventory_ledger/``, ``reimbursements/`` and ``restated/`` (one month of the ledger as Amazon sends it later)."""
    for report, rows, select in (("inventory_ledger", ledger_rows, _ledger), ("reimbursements", reimbursement_rows, _reimbursements)):
        (folder / report).mkdir(parents=True)
        for month in split_into_months(rows, months):
            _write(folder / report / f"{report}-{month.first:%Y-%m}.txt", report, select(month, seed), month.retrieved_at)
    month = split_into_months(ledger_rows, months)[-min(RESTATED_MONTHS_BACK, months)]
    (folder / "restated").mkdir()
    restated = folder / "restated" / f"inventory_ledger-{month.first:%Y-%m}-again.txt"
    _write(restated, "inventory_ledger", _ledger(month, seed, restated=True), RESTATED_AT)


def _write(path: Path, report: str, select: str, retrieved_at: datetime) -> None:
    quoting = "quote '\"', escape '\"', force_quote *" if report == "inventory_ledger" else "quote '', escape ''"
    with duckdb.connect() as connection:
        connection.execute(f"copy ({select}) to {text_literal(str(path))} (format csv, delimiter '\t', header, {quoting})")
    os.utime(path, (retrieved_at.timestamp(), retrieved_at.timestamp()))


def _headers(report: str, values: dict[str, str]) -> str:
    """A select list that names each value by the report's own header."""
    return ", ".join(f"{value} as {identifier(SPECS[report].column(name).header)}" for name, value in values.items())


def _ledger(month: Month, seed: int, *, restated: bool = False) -> str:
    """SQL of the month's movements; ``restated``: a third of the adjustments reconciled, 1 line in 200 gone, 1 in 200 new."""

    def pick(options: tuple[str, ...], field: str) -> str:
        return f"list_extract([{', '.join(map(text_literal, options))}], 1 + {chance(field, len(options))})"

    def chance(field: str, outcomes: int) -> str:
        return f"cast(hash(content, {seed}, '{month.first}', '{field}') % {outcomes} as integer)"

    days = (month.last - month.first).days + 1
    extra = month.rows // _BLOCK if restated else 0
    is_gone = f"line < {month.rows} and {chance('gone', 200)} = 0 and day not in (0, {days - 1})" if restated else "false"
    is_reconciled = f"({chance('reconciled', 3)} = 0)" if restated else "false"
    day = f"if(line < {month.rows}, content * {days} // {month.rows}, {chance('day', days)})::integer"
    values = {
        "date": f"strftime(date '{month.first}' + day, '%m/%d/%Y')",
        "fnsku": "'X00' || lpad(product::varchar, 7, '0')",
        "asin": "'B0' || lpad(product::varchar, 8, '0')",
        "msku": "'SKU-' || lpad(product::varchar, 5, '0')",
        "title": pick(_TITLES, "product"),
        "event_type": "event",
        "reference_id": "'FBA' || lpad(content::varchar, 9, '0')",
        "quantity": "units::varchar",
        "fulfillment_center": pick(_CENTERS, "center"),
        "disposition": f"if({chance('disposition', 20)} = 0, 'CUSTOMER_DAMAGED', 'SELLABLE')",
        "reason_code": f"if(event = 'Adjustments', {pick(('M', 'F', 'E', '5', 'Q'), 'reason')}, '')",
        "country": "'US'",
        "reconciled_quantity": f"if(event = 'Adjustments', if({is_reconciled}, abs(units), 0)::varchar, '')",
        "unreconciled_quantity": f"if(event = 'Adjustments', if({is_reconciled}, 0, abs(units))::varchar, '')",
        "date_and_time": f"strftime(date '{month.first}' + day + to_minutes({chance('minute', 1440)}), '%Y-%m-%dT%H:%M:00-0700')",
    }
    return f"""
        with lines as (
            select range as line, line - if(line % {_BLOCK} >= {_ALONE}, line % {_BLOCK} % 2, 0) as content from range({month.rows + extra})
        ), movements as (
            select
                *, {day} as day, {chance("product", 4000)} as product,
                case
                    when {chance("event", 100)} < 70 then 'Shipments' when {chance("event", 100)} < 78 then 'CustomerReturns'
                    when {chance("event", 100)} < 85 then 'Receipts' when {chance("event", 100)} < 93 then 'WhseTransfers' else 'Adjustments'
                end as event,
                if(event in ('Shipments', 'Adjustments'), -1, 1) * (1 + if(event = 'Receipts', {chance("units", 40)}, 0)) as units
            from lines
        )
        select {_headers("inventory_ledger", values)} from movements where not ({is_gone}) order by line
    """


def _reimbursements(month: Month, seed: int) -> str:
    """SQL of the month's reimbursement lines, 1 in 50 of them a reversal."""

    def chance(field: str, outcomes: int) -> str:
        return f"cast(hash(line, {seed}, '{month.first}', '{field}') % {outcomes} as integer)"

    minute = chance("minute", 1440)
    values = {
        "approval_date": f"strftime(date '{month.first}' + day + to_minutes({minute}), '%Y-%m-%dT%H:%M:00+00:00')",
        "reimbursement_id": f"'{month.first:%y%m}' || lpad(line::varchar, 8, '0')",
        "case_id": f"if({chance('case', 10)} = 0, (17000000000 + line)::varchar, '')",
        "amazon_order_id": "if(reason = 'CustomerReturn', '112-' || lpad(line::varchar, 7, '0') || '-1234567', '')",
        "reason": "reason",
        "sku": "'SKU-' || lpad(product::varchar, 5, '0')",
        "fnsku": "'X00' || lpad(product::varchar, 7, '0')",
        "asin": "'B0' || lpad(product::varchar, 8, '0')",
        "product_name": f"list_extract([{', '.join(map(text_literal, _TITLES))}], 1 + product % {len(_TITLES)})",
        "condition": "'NewItem'",
        "currency_code": f"if({chance('currency', 10)} = 0, 'CAD', 'USD')",
        "amount_per_unit": "(sign * cents / 100)::decimal(18, 2)::varchar",
        "amount_total": "(sign * cents / 100)::decimal(18, 2)::varchar",
        "quantity_reimbursed_cash": "sign::varchar",
        "quantity_reimbursed_inventory": "'0'",
        "quantity_reimbursed_total": "sign::varchar",
        "original_reimbursement_id": f"if(sign < 0, '{month.first:%y%m}' || lpad((line - 1)::varchar, 8, '0'), '')",
        "original_reimbursement_type": "if(sign < 0, 'Lost_Warehouse', '')",
    }
    return f"""
        with lines as (
            select
                range as line, (line * {(month.last - month.first).days + 1} // {month.rows})::integer as day, {chance("product", 4000)} as product,
                500 + {chance("cents", 6000)} as cents, if(line % 50 = 49, -1, 1) as sign,
                if(sign < 0, 'Reimbursement_Reversal', list_extract(
                    ['Lost_Warehouse', 'Damaged_Warehouse', 'CustomerReturn', 'Lost_Inbound'], 1 + {chance("reason", 4)}
                )) as reason
            from range({month.rows})
        )
        select {_headers("reimbursements", values)} from lines order by line
    """
