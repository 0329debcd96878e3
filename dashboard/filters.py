"""The filters of every page. They are kept in the address, so a view can be shared, and go along from page to page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import streamlit as st

from dashboard import data

SHOWN_DAYS = 365
"""The date range of a first visit."""


@dataclass(frozen=True)
class Condition:
    """A condition of SQL with its values, in order."""

    sql: str
    values: tuple[Any, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"{self.sql} and {other.sql}", (*self.values, *other.values))


EVERYTHING = Condition("true")


def show() -> None:
    """The filters that all pages share, in the sidebar."""
    accounts = [r["account_id"] for r in data.rows("select account_id from marts.dim_accounts order by account_id")]
    today = data.as_of()
    with st.sidebar:
        st.multiselect("Account", accounts, key="account", bind="query-params", placeholder="All accounts", help="One seller in one Amazon region.")
        st.date_input(
            "Dates", (today - timedelta(days=SHOWN_DAYS), today), key="dates", bind="query-params", format="YYYY-MM-DD",
            help="Defects, payouts and rates of these days; the page says which date counts.",
        )  # fmt: skip
        st.text_input("SKU, ASIN, parent ASIN or FNSKU", key="product", bind="query-params", placeholder="All products", help="Several with commas.")


def choice(label: str, key: str, options: Sequence[str], **rest: Any) -> list[str]:
    """A filter of one page; nothing chosen means everything."""
    return st.multiselect(label, options, key=key, bind="query-params", placeholder="All", format_func=words, **rest)


def words(code: str) -> str:
    """A code such as WAREHOUSE_LOST as people write it; others stay as they are."""
    return code.replace("_", " ").capitalize() if (code.isupper() and "_" in code) or (code.isupper() and len(code) > 4) else code


def accounts() -> Condition:
    """The chosen accounts."""
    return one_of("account_id", st.session_state.get("account") or [])


def dates(column: str) -> Condition:
    """The chosen days, both included."""
    first, last = chosen_dates()
    return Condition(f"{column} between ? and ?", (first, last))


def chosen_dates() -> tuple[date, date]:
    """The first and the last chosen day; while only one is picked, that day."""
    chosen = st.session_state["dates"]
    return (chosen[0], chosen[-1]) if chosen else (date.min, data.as_of())


def products() -> Condition:
    """The chosen products, by any of their ids, whichever of them the mart itself has."""
    ids = [part.strip().upper() for part in st.session_state.get("product", "").split(",") if part.strip()]
    if not ids:
        return EVERYTHING
    marks = ", ".join("?" * len(ids))
    sql = (
        "(account_id, seller_sku) in (select (account_id, seller_sku) from marts.dim_products "
        f"where upper(seller_sku) in ({marks}) or upper(asin) in ({marks}) or upper(parent_asin) in ({marks}) or upper(fnsku) in ({marks}))"
    )
    return Condition(f"(upper(seller_sku) in ({marks}) or {sql})", (*ids, *ids, *ids, *ids, *ids))


def one_of(column: str, values: Sequence[Any]) -> Condition:
    """One of the values; everything where there are none."""
    return Condition(f"{column} in ({', '.join('?' * len(values))})", tuple(values)) if values else EVERYTHING


def mentions(text: str, *columns: str) -> Condition:
    """An id that was typed, in one of the columns exactly, or in a list of ids; everything where nothing was typed."""
    ids = [part.strip() for part in text.split(",") if part.strip()]
    if not ids:
        return EVERYTHING
    found = [f"list_contains(string_split(replace({column}, ' ', ''), ','), ?)" for _ in ids for column in columns]
    return Condition(f"({' or '.join(found)})", tuple(i for i in ids for _ in columns))
