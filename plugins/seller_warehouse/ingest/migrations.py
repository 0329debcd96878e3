"""The layout of the build database, and migrations from the layouts of earlier versions.

``meta.schema`` holds the number of the layout in one row. A database without it has layout 0. The number does not cover the tables of reports: new
columns of a spec are added whenever the database is opened (``warehouse``).
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
"""Creates the tables that are missing, in a new database all."""

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
    """From the layout without a number, which may have no columns for account settings, Amazon's answers and short days."""
    connection.execute(_TO_1)
    reports = connection.execute(
        "select distinct table_name from duckdb_columns() where (schema_name, column_name) = ('raw', '_row_hash')"
    ).fetchall()
    for (report,) in reports:
        connection.execute(f"alter table raw.{identifier(report)} add column if not exists _marketplace_id varchar")


def _to_2(connection: duckdb.DuckDBPyConnection) -> None:
    """``comes_by_days`` is missing in the first homes filled from Amazon; layout 1 did not add it."""
    connection.execute("alter table raw.report_types add column if not exists comes_by_days boolean")


MIGRATIONS: tuple[Callable[[duckdb.DuckDBPyConnection], None], ...] = (_to_1, _to_2)
"""In order: the one at position n migrates layout n to n + 1. All run in one transaction, so a kill is harmless."""

SCHEMA_VERSION = len(MIGRATIONS)
"""The layout that this code reads and writes."""


class NewerHome(ConfigurationError):
    """A later version wrote the build database; nothing was changed in it."""

    def __init__(self, path: Path, version: int) -> None:
        super().__init__(
            f"{shown(path)} has layout {version}, and this version of Seller Warehouse knows layouts up to {SCHEMA_VERSION}: a later version "
            "wrote it. Use that version (git pull, then the same command), or name another home in SELLER_WAREHOUSE_HOME; nothing was changed"
        )


def migrate(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Migrate the database to the layout of this code, in one transaction, keeping its rows. Raises NewerHome."""
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
    """The layout of the database; None if it is new."""
    tables = {name for (name,) in connection.execute("select table_name from duckdb_tables() where schema_name = 'meta'").fetchall()}
    if "schema" in tables:
        [(version,)] = connection.execute("select schema_version from meta.schema").fetchall()
        return version
    return 0 if "loads" in tables else None
