"""DuckDB as a data source of Great Expectations: importing this module adds ``data_sources.add_duckdb``.

Great Expectations closes a connection before it fetches the result, which DuckDB does not survive, so this engine
keeps its connection until it is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine


class KeptConnectionEngine(SqlAlchemyExecutionEngine):
    """One connection for all metrics of a validation."""

    _connection: Any

    @contextmanager
    def get_connection(self) -> Iterator[Any]:
        """The connection, opened once."""
        if not self._connection:
            self._connection = self.engine.connect()
        yield self._connection


class DuckDBDatasource(SQLDatasource):
    """A DuckDB file; defining the class registers it under its type."""

    type: Literal["duckdb"] = "duckdb"

    @property
    def execution_engine_type(self) -> type[SqlAlchemyExecutionEngine]:  # type: ignore[valid-type]  # the field above is named type
        """The engine that keeps its connection."""
        return KeptConnectionEngine
