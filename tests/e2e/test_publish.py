"""Readers always see one whole publication, whenever and however they open it."""

from __future__ import annotations

import subprocess
import sys
import time
import venv
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from seller_warehouse.core.home import Home
from seller_warehouse.marts.build import build_marts, code_version
from seller_warehouse.marts.publish import KEPT_PUBLICATIONS, PublicationFailed, is_due, last_publication, publish
from seller_warehouse.readers.published import NotPublished, Published
from tests.support import AT, Warehouse, reimbursements

READER = """
import pathlib, sys, time
import duckdb
path, stop = sys.argv[1], pathlib.Path(sys.argv[2])
opened = 0
seen = set()
while not stop.exists():
    connection = duckdb.connect(path, read_only=True)
    one = connection.execute("select publication_id from meta.publication").fetchall()
    lines = connection.execute("select count(*), sum(cash_amount) from marts.fct_reimbursements").fetchone()
    monthly = connection.execute("select sum(net_cash_amount) from marts.fct_reimbursements_monthly").fetchone()
    assert len(one) == 1 and lines[0] == 2 and lines[1] == monthly[0], (one, lines, monthly)
    assert one == connection.execute("select publication_id from meta.publication").fetchall()
    connection.close()
    opened += 1
    seen.add(one[0][0])
print(opened, len(seen))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Two lines of 10.00 USD, built once."""
    warehouse = Warehouse(Home(tmp_path_factory.mktemp("built")))
    warehouse.drop("r.txt", reimbursements({}, {"reimbursement-id": "1002", "product-name": "=1+2"}))
    warehouse.load()
    build_marts(warehouse.home, as_of=AT.date())
    return warehouse


def publish_at(warehouse: Warehouse, minutes: int) -> str:
    at = AT + timedelta(minutes=minutes)
    return publish(warehouse.home, at=at, as_of=at.date(), code_version=code_version(), run_id=f"run {minutes}").publication_id


def published_id(warehouse: Warehouse) -> str:
    publication = last_publication(warehouse.home)
    assert publication
    return publication.publication_id


