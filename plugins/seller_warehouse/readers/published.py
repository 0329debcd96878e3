"""Read access to the last publication for the dashboard, the HTTP service and alerts. A new publication is used as soon as it exists.

Queries through this module can neither write nor access files or the network.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from seller_warehouse.core.home import Home, shown

_READ_ONLY: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False, "autoload_known_extensions": False, "enable_external_access": False, "lock_configuration": True,
}  # fmt: skip


class NotPublished(Exception):
    """Nothing is published yet."""


@dataclass(frozen=True)
class PublishedColumn:
    """A column of a published table, with the description from the file."""

    name: str
    data_type: str
    description: str


class Published:
    """The published file of a home; threads may share it."""

    def __init__(self, home: Home, limits: dict[str, str] | None = None) -> None:
        """``limits``: settings of DuckDB, such as its memory limit."""
        self._home, self._settings, self._lock = home, _READ_ONLY | (limits or {}), threading.Lock()
        self._file: Path | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def publication_id(self) -> str:
        """The id of the current publication. Raises NotPublished."""
        return self._current().parent.name

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor on the current publication; it stays on that file as long as it is used. Raises NotPublished."""
        file = self._current()
        with self._lock:
            if self._connection is None or file != self._file:
                self._connection, self._file = duckdb.connect(str(file), read_only=True, config=self._settings), file
            return self._connection.cursor()

    def close(self) -> None:
        """Close the file; the next query opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def rows(self, sql: str, parameters: list[Any] | dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query. Raises NotPublished, and DuckDB's own errors."""
        return self.cursor().execute(sql, parameters or []).fetchall()

    def tables(self, cursor: duckdb.DuckDBPyConnection | None = None) -> dict[str, tuple[PublishedColumn, ...]]:
        """The columns of every table in order, by the table's name with its schema (``marts.fct_orders``). Raises NotPublished.

        With ``cursor``, those of the publication that it is on.
        """
        found: dict[str, tuple[PublishedColumn, ...]] = {}
        columns = (cursor or self.cursor()).execute(
            "select schema_name, table_name, column_name, data_type, coalesce(comment, '') from duckdb_columns() "
            "where database_name = current_database() and schema_name in ('marts', 'meta') order by schema_name, table_name, column_index"
        )
        for schema, table, *column in columns.fetchall():
            found[f"{schema}.{table}"] = (*found.get(f"{schema}.{table}", ()), PublishedColumn(*column))
        return found

    def _current(self) -> Path:
        if not self._home.marts.exists():
            raise NotPublished(f"nothing is published in {shown(self._home.root)} yet: make demo, or make run once reports are there")
        return self._home.marts.resolve()
