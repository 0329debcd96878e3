"""The filters of every page. They are part of the address, so a view can be shared, and stay set from page to page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import data
from seller_warehouse.readers.query import EVERYTHING, Condition

SHOWN_DAYS = 365
"""The date range of a first visit."""


@dataclass(frozen=True)
class Shared:
    """The values of the sidebar's filters."""

    accounts: list[str]
    dates: tuple[date, ...]
    product: str
    event_types: list[str]


def show(*, of_defects: bool) -> None:
    """Show the filters of all pages in the sidebar, and those of the defect pages.

    A page's own filters are reset when another page is opened.
    """
    accounts = [r["account_id"] for r in data.rows("select account_id from marts.dim_accounts order by account_id")]
    today = data.as_of()
    with st.sidebar:
        chosen = st.multiselect(
            "Account", accounts, key="account", bind="query-params", placeholder="All accounts", help="One seller in one Amazon region."
        )
        dates = st.date_input(
            "Dates", (today - timedelta(days=SHOWN_DAYS), today), key="dates", bind="query-params", format="YYYY-MM-DD",
            help="Defects, payouts and rates of these days; each page says which date counts.",
        )  # fmt: skip
        product = st.text_input(
            "SKU, ASIN, parent ASIN or FNSKU", key="product", bind="query-params", placeholder="All products", help="Separate several with commas."
        )
        event_types = choice("Event type", "event_type", ("WAREHOUSE_OPERATIONS", "CUSTOMER_RETURNS")) if of_defects else []
    # The widgets' own state is not used: a run of another page drops it, even while this run continues.
    st.session_state["shared"] = Shared(chosen, dates, product, event_types)


def _shared() -> Shared:
    return st.session_state["shared"]


def choice(label: str, key: str, options: Sequence[str], **rest: Any) -> list[str]:
    """A filter of one page; no choice means everything."""
    return st.multiselect(label, options, key=key, bind="query-params", placeholder="All", format_func=words, **rest)


def typed(label: str, key: str, *columns: str, **rest: Any) -> Condition:
    """A text filter of one page, for ids."""
    return mentions(st.text_input(label, key=key, bind="query-params", placeholder="All", **rest), *columns)


def event_types() -> Condition:
    """The chosen event types."""
    return one_of("event_type", _shared().event_types)


def defects(kind: DeltaGenerator, reference: DeltaGenerator) -> Condition:
    """The shared filters, and two filters shown in these columns: defect type, and order or transaction."""
    types = [r["defect_type"] for r in data.rows("select distinct defect_type from marts.fct_inventory_defects order by 1")]
    chosen = accounts() & products() & dates("defect_date") & event_types()
    with kind:
        chosen &= one_of("defect_type", choice("Defect type", "defect_type", types))
    with reference:
        return chosen & typed("Order or transaction", "reference", "amazon_order_id", "transaction_id")


def words(code: str) -> str:
    """A code such as WAREHOUSE_LOST in words; AFN, and text that is not a code, stay unchanged."""
    return code.replace("_", " ").capitalize() if code.isupper() and len(code) > 4 else code


def accounts() -> Condition:
    """The chosen accounts."""
    return one_of("account_id", _shared().accounts)


def dates(column: str) -> Condition:
    """The chosen days, both included."""
    first, last = chosen_dates()
    return Condition(f"{column} between ? and ?", (first, last))


def chosen_dates() -> tuple[date, date]:
    """The first and the last chosen day; the same day while only one is chosen."""
    chosen = _shared().dates
    return (chosen[0], chosen[-1]) if chosen else (date.min, data.as_of())


def products(own: Sequence[str] = ("asin", "fnsku")) -> Condition:
    """The chosen products, by any of their ids, ignoring case; ``own`` are the mart's id columns besides the SKU."""
    ids = [part.strip().upper() for part in _shared().product.split(",") if part.strip()]
    if not ids:
        return EVERYTHING
    marks = ", ".join("?" * len(ids))
    of_products, of_mart = (
        " or ".join(f"upper({c}) in ({marks})" for c in ("seller_sku", *columns)) for columns in (("asin", "parent_asin", "fnsku"), own)
    )
    named = f"(account_id, upper(seller_sku)) in (select (account_id, upper(seller_sku)) from marts.dim_products where {of_products})"
    return Condition(f"({of_mart} or {named})", tuple(ids) * (5 + len(own)))


def one_of(column: str, values: Sequence[Any]) -> Condition:
    """One of the values; everything if there are none."""
    return Condition(f"{column} in ({', '.join('?' * len(values))})", tuple(values)) if values else EVERYTHING


def mentions(text: str, *columns: str) -> Condition:
    """The typed ids, as the value of one of the columns or in its list of ids; everything if nothing was typed."""
    ids = [part.strip() for part in text.split(",") if part.strip()]
    if not ids:
        return EVERYTHING
    found = [f"list_contains(string_split_regex({column}, ' *, *'), ?)" for _ in ids for column in columns]
    return Condition(f"({' or '.join(found)})", tuple(i for i in ids for _ in columns))
