"""Queries of the pages against the last publication, cached until the next one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow
import streamlit as st

from seller_warehouse.core.home import Home
from seller_warehouse.readers.published import Published
from seller_warehouse.readers.query import Condition

KEPT_ANSWERS = 500


@st.cache_resource
def published() -> Published:
    """The published file of the home that the environment names, shared by all sessions."""
    return Published(Home.from_environment())


def table(sql: str, values: Sequence[Any] = ()) -> pyarrow.Table:
    """The result of a query, cached per publication; amounts stay decimals."""
    return _table(published().publication_id, sql, tuple(values))


@st.cache_data(max_entries=KEPT_ANSWERS, show_spinner=False)
def _table(publication_id: str, sql: str, values: tuple[Any, ...]) -> pyarrow.Table:
    return published().cursor().execute(sql, values).to_arrow_table()


def rows(sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """The rows of a small result."""
    return table(sql, values).to_pylist()


def cash(mart: str, chosen: Condition, column: str = "reimbursed_cash_amount") -> list[dict[str, Any]]:
    """The ``amount`` of every ``currency_code`` that has one; currencies are not added."""
    return rows(
        f"select currency_code, sum({column}) as amount from {mart} where {chosen.sql} and {column} <> 0 group by 1 order by 1", chosen.values
    )


def units(mart: str, chosen: Condition, category: str, column: str) -> pyarrow.Table:
    """The ``units`` of every value of ``category``, largest first."""
    return table(
        f"select {category}, sum({column})::bigint as units from {mart} where {chosen.sql} group by 1 having units > 0 order by 2 desc, 1",
        chosen.values,
    )


def as_of() -> date:
    """Today for every status and deadline of the publication."""
    return rows("select as_of_date from meta.publication")[0]["as_of_date"]


def exports() -> list[Path]:
    """The export files of the publication."""
    return sorted((Home.from_environment().published / published().publication_id / "exports").iterdir())
