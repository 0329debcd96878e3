"""The HTTP service on a real server: access, valid requests, and that answers come only from the last publication."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import shlex
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import httpx
import hypothesis.strategies as st
import psutil
import pytest
import schemathesis
import uvicorn
from hypothesis import given, settings
from playwright.sync_api import BrowserContext

from seller_warehouse.core.home import REPOSITORY, Home
from seller_warehouse.core.ports import SERVICE, free_port
from seller_warehouse.marts.build import code_version
from seller_warehouse.marts.publish import publish
from seller_warehouse.readers import http_service as service
from seller_warehouse.readers.http_service import MOST_ROWS, app
from seller_warehouse.readers.published import Published
from seller_warehouse.readers.query import OPERATORS
from tests.five_lines import QUOTED
from tests.support import AT, Warehouse

SECRET = "a-token-of-the-tests-0123456789"
ALLOWED = {"Authorization": f"Bearer {SECRET}"}
LINES = "/v1/tables/marts.fct_reimbursements"
PAGE = REPOSITORY / "docs" / "service.md"


@contextmanager
def served(home: Home, **options: Any) -> Iterator[httpx.Client]:
    """The service on a free port, and a client that has its token."""
    server = uvicorn.Server(uvicorn.Config(app(home, SECRET, **{"wrong_token_seconds": 0, **options}), port=free_port(), **service.SERVER))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        with httpx.Client(base_url=f"http://127.0.0.1:{server.config.port}", headers=ALLOWED, timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def wait_until(true: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture(scope="module")
def client(five_lines: Warehouse) -> Iterator[httpx.Client]:
    with served(five_lines.home) as client:
        yield client


def publish_at(warehouse: Warehouse, minutes: int) -> str:
    at = AT + timedelta(minutes=minutes)
    return publish(warehouse.home, at=at, as_of=AT.date(), code_version=code_version(), run_id=f"run {minutes}").publication_id


def ids(client: httpx.Client, *where: str, **parameters: Any) -> list[str]:
    """The last digits of the matching reimbursement ids, ordered."""
    answer = client.get(LINES, params={"where": list(where), "order": "reimbursement_id", **parameters})
    assert answer.status_code == 200, answer.text
    return [row["reimbursement_id"][-1] for row in answer.json()["rows"]]


# Who may ask


@pytest.mark.parametrize("sent", [None, "", "Bearer", f"Bearer {SECRET[:-1]}", f"Bearer {SECRET}x", f"Basic {SECRET}", SECRET, "Bearer ä"])
@pytest.mark.parametrize("path", ["/v1/publication", "/v1/tables", LINES, f"{LINES}?limit=wrong", "/v1/tables/unknown"])
def test_without_the_token_nothing_is_answered(sent: str | None, path: str, client: httpx.Client) -> None:
    answer = httpx.get(client.base_url.join(path), headers={"Authorization": sent.encode()} if sent is not None else {})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json() == {"detail": "send the token of this service as the header Authorization: Bearer <token>"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/health", "/v1/publication", LINES, "/docs", "/nowhere"])
def test_a_method_that_could_write_is_refused_with_and_without_the_token(method: str, path: str, client: httpx.Client) -> None:
    for headers in (ALLOWED, {}):
        answer = httpx.request(method, client.base_url.join(path), headers=headers)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
        assert answer.json() == {"detail": "this service only reads: use GET or HEAD"}


def test_health_needs_no_token_and_names_the_publication_alone(five_lines: Warehouse, client: httpx.Client) -> None:
    answer = httpx.get(client.base_url.join("/health"))
    assert answer.json() == {"status": "ok", "publication_id": Published(five_lines.home).publication_id}


def test_head_has_the_headers_of_get_and_no_body(client: httpx.Client) -> None:
    head, get = client.head(LINES), client.get(LINES)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(get.content))
    assert head.headers["X-Total-Count"] == "5"


@pytest.mark.parametrize("path", ["/health", "/v1/tables", "/v1/tables/unknown", "/nowhere", "/docs", f"{LINES}?format=csv"])
def test_no_answer_is_stored_or_taken_for_another_type(path: str, client: httpx.Client) -> None:
    answer = client.get(path)
    assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


# What there is


def test_the_publication_says_when_and_from_what_it_was_made(five_lines: Warehouse, client: httpx.Client) -> None:
    publication_id = publish_at(five_lines, 1)
    assert client.get("/v1/publication").json() == {
        "publication_id": publication_id, "published_at": "2026-11-20T06:01:00Z", "as_of_date": "2026-11-20", "code_version": code_version(),
        "as_known_at": None, "load_count": 1, "last_loaded_at": "2026-11-20T06:00:00Z",
    }  # fmt: skip


def test_every_table_is_listed_with_its_columns_their_meaning_and_its_rows(five_lines: Warehouse, client: httpx.Client) -> None:
    listed = {t["table"]: t for t in client.get("/v1/tables").json()["tables"]}
    tables = five_lines.query("select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('marts', 'meta')")
    counted = {table: five_lines.query(f"select count(*) from {table}")[0][0] for (table,) in tables}
    assert {table: t["row_count"] for table, t in listed.items()} == counted | {"meta.publication": 1}
    assert listed["meta.loads"]["row_count"] == 1
    amount = five_lines.query("select comment from duckdb_columns() where (table_name, column_name) = ('fct_reimbursements', 'cash_amount')")
    columns = {c["name"]: c for c in listed["marts.fct_reimbursements"]["columns"]}
    assert columns["cash_amount"] == {"name": "cash_amount", "type": "DECIMAL(18,4)", "description": amount[0][0]}
    assert listed["marts.fct_reimbursements"]["description"].startswith("One row per reimbursement line")
    assert {"marts.claims_to_file", "meta.loads", "meta.publication"} <= set(listed)


def test_amounts_are_text_dates_iso_times_utc_and_nulls_null(client: httpx.Client) -> None:
    shown = "reimbursement_id,approval_at,approval_date,cash_amount,cash_units,is_reversal,product_name,amazon_order_id"
    answer = client.get(LINES, params={"columns": shown, "where": "reimbursement_id:in:1002,1005", "order": "cash_amount"})
    assert answer.json()["rows"] == [
        {"reimbursement_id": "1002", "approval_at": "2026-11-03T08:00:00Z", "approval_date": "2026-11-03", "cash_amount": "-10.0000",
         "cash_units": -1, "is_reversal": True, "product_name": "Desk Lamp", "amazon_order_id": None},
        {"reimbursement_id": "1005", "approval_at": "2026-11-04T16:30:15Z", "approval_date": "2026-11-04", "cash_amount": "2.5000",
         "cash_units": 1, "is_reversal": False, "product_name": 'A "B", C', "amazon_order_id": None},
    ]  # fmt: skip


def test_csv_has_the_same_rows_and_no_text_that_runs_as_a_formula(client: httpx.Client) -> None:
    answer = client.get(
        LINES, params={"columns": "reimbursement_id,approval_at,cash_amount,product_name,case_id", "order": "reimbursement_id", "format": "csv"}
    )
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["X-Total-Count"] == "5"
    assert list(csv.reader(io.StringIO(answer.content.decode(), newline=""))) == [
        ["reimbursement_id", "approval_at", "cash_amount", "product_name", "case_id"],
        ["1001", "2026-11-02T08:00:00Z", "10.0000", "'=1+2", "77"],
        ["1002", "2026-11-03T08:00:00Z", "-10.0000", "Desk Lamp", ""],
        ["1003", "2026-11-02T08:00:00Z", "0.0700", "Lämpchen, 10 €", ""],
        ["1004", "2026-11-02T08:00:00Z", "30.0000", QUOTED, ""],
        ["1005", "2026-11-04T16:30:15Z", "2.5000", 'A "B", C', ""],
    ]


# What may be asked


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("cash_amount:eq:0.07", "3"), ("cash_amount:eq:0.070000", "3"), ("cash_amount:eq:0.070001", ""), ("cash_amount:ne:10", "2345"),
        ("cash_amount:lt:2.5", "23"), ("cash_amount:le:2.5", "235"), ("cash_amount:gt:2.5", "14"), ("cash_amount:ge:2.50", "145"),
        ("cash_amount:in:10,-10.00", "12"), ("cash_units:lt:0", "2"), ("cash_units:in:1", "1345"),
        ("approval_date:gt:2026-11-02", "25"), ("approval_date:eq:2026-11-03", "2"),
        ("approval_at:ge:2026-11-04T16:30:15Z", "5"), ("approval_at:eq:2026-11-04T09:30:15-07:00", "5"), ("approval_at:gt:2026-11-04T16:30:15", ""),
        ("is_reversal:eq:true", "2"), ("is_reversal:ne:true", "1345"), ("case_id:null:false", "1"), ("case_id:null:true", "2345"),
        ("case_id:ne:77", "2345"), ("case_id:eq:77", "1"), ("currency_code:eq:CAD", "5"), ("currency_code:eq:cad", ""),
        ("product_name:contains:LÄMP", "3"), ("product_name:contains:%", ""), ("product_name:contains:€", "3"), ("seller_sku:eq:SKU:1", "4"),
        (f"product_name:eq:{QUOTED}", "4"), ("product_name:contains:'; drop table", ""), ("product_name:eq:'' or true --", ""),
        ('product_name:in:"A ""B"", C",Desk Lamp', "25"), ('product_name:in:"Lämpchen, 10 €"', "3"), ("product_name:in:", ""),
        ("product_name:eq:\0", ""), ("product_name:eq:\U0001f4a1", ""), ("case_id:eq:", ""),
    ],
)  # fmt: skip
def test_a_filter_finds_what_it_says(where: str, found: str, client: httpx.Client) -> None:
    assert "".join(ids(client, where)) == found


def test_several_filters_must_all_hold(client: httpx.Client) -> None:
    assert ids(client, "currency_code:eq:USD", "cash_amount:gt:0", "approval_date:le:2026-11-02", "product_name:ne:=1+2") == ["3", "4"]


def test_rows_come_as_ordered_and_null_is_last_either_way(client: httpx.Client) -> None:
    assert ids(client, order="-cash_amount") == ["4", "1", "5", "3", "2"]
    assert ids(client, order="currency_code,-reimbursement_id") == ["5", "4", "3", "2", "1"]
    assert ids(client, order="case_id,reimbursement_id") == ids(client, order="-case_id,reimbursement_id") == ["1", "2", "3", "4", "5"]


def test_times_are_ordered_as_times_and_not_by_their_text(tmp_path: Path) -> None:
    made_by_hand(
        tmp_path, "create table marts.t (n integer, seen_at timestamp)", "insert into marts.t values (1, '2026-01-01 00:00:00.5'), (2, '2026-01-01')"
    )
    with served(Home(tmp_path)) as client:
        rows = client.get("/v1/tables/marts.t?order=seen_at").json()["rows"]
    assert rows == [{"n": 2, "seen_at": "2026-01-01T00:00:00Z"}, {"n": 1, "seen_at": "2026-01-01T00:00:00.5Z"}]


def test_every_column_of_every_table_can_be_filtered_by_the_values_it_shows(client: httpx.Client) -> None:
    for table in client.get("/v1/tables").json()["tables"]:
        path = f"/v1/tables/{table['table']}"
        for row in client.get(path, params={"limit": 1}).json()["rows"]:
            shown = {name: str(value).lower() if isinstance(value, bool) else value for name, value in row.items()}
            same = [f"{name}:null:true" if value is None else f"{name}:eq:{value}" for name, value in shown.items()]
            assert client.get(path, params={"where": same}).json()["rows"][0] == row


@pytest.mark.parametrize(
    ("parameters", "status", "told"),
    [
        ({"where": "price:eq:1"}, 422, "marts.fct_reimbursements has no column 'price'; it has account_id, "),
        ({"columns": "cash_amount,price"}, 422, "has no column 'price'"),
        ({"columns": "*"}, 422, "has no column '*'"),
        ({"columns": "cash_amount)--"}, 422, "has no column 'cash_amount)--'"),
        ({"columns": "rowid"}, 422, "has no column 'rowid'"),
        ({"order": "-price"}, 422, "has no column 'price'"),
        ({"order": "cash_amount desc"}, 422, "has no column 'cash_amount desc'"),
        ({"order": "case when true then 1 end"}, 422, "has no column"),
        ({"where": "(select 1):eq:1"}, 422, "has no column '(select 1)'"),
        ({"where": "cash_amount"}, 422, "there is no operator ''; write column:operator:value with one of eq, ne, lt, "),
        ({"where": "cash_amount:like:1"}, 422, "there is no operator 'like'"),
        ({"where": "cash_amount:eq"}, 422, "'' is not a number such as 12.50"),
        ({"where": "cash_amount:eq:ten"}, 422, "where=cash_amount:eq:ten: 'ten' is not a number such as 12.50"),
        ({"where": "cash_amount:eq:NaN"}, 422, "'NaN' is not a number"),
        ({"where": "cash_amount:eq:1e9"}, 422, "'1e9' is not a number"),
        ({"where": f"cash_amount:eq:{'9' * 5000}"}, 422, "is not a number"),
        ({"where": "cash_amount:in:1,x"}, 422, "'1,x' is not a number"),
        ({"where": "cash_units:eq:1.5"}, 422, "'1.5' is not a whole number"),
        ({"where": "cash_units:eq:1_0"}, 422, "'1_0' is not a whole number"),
        ({"where": "is_reversal:eq:yes"}, 422, "'yes' is not true or false"),
        ({"where": "case_id:null:"}, 422, "'' is not true or false"),
        ({"where": "approval_date:eq:02/11/2026"}, 422, "'02/11/2026' is not a date such as 2026-11-20"),
        ({"where": "approval_date:eq:2026-02-30"}, 422, "is not a date"),
        ({"where": "approval_at:eq:noon"}, 422, "'noon' is not a time such as 2026-11-20T06:00:00Z"),
        ({"where": "approval_at:eq:0001-01-01T00:00:00+14:00"}, 422, "is not a time"),
        ({"where": "cash_amount:contains:1"}, 422, "contains looks into text, and cash_amount is DECIMAL(18,4)"),
        ({"where": 'product_name:in:"open'}, 422, "is not text; put a value with a comma or quotes into double quotes"),
        ({"limit": MOST_ROWS + 1}, 422, "limit: Input should be less than or equal to 10000; /docs says what may be asked"),
        ({"limit": 0}, 422, "limit: Input should be greater than or equal to 1"),
        ({"offset": -1}, 422, "offset: Input should be greater"),
        ({"offset": 2**63}, 422, "offset: Input should be less"),
        ({"offset": 1}, 422, "offset goes with publication="),
        ({"format": "xlsx"}, 422, "format: Input should be 'json' or 'csv'"),
        ({"wehre": "cash_amount:lt:0"}, 422, "wehre: Extra inputs are not permitted"),
        ({"publication": "20200101T000000000000Z"}, 409, "not '20200101T000000000000Z': begin again without publication and offset"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_in_a_sentence(parameters: dict[str, Any], status: int, told: str, client: httpx.Client) -> None:
    answer = client.get(LINES, params=parameters)
    assert (answer.status_code, list(answer.json())) == (status, ["detail"])
    assert told in answer.json()["detail"]


@pytest.mark.parametrize(
    "table",
    [
        "fct_reimbursements", "raw.reimbursements", "information_schema.tables", "duckdb_settings()", "marts.fct_orders; select 1", "/etc/passwd",
        "read_csv('/etc/passwd')", "'/etc/passwd'", "http://127.0.0.1:1/x.parquet", "../warehouse.duckdb", 'marts."fct_orders"', "MARTS.FCT_ORDERS",
    ],
)  # fmt: skip
def test_neither_files_nor_the_network_nor_other_tables_can_be_named(table: str, client: httpx.Client) -> None:
    answer = client.get(f"/v1/tables/{quote(table, safe='')}")
    assert answer.status_code == 404
    assert "root:" not in answer.text
    if "/" not in table:
        assert answer.json()["detail"].startswith(f"there is no table {table!r}; there are marts.claims_to_file, ")


def test_the_publication_is_untouched_by_all_that(five_lines: Warehouse, client: httpx.Client) -> None:
    file = five_lines.home.marts.resolve()
    before = file.read_bytes()
    for value in (QUOTED, "x'; attach '/tmp/x.duckdb'; --", "1; copy marts.fct_orders to '/tmp/x.csv'"):
        client.get(LINES, params={"where": f"product_name:eq:{value}"}).raise_for_status()
        assert client.get(LINES, params={"columns": value}).status_code == 422
    assert file.read_bytes() == before
    assert [p.name for p in file.parent.iterdir() if p.name != "exports"] == [file.name]


# Pages


def pages(client: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    following: str | None = path
    while following:
        page = client.get(following).raise_for_status().json()
        yield page
        following = page["next"]


def test_pages_together_are_the_table_each_row_once(client: httpx.Client) -> None:
    found = list(pages(client, f"{LINES}?limit=2&where=currency_code:in:USD,CAD&where=seller_sku:null:false&order=currency_code"))
    assert [len(page["rows"]) for page in found] == [2, 2, 1]
    assert {page["total"] for page in found} == {5}
    assert sorted(row["reimbursement_id"] for page in found for row in page["rows"]) == ["1001", "1002", "1003", "1004", "1005"]
    assert found[0]["rows"][0]["currency_code"] == "CAD"


def test_csv_pages_follow_the_header_link(client: httpx.Client) -> None:
    answer, found = client.get(f"{LINES}?limit=2&format=csv&columns=reimbursement_id"), []
    while True:
        found += answer.text.splitlines()[1:]
        if "next" not in answer.links:
            break
        answer = client.get(answer.links["next"]["url"])
    assert sorted(found) == ['"1001"', '"1002"', '"1003"', '"1004"', '"1005"']


def test_a_page_of_another_publication_is_refused_rather_than_mixed(five_lines: Warehouse, client: httpx.Client) -> None:
    first = client.get(f"{LINES}?limit=2").json()
    publication_id = publish_at(five_lines, 2)
    answer = client.get(first["next"])
    told = f"{publication_id} is published now, not {first['publication_id']!r}: begin again without publication and offset"
    assert (answer.status_code, answer.json()) == (409, {"detail": told})
    assert sum(len(page["rows"]) for page in pages(client, f"{LINES}?limit=2")) == 5


def test_past_the_end_there_are_no_rows_and_no_next_page(client: httpx.Client) -> None:
    publication_id = client.get("/health").json()["publication_id"]
    page = client.get(f"{LINES}?offset={2**62}&publication={publication_id}").json()
    assert (page["rows"], page["total"], page["next"]) == ([], 5, None)


# Load


def test_an_answer_with_too_many_bytes_is_refused(tmp_path: Path) -> None:
    made_by_hand(tmp_path, "create table marts.wide as select repeat('x', 10_000) as text from range(2_000)")
    with served(Home(tmp_path)) as client:
        for form in ("json", "csv"):
            answer = client.get(f"/v1/tables/marts.wide?limit=2000&format={form}")
            assert answer.status_code == 422
            assert "at most 16,000,000 are sent: lower limit, or choose fewer columns" in answer.json()["detail"]
        assert len(client.get("/v1/tables/marts.wide?limit=1000").json()["rows"]) == 1000


LARGE = "create table marts.large as select md5(range::varchar) as a, md5((range + 1)::varchar) as b from range(1_000_000)"
LATE = "/v1/tables/marts.large?order=a,b&offset=900000&publication=by-hand"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A table of a million rows in no order."""
    home = Home(tmp_path_factory.mktemp("large"))
    made_by_hand(home.root, LARGE)
    return home


