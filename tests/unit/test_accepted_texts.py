"""Whatever text the gate accepts in any column of any report, the staging model of the report can cast."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

import duckdb
import jinja2
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import DBT_PROJECT
from seller_warehouse.core.report_spec import ISO, Column, Kind, ReportSpec
from seller_warehouse.core.sql import identifier
from seller_warehouse.ingest.formats import date_pattern, date_sql, last_year, normalised_sql
from seller_warehouse.ingest.gate import SHOWN_ROWS, GateContext
from seller_warehouse.reports import SPECS
from tests.support import AT, EU, NA

MACROS = "\n".join((DBT_PROJECT / "macros" / f"{name}.sql").read_text(encoding="utf-8") for name in ("casts", "as_of_date", "row_key"))
JP = Account(id="jp", name="Japan", region="fe", marketplaces=("A1VC38T7YXB528",), source="files")
BOOKKEEPING = {
    "account_id": "'a'", "_unit": "'u'", "_row_hash": "'h'", "_occurrence": "1", "_document_id": "'d'", "_marketplace_id": "'m'",
    "_event_date": "date '2026-11-01'", "_valid_from": "timestamp '2026-11-01'", "_valid_to": "cast(null as timestamp)",
}  # fmt: skip

ODD_DATES = (
    "2026-11-02 (BC)", "0026-11-02T08:00:00+00:00", "2026-02-29", "2026-11-31", "2026-11-02T24:00:00+00:00", "2026-11-02T08:00:60Z",
    "2026-11-02T08:00",
    "2026-11-02T08:00:00+14:59", "2026-11-02T08:00:00+15:00", "2026-11-02T08:00:00.123456789Z", "2026-11-02 8:00", "2026-11-02T08:00Z", "2026-11-02Z",
    "2026-11-02 08:00:00 UTC", "2026-11-02 08:00:00 GMT", "2026-11-02 08:00:00 Europe/Berlin", "infinity", "-infinity", "epoch", "today", "now",
    "1994-12-31",
    "1995-01-01", "2027-12-31", "2028-01-01", "9999-12-31", "+2026-11-02", "2026-11-2", "20261102", "2026-W45-1", "2026-11-02T08:00:00+0100",
    "11/02/26", "02.11.26", "29.02.25", "31.11.2026", "11/02/0026", "11/02/+2026", "02-Nov-2026", "31-Nov-2026", "11/2026", "13/2026", "٢٠٢٦-١١-٠٢",
    "2026-11-02T08:00:00-0700 ", "01.01.26 08:00:00 UTC", "2026-11-02T99:00:00", "2026-11-02\\n", "0", "-1", "1e9",
)  # fmt: skip
ODD_NUMBERS = (
    "999999999", "-999999999", "1000000000", "+1", "--1", "1.", ".5", "1e3", "0x10", "1_000", "999999999999.9999", "-999999999999,9999", "1,234.5678",
    "1.234,5678", "1 234,5", "1\u00a0234,50", "1\u202f234,50", "12,34", "NaN", "inf", "-0", "00012", "1.23456", "9999999999999", "٣", "１", "1,0000",
    "−5", "$5",
    "(5)", "5-", "true", "999.9999999", "999999", "0.0000001", "1000",
)  # fmt: skip
PLAIN = {Kind.INTEGER: "-?[0-9]{1,10}", Kind.AMOUNT: "[-+]?[0-9]{1,13}([.,][0-9]{1,5})?", Kind.CURRENCY: "[A-Z]{3}"}


@cache
def model(report: str) -> str:
    """The staging model of a report in DuckDB, over the table ``raw_rows``."""
    adapter = SimpleNamespace(dispatch=lambda name: getattr(module, f"duckdb__{name}"))
    given = {
        "adapter": adapter, "return": lambda made: made, "execute": False, "env_var": lambda _, default: default, "source": lambda *_: "raw_rows",
        "var": lambda name: {"as_of_date": "2026-11-20"}.get(name, ""),
    }  # fmt: skip
    module: Any = jinja2.Environment().from_string(MACROS).make_module(given)
    macros = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    written = (DBT_PROJECT / "models" / "staging" / "amazon_seller" / f"stg_amazon_seller__{report}.sql").read_text(encoding="utf-8")
    return jinja2.Environment().from_string(written).render(**given, **macros)


def formats_of(column: Column, account: Account) -> tuple[str, ...]:
    return account.date_formats(column.formats)


@cache
def rules_of(report: str, variant: int, mark: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The date format of each column, and the queries of the critical rules that judge each column by itself."""
    spec, account = SPECS[report], (NA, EU, JP)[variant % 3]
    formats = {c.name: formats_of(c, account)[variant % len(formats_of(c, account))] for c in spec.kept}
    context = GateContext(
        account=account, columns=frozenset(formats), date_formats=formats, decimal_mark=mark, decimal_mark_is_certain=True, from_amazon=False,
        asked=None, latest_day=AT.date() + timedelta(days=1), latest_year=last_year(AT), usual_rows=None,
    )  # fmt: skip
    suite = importlib.import_module(f"expectations.{report}").build_suite(spec, context)
    kinds = ("is_date", "is_whole_number", "is_amount", "is_number", "exists")
    queries = {
        c.name: [e.unexpected_rows_query for e in suite.expectations if e.meta["rule"] in {f"{c.name}_{kind}" for kind in kinds}] for c in spec.kept
    }
    return formats, queries


