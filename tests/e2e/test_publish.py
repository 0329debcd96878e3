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
from seller_warehouse.marts.build import code_version
from seller_warehouse.marts.publish import KEPT_PUBLICATIONS, PublicationFailed, is_due, last_publication, publish
from seller_warehouse.readers.published import NotPublished, Published
from tests.support import AT, Warehouse

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
    assert len(one) == 1 and lines[0] == 5 and lines[1] == monthly[0], (one, lines, monthly)
    assert one == connection.execute("select publication_id from meta.publication").fetchall()
    connection.close()
    opened += 1
    time.sleep(0.02)
    seen.add(one[0][0])
print(opened, len(seen))
"""


def publish_at(warehouse: Warehouse, minutes: int) -> str:
    at = AT + timedelta(minutes=minutes)
    return publish(warehouse.home, at=at, as_of=at.date(), code_version=code_version(), run_id=f"run {minutes}").publication_id


def published_id(warehouse: Warehouse) -> str:
    publication = last_publication(warehouse.home)
    assert publication
    return publication.publication_id


def test_readers_never_fail_and_never_block_while_ten_publications_are_made(five_lines: Warehouse, tmp_path: Path) -> None:
    held = duckdb.connect(str(five_lines.home.marts), read_only=True)
    first = held.execute("select publication_id from meta.publication").fetchone()
    stop = tmp_path / "stop"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(five_lines.home.marts), str(stop)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for minute in range(1, 11):
        last = publish_at(five_lines, minute)
    time.sleep(0.5)
    stop.touch()
    for reader in readers:
        out, err = reader.communicate(timeout=60)
        opened, publications = map(int, out.split())
        assert (reader.returncode, err) == (0, "")
        assert opened > 10
        assert publications > 1
    assert held.execute("select publication_id from meta.publication").fetchone() == first
    assert held.execute("select count(*) from marts.fct_reimbursements").fetchone() == (5,)
    held.close()
    assert published_id(five_lines) == last
    kept = [p for p in five_lines.home.published.iterdir() if p.is_dir() and not p.is_symlink()]
    assert len(kept) == KEPT_PUBLICATIONS


def test_a_publication_that_is_not_what_was_built_is_never_pointed_to(five_lines: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    before = publish_at(five_lines, 30)
    monkeypatch.setattr("seller_warehouse.marts.publish._tables", lambda *_: [("meta", "loads")])
    with pytest.raises(PublicationFailed, match="no marts"):
        publish_at(five_lines, 31)
    assert published_id(five_lines) == before


def test_a_build_is_due_only_when_something_changed(five_lines: Warehouse) -> None:
    assert not is_due(five_lines.home, as_of=AT.date(), code_version=code_version())
    assert is_due(five_lines.home, as_of=AT.date() + timedelta(days=1), code_version=code_version())
    assert is_due(five_lines.home, as_of=AT.date(), code_version="other code")


def test_both_names_of_the_file_are_the_same_publication(five_lines: Warehouse) -> None:
    for path in (five_lines.home.marts, five_lines.home.alias):
        with duckdb.connect(str(path), read_only=True) as connection:
            assert connection.execute("select count(*) from marts.fct_reimbursements").fetchone() == (5,)


def test_exports_are_those_of_the_last_publication(five_lines: Warehouse) -> None:
    csv = (five_lines.home.exports / "fct_reimbursements_monthly.csv").read_text(encoding="utf-8")
    assert csv.splitlines()[0].startswith('"account_id",month,"currency_code","attributed_reason_category","seller_sku",gross_cash_amount')
    assert '"acme-na",2026-11-01,"USD","WAREHOUSE_LOST","LAMP-01",10.0000,-10.0000,0.0000,0,0' in csv
    lines = (five_lines.home.exports / "fct_reimbursements.csv").read_text(encoding="utf-8")
    assert ',"\'=1+2",' in lines
    assert '"=1+2' not in lines
    parquet = duckdb.sql(f"select sum(cash_amount) from '{five_lines.home.exports}/fct_reimbursements.parquet'").fetchone()
    assert parquet == (Decimal("32.5700"),)


@pytest.mark.parametrize("version", ["1.1.3", "1.4.5", "1.5.5"])
def test_the_file_opens_in_other_versions_of_duckdb(version: str, five_lines: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> None:
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
    out = subprocess.run([python, "-c", read, str(five_lines.home.alias)], capture_output=True, text=True, check=True).stdout.split()
    ((tables,),) = five_lines.published("select count(*) from duckdb_tables() where database_name = 'sw'")
    assert out == [version, str(tables), "32.5700"]


def test_a_reader_follows_the_next_publication_and_ends_what_it_has_begun(five_lines: Warehouse) -> None:
    first = publish_at(five_lines, 200)
    reader = Published(five_lines.home)
    begun = reader.cursor()
    second = publish_at(five_lines, 201)
    assert begun.execute("select publication_id from meta.publication").fetchall() == [(first,)]
    assert reader.rows("select publication_id from meta.publication") == [(second,)]
    assert reader.publication_id == second
    assert reader.rows("select cash_units from marts.fct_reimbursements where reimbursement_id = ?", ["1004"]) == [(1,)]


def test_a_reader_can_do_nothing_but_read_the_publication(five_lines: Warehouse, tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n")
    for statement in (
        "delete from marts.fct_reimbursements", "create table t as select 1", f"from read_csv('{outside}')", f"from '{outside}'",
        f"copy marts.fct_reimbursements to '{tmp_path / 'out.csv'}'", f"attach '{tmp_path / 'other.duckdb'}' as other", "install httpfs",
        "load httpfs", "from read_csv('http://127.0.0.1:1/x.csv')", "set enable_external_access = true",
    ):  # fmt: skip
        with pytest.raises(duckdb.Error):
            Published(five_lines.home).rows(statement)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["outside.csv"]


def test_a_reader_knows_every_table_and_what_its_columns_mean(five_lines: Warehouse) -> None:
    tables = Published(five_lines.home).tables()
    assert {"marts.fct_reimbursements", "marts.claims_to_file", "meta.loads", "meta.publication"} <= set(tables)
    amount = next(c for c in tables["marts.fct_reimbursements"] if c.name == "cash_amount")
    assert amount.data_type == "DECIMAL(18,4)"
    assert amount.description


def test_where_nothing_is_published_a_reader_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotPublished, match="make demo"):
        Published(Home(tmp_path)).cursor()