def test_readers_never_fail_and_never_block_while_ten_publications_are_made(built: Warehouse, tmp_path: Path) -> None:
    publish_at(built, 0)
    held = duckdb.connect(str(built.home.marts), read_only=True)
    first = held.execute("select publication_id from meta.publication").fetchone()
    stop = tmp_path / "stop"
    readers = [
        subprocess.Popen([sys.executable, "-c", READER, str(built.home.marts), str(stop)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for minute in range(1, 11):
        last = publish_at(built, minute)
    time.sleep(0.5)
    stop.touch()
    for reader in readers:
        out, err = reader.communicate(timeout=60)
        opened, publications = map(int, out.split())
        assert (reader.returncode, err) == (0, "")
        assert opened > 10
        assert publications > 1
    assert held.execute("select publication_id from meta.publication").fetchone() == first
    assert held.execute("select count(*) from marts.fct_reimbursements").fetchone() == (2,)
    held.close()
    assert published_id(built) == last
    kept = [p for p in built.home.published.iterdir() if p.is_dir() and not p.is_symlink()]
    assert len(kept) == KEPT_PUBLICATIONS


def test_a_publication_that_is_not_what_was_built_is_never_pointed_to(built: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    before = publish_at(built, 30)
    monkeypatch.setattr("seller_warehouse.marts.publish._tables", lambda *_: [("meta", "loads")])
    with pytest.raises(PublicationFailed, match="no marts"):
        publish_at(built, 31)
    assert published_id(built) == before


def test_a_build_is_due_only_when_something_changed(built: Warehouse) -> None:
    publish_at(built, 40)
    assert not is_due(built.home, as_of=AT.date(), code_version=code_version())
    assert is_due(built.home, as_of=AT.date() + timedelta(days=1), code_version=code_version())
    assert is_due(built.home, as_of=AT.date(), code_version="other code")


def test_both_names_of_the_file_are_the_same_publication(built: Warehouse) -> None:
    publish_at(built, 45)
    for path in (built.home.marts, built.home.alias):
        with duckdb.connect(str(path), read_only=True) as connection:
            assert connection.execute("select count(*) from marts.fct_reimbursements").fetchone() == (2,)


def test_exports_are_those_of_the_last_publication(built: Warehouse) -> None:
    publish_at(built, 50)
    csv = (built.home.exports / "fct_reimbursements_monthly.csv").read_text(encoding="utf-8")
    assert csv.splitlines()[0].startswith('"account_id",month,"currency_code","attributed_reason_category","seller_sku",gross_cash_amount')
    assert '"acme-na",2026-11-01,"USD","WAREHOUSE_LOST","LAMP-01",20.0000,0.0000,20.0000,2,0' in csv
    lines = (built.home.exports / "fct_reimbursements.csv").read_text(encoding="utf-8")
    assert ',"\'=1+2",' in lines
    assert '"=1+2' not in lines
    parquet = duckdb.sql(f"select sum(cash_amount) from '{built.home.exports}/fct_reimbursements.parquet'").fetchone()
    assert parquet == (Decimal("20.0000"),)


@pytest.mark.parametrize("version", ["1.1.3", "1.4.5", "1.5.5"])
def test_the_file_opens_in_other_versions_of_duckdb(version: str, built: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> None:
    if not built.home.marts.exists():
        publish_at(built, 60)
    folder = tmp_path_factory.mktemp(f"duckdb-{version}")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    subprocess.run(
        [Path(sys.executable).with_name("uv"), "pip", "install", "-q", "--python", python, f"duckdb=={version}"], check=True, capture_output=True
    )
    read = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True);"
        "t = c.execute('select schema_name, table_name from duckdb_tables() where database_name = current_database()').fetchall();"
        "[c.execute(f'select * from {s}.{n}').fetchall() for s, n in t];"
        "print(duckdb.__version__, len(t), c.execute('select sum(cash_amount) from marts.fct_reimbursements').fetchone()[0])"
    )
    out = subprocess.run([python, "-c", read, str(built.home.alias)], capture_output=True, text=True, check=True).stdout.split()
    ((tables,),) = built.published("select count(*) from duckdb_tables() where database_name = 'sw'")
    assert out == [version, str(tables), "20.0000"]


def test_a_reader_follows_the_next_publication_and_ends_what_it_has_begun(built: Warehouse) -> None:
    first = publish_at(built, 200)
    reader = Published(built.home)
    begun = reader.cursor()
    second = publish_at(built, 201)
    assert begun.execute("select publication_id from meta.publication").fetchall() == [(first,)]
    assert reader.rows("select publication_id from meta.publication") == [(second,)]
    assert reader.publication_id == second
    assert reader.rows("select cash_units from marts.fct_reimbursements where reimbursement_id = ?", ["1002"]) == [(1,)]


def test_a_reader_can_do_nothing_but_read_the_publication(built: Warehouse, tmp_path: Path) -> None:
    publish_at(built, 202)
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n")
    for statement in (
        "delete from marts.fct_reimbursements", "create table t as select 1", f"from read_csv('{outside}')", f"from '{outside}'",
        f"copy marts.fct_reimbursements to '{tmp_path / 'out.csv'}'", f"attach '{tmp_path / 'other.duckdb'}' as other", "install httpfs",
        "load httpfs", "from read_csv('http://127.0.0.1:1/x.csv')", "set enable_external_access = true",
    ):  # fmt: skip
        with pytest.raises(duckdb.Error):
            Published(built.home).rows(statement)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["outside.csv"]


def test_a_reader_knows_every_table_and_what_its_columns_mean(built: Warehouse) -> None:
    publish_at(built, 203)
    tables = Published(built.home).tables()
    assert {"marts.fct_reimbursements", "marts.claims_to_file", "meta.loads", "meta.publication"} <= set(tables)
    amount = next(c for c in tables["marts.fct_reimbursements"] if c.name == "cash_amount")
    assert amount.data_type == "DECIMAL(18,4)"
    assert amount.description


def test_where_nothing_is_published_a_reader_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotPublished, match="make demo"):
        Published(Home(tmp_path)).cursor()
