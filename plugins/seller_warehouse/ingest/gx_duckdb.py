"""DuckDB as a data source of Great Expectations: importing this module adds ``data_sources.add_duckdb``.

Great Expectations closes a connection before it fetches the result, which does not work with DuckDB, so this engine keeps its connection open.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, Literal

from seller_warehouse.ingest.later import imported_later

with imported_later("altair", "scipy.stats"):  # For charts and distributions; a third of the import time.
    import great_expectations as gx
    from great_expectations.datasource.fluent import SQLDatasource
    from great_expectations.execution_engine import SqlAlchemyExecutionEngine
    from great_expectations.expectations import UnexpectedRowsExpectation

# This logger sets its own level to INFO, which overrides that of its parent (see __init__).
logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.NOTSET)

_TABLE = "document_rows"


class KeptConnectionEngine(SqlAlchemyExecutionEngine):
    """An engine with one connection for all metrics of a validation."""

    _connection: Any

    @contextmanager
    def get_connection(self) -> Iterator[Any]:
        """The connection, opened once."""
        if not self._connection:
            self._connection = self.engine.connect()
        yield self._connection


class DuckDBDatasource(SQLDatasource):
    """A DuckDB database; defining the class registers it under its type."""

    type: Literal["duckdb"] = "duckdb"

    @property
    def execution_engine_type(self) -> type[SqlAlchemyExecutionEngine]:  # type: ignore[valid-type]  # the field above is named type
        """The engine that keeps its connection."""
        return KeptConnectionEngine


class RowsOnce(UnexpectedRowsExpectation):
    """Runs its query once; the base class runs it a second time to count the rows that it already has."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.table",)

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        rows = metrics["unexpected_rows_query.table"]
        return {"success": not rows, "result": {"observed_value": len(rows), "details": {"unexpected_rows": rows}}}


class Validator:
    """Great Expectations over a DuckDB database in memory; tables and views may be replaced between validations."""

    def __init__(self) -> None:
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False}
        self._source = self._context.data_sources.add_duckdb(name="gate", connection_string=f"duckdb:///:memory:gate{id(self)}")
        self._engine = self._source.get_execution_engine()

    def execute(self, sql: str, parameters: Iterable[Any] = ()) -> list[Any]:
        """Run a statement; returns its rows."""
        with self._engine.get_connection() as connection:
            rows = list(connection.exec_driver_sql(sql, tuple(parameters)).fetchall())
            connection.commit()
            return rows

    @cached_property
    def _batch(self) -> Any:
        asset = self._source.add_table_asset(name=_TABLE, table_name=_TABLE)
        return asset.add_batch_definition_whole_table(_TABLE)

    def failing(self, rules: list[tuple[str, str]]) -> list[list[dict[str, Any]]]:
        """The rows that the query of each rule finds in ``document_rows``, at most 200 (MAX_RESULT_RECORDS).

        ``rules``: name and query of each. Raises RuntimeError if a query fails.
        """
        suite = gx.ExpectationSuite(
            name="gate", expectations=[RowsOnce(unexpected_rows_query=q, meta={"place": i}) for i, (_, q) in enumerate(rules)]
        )
        found: list[list[dict[str, Any]]] = [[] for _ in rules]
        for result in self._batch.get_batch().validate(suite, result_format="COMPLETE").results:
            place = result.expectation_config.meta["place"]
            raised = (result.exception_info, *result.exception_info.values())
            if any(isinstance(v, dict) and v.get("raised_exception") for v in raised):
                raise RuntimeError(f"rule {rules[place]} could not be run: {result.exception_info}")
            found[place] = result.result["details"]["unexpected_rows"]
        return found

    def close(self) -> None:
        """Close the database."""
        self._engine.close()
