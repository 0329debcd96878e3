"""The layout of a build database has a number: an older one is migrated whole or not at all, a newer one is left alone."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from seller_warehouse.cli.console import NOT_PUBLISHED, run_in_home
from seller_warehouse.core.documents import CANCELLED, Verdict
from seller_warehouse.core.home import REPOSITORY, Home
from seller_warehouse.ingest import migrations
from seller_warehouse.ingest.gate import judge
from seller_warehouse.ingest.migrations import SCHEMA_VERSION, NewerHome
from seller_warehouse.ingest.warehouse import open_warehouse, record, save_settings
from tests.support import ACCOUNTS, AT, NA, document_of

LAYOUTS = sorted((REPOSITORY / "tests" / "homes" / "layouts").glob("*.sql"))
"""The tables as every commit that changed one made them, by its hash; of the reports, reimbursements stand for all."""
VALUES = {"DATE": "date '2026-11-01'", "TIMESTAMP": "timestamp '2026-11-01 06:00'", "BIGINT": "7", "INTEGER": "1", "BOOLEAN": "true"}

LOADS = "create schema meta; create table meta.loads (run_id varchar); insert into meta.loads values ('old')"


def columns(path: Path) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() where schema_name in ('raw', 'meta') order by all"
        ).fetchall()


def execute(path: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(path)) as connection:
        return connection.execute(sql).fetchall()


def test_a_new_database_has_the_layout_of_this_code(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with open_warehouse(path):
        pass
    assert execute(path, "select * from meta.schema") == [(SCHEMA_VERSION,)]


def test_a_newer_database_is_refused_unchanged_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    execute(path, "create schema meta; create table meta.schema as select 99 as schema_version")
    before = columns(path)
    refused = r"warehouse.duckdb has layout 99, .* knows layouts up to \d+: a later version wrote it. Use that version"
    with pytest.raises(NewerHome, match=refused), open_warehouse(path):
        pass
    assert columns(path) == before


def test_a_command_refuses_a_newer_home_before_it_touches_the_inbox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    execute(home.warehouse, "create schema meta; create table meta.schema as select 99 as schema_version")
    accounts = tmp_path / "accounts.yaml"
    accounts.write_text("accounts:\n- {id: acme-na, name: Acme, region: na, marketplaces: [ATVPDKIKX0DER], source: files}\n")
    assert run_in_home(home, accounts, lambda *_: pytest.fail("the command began")) == NOT_PUBLISHED
    assert "has layout 99" in capsys.readouterr().err
    assert not home.inbox.exists()


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("delete from meta.loads")
        raise RuntimeError("killed")

    path = tmp_path / "warehouse.duckdb"
    execute(path, LOADS)
    monkeypatch.setattr(migrations, "MIGRATIONS", (fails,))
    with pytest.raises(RuntimeError, match="killed"), open_warehouse(path):
        pass
    assert execute(path, "from meta.loads") == [("old",)]
    assert {table for _, table, *_ in columns(path)} == {"loads"}


def contents(path: Path, names: dict[str, str]) -> dict[str, list[tuple]]:
    """The rows of each table, in these columns."""
    with duckdb.connect(str(path)) as connection:
        return {table: connection.execute(f"select {of} from {table}").fetchall() for table, of in names.items()}


def tables_of(path: Path) -> dict[str, dict[str, str]]:
    """Name and type of every column of a database, by table."""
    found: dict[str, dict[str, str]] = {}
    query = "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() where schema_name in ('raw', 'meta')"
    for table, column, data_type in execute(path, query):
        found.setdefault(table, {})[column] = data_type
    return found


@pytest.mark.usefixtures("reimbursements_alone")
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda p: p.stem)
def test_a_home_of_every_earlier_layout_is_taken_over_with_every_row_and_can_be_written(layout: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old.duckdb", tmp_path / "new.duckdb"
    execute(old, "create schema raw; create schema meta;" + layout.read_text(encoding="utf-8"))
    before = tables_of(old)
    values = {table: ", ".join(VALUES.get(data_type, f"'{name}'") for name, data_type in columns.items()) for table, columns in before.items()}
    execute(old, "; ".join(f"insert into {table} values ({row})" for table, row in values.items()))
    names = {table: ", ".join(f'"{c}"' for c in columns) for table, columns in before.items() if table != "meta.schema"}
    rows = contents(old, names)
    for path in (old, new):
        with open_warehouse(path):
            pass
    assert tables_of(old) == tables_of(new)
    assert contents(old, names) == rows
    assert execute(old, "from meta.schema") == [(SCHEMA_VERSION,)]

    document = document_of(b"", tmp_path, report="reimbursements", source="sp_api", answer=CANCELLED)
    with open_warehouse(old) as connection:
        save_settings(connection, ACCOUNTS.values())
        judgement = judge(document, NA, tmp_path)
        assert record(connection, judgement, run_id="new", at=AT, home=Home(tmp_path), accounts=ACCOUNTS) is Verdict.NO_DATA
    assert execute(old, "select account_id, region from raw.accounts order by all") == [("acme-eu", "eu"), ("acme-na", "na")]
    assert execute(old, "select document_id, verdict, answer, loaded_at from meta.loads where run_id = 'new'") == [
        (document.document_id, "NO_DATA", CANCELLED, AT.replace(tzinfo=None))
    ]


def test_the_newest_known_layout_is_the_present_one(tmp_path: Path) -> None:
    with open_warehouse(tmp_path / "new.duckdb"):
        pass
    present = tables_of(tmp_path / "new.duckdb")
    known = []
    for layout in LAYOUTS:
        path = tmp_path / f"{layout.stem}.duckdb"
        execute(path, "create schema raw; create schema meta;" + layout.read_text(encoding="utf-8"))
        known.append(tables_of(path))
    of_present = {table: present[table] for table in known[0] | known[-1]} | {t: present[t] for t in present if t.startswith("meta.")}
    assert any({t: tables.get(t) for t in of_present} == of_present for tables in known), "a table has changed: add its layout to tests/homes/layouts"


def test_every_insert_into_a_kept_table_names_its_columns() -> None:
    inserts = [
        (path.name, match[0])
        for path in (REPOSITORY / "plugins").rglob("*.py")
        for match in re.finditer(r"insert into (raw\.|meta\.|\{table\})\S*\s*.{10}", path.read_text(encoding="utf-8"), re.S)
    ]
    assert len(inserts) >= 7
    assert [i for i in inserts if not re.search(r"\w \([\w{]|\} by name", i[1])] == []
