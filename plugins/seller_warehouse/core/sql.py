"""Quoting for SQL, and transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb


def text_literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit at the end of the context, roll back on an error and raise that error."""
    connection.execute("begin")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        # If the commit itself failed, as on a full disk, there is nothing to roll back.
        with suppress(duckdb.TransactionException):
            connection.execute("rollback")
        raise
