"""The layout of the build database, and how one that an earlier version made is brought to it.

``meta.schema`` holds the number of the layout, in one row. A database without it is of layout 0. Reports' tables are not part of the number: they
gain the columns of their spec whenever they are opened (``warehouse``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb

from seller_warehouse.core.accounts import ConfigurationError
from seller_warehouse.core.home import shown
from seller_warehouse.core.sql import identifier, transaction

_NOW = """
create schema if not exists raw;
create schema if not exists meta;
create table if not exists raw.accounts (
    account_id varchar, account_name varchar, region varchar, source varchar, marketplace_ids varchar, home_time_zone varchar,
    damaged_inventory_kept_since date, accept_unbalanced_settlements varchar, returns_evaluation_off_since date
);
create table if not exists raw.report_types (report varchar, amazon_type varchar, title varchar, reaches_back varchar, comes_by_days boolean);
create table if not exists meta.loads (
    run_id varchar, account_id varchar, report varchar, document_id varchar, source varchar, file_name varchar,
    window_start date, window_end date, retrieved_at timestamp, sha256 varchar,
    row_count bigint, rows_added bigint, rows_removed bigint, verdict varchar, reason varchar, loaded_at timestamp,
    marketplace_id varchar, report_id varchar, answer varchar
);
create table if not exists meta.gate_results (
    run_id varchar, account_id varchar, report varchar, document_id varchar, rule varchar, severity varchar,
    passed boolean, what varchar, remedy varchar, failed_count bigint, "rows" varchar
);
create table if not exists meta.coverage (
    account_id varchar, report varchar, unit varchar, event_date date, document_id varchar, sha256 varchar,
    retrieved_at timestamp, row_count bigint, is_edge boolean, was_applied boolean, is_held boolean, is_short boolean
);
create table if not exists meta.alerts (
    key varchar primary key, kind varchar, account_id varchar, title varchar, message varchar,
    raised_at timestamp, sent_at timestamp, channels varchar, error varchar
);
create table if not exists meta.schema (schema_version integer);
"""
"""What a new database gets, and an old one whatever table it has not."""

_TO_1 = """
alter table raw.accounts add column if not exists damaged_inventory_kept_since date;
alter table raw.accounts add column if not exists accept_unbalanced_settlements varchar;
alter table raw.accounts add column if not exists returns_evaluation_off_since date;
alter table meta.loads add column if not exists marketplace_id varchar;
alter table meta.loads add column if not exists report_id varchar;
alter table meta.loads add column if not exists answer varchar;
alter table meta.coverage add column if not exists is_short boolean;
"""


def _to_1(connection: duckdb.DuckDBPyConnection) -> None:
    """The layout before the number: settings of accounts, what Amazon answered, and short days may have no column yet."""
    connection.execute(_TO_1)
    reports = connection.execute(
        "select distinct table_name from duckdb_columns() where (schema_name, column_name) = ('raw', '_row_hash')"
    ).fetchall()
    for (report,) in reports:
        connection.execute(f"alter table raw.{identifier(report)} add column if not exists _marketplace_id varchar")


def _to_2(connection: duckdb.DuckDBPyConnection) -> None:
    """The first homes that were filled from Amazon do not know of report types whether they come by days; layout 1 left them so."""
    connection.execute("alter table raw.report_types add column if not exists comes_by_days boolean")


MIGRATIONS: tuple[Callable[[duckdb.DuckDBPyConnection], None], ...] = (_to_1, _to_2)
"""In order: the one at position n brings layout n to n + 1. Each may be killed: it is part of one transaction."""

SCHEMA_VERSION = len(MIGRATIONS)
"""The layout that this code reads and writes."""


class NewerHome(ConfigurationError):
    """The build database was written by a later version; nothing was changed in it."""

    def __init__(self, path: Path, version: int) -> None:
        super().__init__(
            f"{shown(path)} has layout {version}, and this version of Seller Warehouse knows layouts up to {SCHEMA_VERSION}: a later version "
            "wrote it. Use that version (git pull, then the same command), or name another home in SELLER_WAREHOUSE_HOME; nothing was changed"
        )


def migrate(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Bring the database to the layout of this code, in one transaction; the rows that it holds stay. Raises NewerHome."""
    version = _version(connection)
    if version == SCHEMA_VERSION:
        return
    if version is not None and version > SCHEMA_VERSION:
        raise NewerHome(path, version)
    with transaction(connection):
        connection.execute(_NOW)
        for step in MIGRATIONS[version:] if version is not None else ():
            step(connection)
        connection.execute("delete from meta.schema")
        connection.execute("insert into meta.schema (schema_version) values (?)", [SCHEMA_VERSION])


def _version(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The layout of the database; None where it is new."""
    tables = {name for (name,) in connection.execute("select table_name from duckdb_tables() where schema_name = 'meta'").fetchall()}
    if "schema" in tables:
        [(version,)] = connection.execute("select schema_version from meta.schema").fetchall()
        return version
    return 0 if "loads" in tables else None
