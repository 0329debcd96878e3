"""Names and texts as they stand in SQL, and transactions."""

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
    """All that is done in the context, or nothing of it; the error that ended it is the one that is raised."""
    connection.execute("begin")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        # After a commit that failed, as on a full disk, there is nothing to roll back.
        with suppress(duckdb.TransactionException):
            connection.execute("rollback")
        raise