def test_slow_queries_are_stopped_and_harm_no_other(large: Home) -> None:
    with served(large, query_seconds=0.05) as client, ThreadPoolExecutor(4) as others:
        slow = [others.submit(client.get, LATE) for _ in range(4)]
        while not all(answer.done() for answer in slow):
            assert client.get("/health").status_code == 200
        told = "the query was stopped after 0.05 s: narrow it with where and columns, or ask later"
        assert [(answer.result().status_code, answer.result().json()["detail"]) for answer in slow] == [(503, told)] * 4


def test_a_query_that_begins_when_the_time_is_over_is_stopped_too(large: Home) -> None:
    with served(large, query_seconds=0) as client:
        assert client.get(LATE).status_code == 503


def test_a_query_that_needs_too_much_memory_fails_alone_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(service._LIMITS, "memory_limit", "40MB")
    made_by_hand(tmp_path, LARGE)
    with served(Home(tmp_path)) as client:
        answer = client.get(LATE)
        told = "the queries need more memory than they may have: narrow yours with where and columns, or ask later"
        assert (answer.status_code, answer.json()) == (503, {"detail": told})
        assert client.get("/v1/tables/marts.large?limit=3").json()["total"] == 1_000_000
    assert [p.name for p in Home(tmp_path).marts.resolve().parent.iterdir()] == ["seller_warehouse.duckdb"]