def texts_of(column: Column, date_format: str) -> st.SearchStrategy[str]:
    """Texts of a column: odd ones, ones that its grammar allows, and anything at all."""
    anything = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12).map(str.strip).filter(bool)
    if column.kind is Kind.DATE:
        return st.one_of(st.sampled_from(ODD_DATES), st.from_regex(date_pattern(date_format), fullmatch=True), anything)
    if column.kind in PLAIN:
        return st.one_of(st.sampled_from(ODD_NUMBERS), st.from_regex(PLAIN[column.kind], fullmatch=True), anything)
    return st.one_of(st.sampled_from(ODD_NUMBERS + ODD_DATES), anything)


def plain(column: Column, date_format: str) -> str:
    """A value in the place of one that is refused; blank where the column may be."""
    if not column.filled:
        return ""
    return AT.strftime("%Y-%m-%d" if date_format == ISO else date_format) if column.kind is Kind.DATE else "1"


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def build(connection: duckdb.DuckDBPyConnection, spec: ReportSpec, variant: int, mark: str, columns: dict[str, list[str]]) -> int:
    """Run the staging model over what the gate accepts of each column, and plain values for the rest; returns how many texts that were."""
    formats, queries = rules_of(spec.name, variant, mark)
    accepted = 0
    count = len(next(iter(columns.values())))
    kept: dict[str, list[str]] = {}
    for name, texts in columns.items():
        refused: set[int] = set()
        for start in range(0, count, SHOWN_ROWS):  # so many rows a rule shows
            values = ", ".join(["(?, ?)"] * len(texts[start : start + SHOWN_ROWS]))
            batch = f"(select 0 as _document, _line, {identifier(name)} from (values {values}) as given(_line, {identifier(name)}))"
            rows = [v for line, text in enumerate(texts[start : start + SHOWN_ROWS], start) for v in (line, text)]
            for query in queries[name]:
                for _, _, shown in connection.execute(query.format(batch=batch), rows).fetchall():
                    refused |= {row["_line"] for row in shown}
        kept[name] = [plain(spec.column(name), formats[name]) if line in refused else text for line, text in enumerate(texts)]
        accepted += count - len(refused)
    spelled = ", ".join(f"{normalised_sql(c, formats[c.name], mark)} as {identifier(c.name)}" for c in spec.kept)
    facts = ", ".join(f"{value} as {name}" for name, value in BOOKKEEPING.items())
    connection.register("texts", pa.table({name: pa.array(texts, pa.string()) for name, texts in kept.items()}))
    connection.execute(f"create or replace temp table raw_rows as select {spelled}, {facts}, row_number() over () as _line from texts")
    connection.execute(f"create or replace temp table built as {model(spec.name)}")
    return accepted


@pytest.mark.parametrize("report", SPECS)
def test_every_odd_text_that_the_gate_accepts_in_a_column_can_be_cast(report: str, connection: duckdb.DuckDBPyConnection) -> None:
    spec, odd = SPECS[report], [*ODD_DATES, *ODD_NUMBERS]
    variants = max(len(formats_of(c, EU)) for c in spec.kept if c.kind is Kind.DATE) if any(c.kind is Kind.DATE for c in spec.kept) else 1
    for variant in range(variants):
        assert build(connection, spec, variant, ",."[variant % 2], {c.name: odd for c in spec.kept}) > 0


@pytest.mark.parametrize("report", SPECS)
def test_any_text_that_the_gate_accepts_in_a_column_can_be_cast(report: str, connection: duckdb.DuckDBPyConnection) -> None:
    spec = SPECS[report]

    @settings(max_examples=5, deadline=None, database=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        variant, mark = data.draw(st.integers(0, 11)), data.draw(st.sampled_from(".,"))
        formats, _ = rules_of(report, variant, mark)
        # Columns of one grammar share their texts, each in an order of its own.
        grammars = {c.name: (c.kind, formats[c.name] if c.kind is Kind.DATE else "") for c in spec.kept}
        alike = {grammars[c.name]: c for c in spec.kept}
        drawn = {g: data.draw(st.lists(texts_of(c, g[1]), min_size=SHOWN_ROWS, max_size=SHOWN_ROWS)) for g, c in alike.items()}
        texts = {c.name: drawn[grammars[c.name]] for c in spec.kept}
        build(connection, spec, variant, mark, {name: t[n % SHOWN_ROWS :] + t[: n % SHOWN_ROWS] for n, (name, t) in enumerate(texts.items())})

    check()


YEARS = [
    ("%m/%d/%y", "12/31/94", None),
    ("%m/%d/%y", "01/01/95", "1995-01-01"),
    ("%m/%d/%y", "01/01/27", "2027-01-01"),
    ("%m/%d/%y", "01/01/28", None),
]


@pytest.mark.parametrize(("date_format", "text", "day"), YEARS)
def test_a_year_of_two_digits_is_one_of_the_window(date_format: str, text: str, day: str | None, connection: duckdb.DuckDBPyConnection) -> None:
    found = connection.execute(f"select cast({date_sql('t', date_format, 2027)} as varchar) from (select ? as t)", [text]).fetchone()
    assert found == (day,)
