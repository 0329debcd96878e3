"""What the pages show, asked of the last publication and kept until the next one."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow
import streamlit as st

from seller_warehouse.paths import Home
from seller_warehouse.published import Published

KEPT_ANSWERS = 500


@st.cache_resource
def published() -> Published:
    """The published file of the home that the environment names; one for all who look."""
    return Published(Home.from_environment())


def table(sql: str, parameters: list[Any] | None = None) -> pyarrow.Table:
    """The answer of a query; amounts stay decimals. The same question is asked once a publication."""
    return _table(published().publication_id, sql, tuple(parameters or ()))


@st.cache_data(max_entries=KEPT_ANSWERS, show_spinner=False)
def _table(publication_id: str, sql: str, parameters: tuple[Any, ...]) -> pyarrow.Table:
    return published().cursor().execute(sql, list(parameters)).to_arrow_table()


def rows(sql: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
    """The rows of a small answer."""
    return table(sql, parameters).to_pylist()


def as_of() -> date:
    """Today for every status and deadline of the publication."""
    return rows("select as_of_date from meta.publication")[0]["as_of_date"]


def exports() -> list[Path]:
    """The files that were exported with the publication."""
    return sorted((Home.from_environment().published / published().publication_id / "exports").iterdir())