def test_a_late_page_takes_the_memory_of_its_order_and_not_of_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(service._LIMITS, "memory_limit", "60MB")
    made_by_hand(tmp_path, "create table marts.wide as select md5(range::varchar) as a, repeat(md5(range::varchar), 10) as b from range(300_000)")
    with served(Home(tmp_path)) as client:
        found = client.get("/v1/tables/marts.wide?order=a&limit=2&offset=250000&publication=by-hand").json()["rows"]
    in_order = sorted(hashlib.md5(str(n).encode()).hexdigest() for n in range(300_000))
    assert [(row["a"], row["b"]) for row in found] == [(a, a * 10) for a in in_order[250_000:250_002]]


def made_by_hand(folder: Path, *tables: str) -> None:
    """A publication with other tables than ours."""
    file = folder / "published" / "by-hand" / "seller_warehouse.duckdb"
    file.parent.mkdir(parents=True)
    with duckdb.connect(str(file)) as connection:
        for statement in (
            "create schema marts",
            "create schema meta",
            "create table meta.publication as select 'by-hand' as publication_id",
            *tables,
        ):
            connection.execute(statement)
    Home(folder).marts.symlink_to(file)


def read_while_published(warehouse: Warehouse, url: str, minutes: Iterable[int]) -> None:
    """Fifty readers page through the lines while a publication appears for each of ``minutes``; fails at the first wrong answer."""
    stop, known = threading.Event(), {publish_at(warehouse, 100)}
    headers = {"Authorization": f"Bearer {warehouse.home.service_token.read_text()}"}

    def read() -> int:
        whole = 0
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            while not (stop.is_set() and whole):  # At least once, however slow the machine is.
                rows, following = [], f"{LINES}?limit=3&columns=reimbursement_id"
                while following:
                    answer = client.get(following)
                    if answer.status_code == 409:
                        break
                    page = answer.raise_for_status().json()
                    assert (page["total"], page["publication_id"] in known) == (5, True)
                    rows, following = rows + page["rows"], page["next"]
                else:
                    assert sorted(row["reimbursement_id"] for row in rows) == ["1001", "1002", "1003", "1004", "1005"]
                    whole += 1
        return whole

    with ThreadPoolExecutor(50) as pool:
        reading = [pool.submit(read) for _ in range(50)]
        try:
            for minute in minutes:
                known.add(f"{AT + timedelta(minutes=101 + minute):%Y%m%dT%H%M%S%f}Z")  # Before readers can see it.
                last = publish_at(warehouse, 101 + minute)
                assert not [future for future in reading if future.done()]
        finally:
            stop.set()
        assert sum(future.result() for future in reading) >= 50
    assert httpx.get(f"{url}/health").json()["publication_id"] == last


