"""The layout of a build database has a number: an older one is migrated whole or not at all, a newer one is left alone."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from seller_warehouse.cli.console import NOT_PUBLISHED, in_home
from seller_warehouse.core.home import Home
from seller_warehouse.ingest import migrations
from seller_warehouse.ingest.migrations import SCHEMA_VERSION, NewerHome
from seller_warehouse.ingest.warehouse import open_warehouse

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
    assert in_home(home, accounts, lambda *_: pytest.fail("the command began")) == NOT_PUBLISHED
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
