"""The last publication as readers see it: dashboard, HTTP service, alerts. A new one is followed as soon as it is there.

What is asked through here can neither write nor reach files or the network.
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
    """There is nothing to read yet."""


@dataclass(frozen=True)
class PublishedColumn:
    """A column of a published table, as the file itself describes it."""

    name: str
    data_type: str
    description: str


class Published:
    """The published file of a home; threads may share it."""

    def __init__(self, home: Home, limits: dict[str, str] | None = None) -> None:
        """``limits`` are settings of DuckDB, such as its memory."""
        self._home, self._settings, self._lock = home, _READ_ONLY | (limits or {}), threading.Lock()
        self._file: Path | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def publication_id(self) -> str:
        """What is published now; it changes with every publication, and only then. Raises NotPublished."""
        return self._current().parent.name

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor on the file that is published now; it stays on that file however long it is used. Raises NotPublished."""
        file = self._current()
        with self._lock:
            if self._connection is None or file != self._file:
                self._connection, self._file = duckdb.connect(str(file), read_only=True, config=self._settings), file
            return self._connection.cursor()

    def close(self) -> None:
        """Close the file; whoever asks again opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def rows(self, sql: str, parameters: list[Any] | dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query. Raises NotPublished, and DuckDB's own errors."""
        return self.cursor().execute(sql, parameters or []).fetchall()

    def tables(self, cursor: duckdb.DuckDBPyConnection | None = None) -> dict[str, tuple[PublishedColumn, ...]]:
        """The columns of every table by its name with the schema (``marts.fct_orders``), in their order. Raises NotPublished.

        They are those of the publication that ``cursor`` is on, where one is given.
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