def test_fifty_readers_see_no_failure_while_publications_appear(five_lines: Warehouse, started: tuple[str, str]) -> None:
    read_while_published(five_lines, started[0], range(4))


# The OpenAPI description


@pytest.fixture(scope="module")
def description(client: httpx.Client) -> Any:
    return schemathesis.openapi.from_url(str(client.base_url.join("/openapi.json")))


@pytest.mark.parametrize("path", ["/health", "/v1/publication", "/v1/tables", "/v1/tables/{table}"])
def test_answers_are_as_described_and_the_server_never_fails(path: str, description: Any) -> None:
    @settings(max_examples=100, derandomize=True, deadline=None, database=None)
    @given(case=description[path]["GET"].as_strategy() | description[path]["GET"].as_strategy(schemathesis.GenerationMode.NEGATIVE))
    def ask(case: schemathesis.Case) -> None:
        # That a name which the schema allows is no table or column is only known to the publication.
        case.call_and_validate(headers=ALLOWED, excluded_checks=[schemathesis.checks.positive_data_acceptance])

    ask()


NAMES = st.sampled_from(["cash_amount", "cash_units", "approval_at", "approval_date", "is_reversal", "product_name", "case_id"]) | st.text()
VALUES = (
    st.text() | st.integers().map(str) | st.decimals().map(str) | st.datetimes().map(str) | st.dates().map(str) | st.sampled_from(["true", "false"])
)


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(
    where=st.lists(st.tuples(NAMES, st.sampled_from([*OPERATORS]) | st.text(), VALUES).map(":".join), max_size=3), columns=st.none() | NAMES,
    order=st.none() | NAMES, table=st.just("marts.fct_reimbursements") | st.text(min_size=1), form=st.sampled_from(["json", "csv"]),
)  # fmt: skip
def test_whatever_is_asked_is_answered_or_refused(
    where: list[str], columns: str | None, order: str | None, table: str, form: str, client: httpx.Client
) -> None:
    asked = {"where": where, "format": form} | {name: value for name, value in (("columns", columns), ("order", order)) if value is not None}
    answer = client.get(f"/v1/tables/{quote(table, safe='')}", params=asked)
    assert answer.status_code in (200, 404, 422), answer.text
    assert answer.status_code == 200 or "detail" in answer.json()


def test_the_description_page_works_without_the_internet(client: httpx.Client, browser: BrowserContext) -> None:
    page = browser.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(str(client.base_url.join("/docs")))
    page.get_by_text("/v1/tables/{table}").first.wait_for()
    page.get_by_role("button", name="Authorize").first.wait_for()
    page.close()
    assert [url for url in asked if not url.startswith((str(client.base_url), "data:"))] == []
    assert errors == []


# The command


COMMAND = [sys.executable, "-m", "seller_warehouse.readers.http_service"]


def environment(home: Path, **given: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), SERVICE: str(free_port()), "SELLER_WAREHOUSE_HOME": str(home), **given}


def refused(home: Path, **given: str) -> str:
    """The message of a command that does not start."""
    ran = subprocess.run(
        COMMAND, env=environment(home, **given), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60
    )
    assert ran.returncode == 1
    return ran.stdout


@pytest.fixture(scope="module")
def started(five_lines: Warehouse) -> Iterator[tuple[str, str]]:
    """``make serve`` on the home: its address, and its first output."""
    process = subprocess.Popen(COMMAND, env=environment(five_lines.home.root), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout
    try:
        said = process.stdout.readline()
        found = re.match(r"(http://\S+)/docs", said)
        assert found, said
        wait_until(lambda: answers(found[1]))
        yield found[1], said
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_the_token_is_made_once_for_its_owner_alone_and_never_shown(five_lines: Warehouse, started: tuple[str, str]) -> None:
    url, said = started
    kept = five_lines.home.service_token
    token = kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(token) == 44
    assert str(kept) in said
    assert token not in said
    assert httpx.get(f"{url}/v1/publication", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert service.token_of(five_lines.home) == (token, str(kept))


def test_only_this_machine_reaches_it_unless_configured_otherwise(started: tuple[str, str]) -> None:
    port = int(started[0].rsplit(":", 1)[1])
    listening = {c.laddr.ip for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port}
    assert listening == {"127.0.0.1"}


def test_a_token_of_the_environment_is_taken_and_none_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELLER_WAREHOUSE_TOKEN", SECRET)
    assert service.token_of(Home(tmp_path)) == (SECRET, "SELLER_WAREHOUSE_TOKEN")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("token", ["short", "x" * 23, "with a blank in its very middle", "ünicode-is-no-good-in-a-header"])
def test_a_token_that_is_easily_guessed_or_fits_no_header_is_refused(token: str, tmp_path: Path) -> None:
    said = refused(tmp_path, SELLER_WAREHOUSE_TOKEN=token)
    assert said == "the token in SELLER_WAREHOUSE_TOKEN must have 24 or more characters, all of them ASCII and none a blank\n"


@pytest.mark.parametrize("port", ["0", "65536", "web"])
def test_a_port_that_is_none_is_refused(port: str, tmp_path: Path) -> None:
    assert refused(tmp_path, **{SERVICE: port}) == f"{SERVICE} is {port!r}; it must be a number from 1 to 65535\n"


def test_where_nothing_is_published_it_says_what_to_do_and_follows_the_first_publication(five_lines: Warehouse, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with served(home) as client:
        assert client.get("/health").json() == {"status": "ok", "publication_id": None}
        for path in ("/v1/publication", "/v1/tables", LINES):
            answer = client.get(path)
            assert answer.status_code == 503
            assert answer.json()["detail"].endswith(" yet: make demo, or make run once reports are there")
        home.published.mkdir(parents=True)
        home.marts.symlink_to(five_lines.home.marts.resolve())
        assert client.get(LINES).json()["total"] == 5


# The page


def commands() -> list[str]:
    return [
        line for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S) for line in block.replace("\\\n", " ").splitlines()
    ]


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("curl")])
def test_a_curl_of_the_page_works(command: str, started: tuple[str, str], five_lines: Warehouse, tmp_path: Path) -> None:
    command = command.replace("http://127.0.0.1:8502", started[0]).replace("data/service_token", shlex.quote(str(five_lines.home.service_token)))
    ran = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout or list(tmp_path.iterdir())
