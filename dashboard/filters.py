"""The filters of every page. They are kept in the address, so a view can be shared, and go along from page to page."""

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
    """What is chosen in the filters of the sidebar."""

    accounts: list[str]
    dates: tuple[date, ...]
    product: str
    event_types: list[str]


def show(*, of_defects: bool) -> None:
    """The filters that all pages share, in the sidebar, and those that the pages of defects share.

    What a page itself shows is forgotten when another one is opened.
    """
    accounts = [r["account_id"] for r in data.rows("select account_id from marts.dim_accounts order by account_id")]
    today = data.as_of()
    with st.sidebar:
        chosen = st.multiselect(
            "Account", accounts, key="account", bind="query-params", placeholder="All accounts", help="One seller in one Amazon region."
        )
        dates = st.date_input(
            "Dates", (today - timedelta(days=SHOWN_DAYS), today), key="dates", bind="query-params", format="YYYY-MM-DD",
            help="Defects, payouts and rates of these days; the page says which date counts.",
        )  # fmt: skip
        product = st.text_input(
            "SKU, ASIN, parent ASIN or FNSKU", key="product", bind="query-params", placeholder="All products", help="Several with commas."
        )
        event_types = choice("Event type", "event_type", ("WAREHOUSE_OPERATIONS", "CUSTOMER_RETURNS")) if of_defects else []
    # Not read from the widgets' own state: a run for another page forgets that, even while this one still goes on.
    st.session_state["shared"] = Shared(chosen, dates, product, event_types)


def _shared() -> Shared:
    return st.session_state["shared"]


def choice(label: str, key: str, options: Sequence[str], **rest: Any) -> list[str]:
    """A filter of one page; nothing chosen means everything."""
    return st.multiselect(label, options, key=key, bind="query-params", placeholder="All", format_func=words, **rest)


def typed(label: str, key: str, *columns: str, **rest: Any) -> Condition:
    """A filter of one page for ids that are typed."""
    return mentions(st.text_input(label, key=key, bind="query-params", placeholder="All", **rest), *columns)


def event_types() -> Condition:
    """The chosen areas in which defects arise."""
    return one_of("event_type", _shared().event_types)


def defects(kind: DeltaGenerator, reference: DeltaGenerator) -> Condition:
    """The defects of the shared filters, and of two that are shown in these columns: by type, and by order or transaction."""
    types = [r["defect_type"] for r in data.rows("select distinct defect_type from marts.fct_inventory_defects order by 1")]
    chosen = accounts() & products() & dates("defect_date") & event_types()
    with kind:
        chosen &= one_of("defect_type", choice("Defect type", "defect_type", types))
    with reference:
        return chosen & typed("Order or transaction", "reference", "amazon_order_id", "transaction_id")


def words(code: str) -> str:
    """A code such as WAREHOUSE_LOST as people write it; AFN, and whatever is no code, stay as they are."""
    return code.replace("_", " ").capitalize() if code.isupper() and len(code) > 4 else code


def accounts() -> Condition:
    """The chosen accounts."""
    return one_of("account_id", _shared().accounts)


def dates(column: str) -> Condition:
    """The chosen days, both included."""
    first, last = chosen_dates()
    return Condition(f"{column} between ? and ?", (first, last))


def chosen_dates() -> tuple[date, date]:
    """The first and the last chosen day; while only one is picked, that day."""
    chosen = _shared().dates
    return (chosen[0], chosen[-1]) if chosen else (date.min, data.as_of())


def products(own: Sequence[str] = ("asin", "fnsku")) -> Condition:
    """The chosen products, by any of their ids and in any spelling; ``own`` are the columns of the mart that name one beside its SKU."""
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
    """One of the values; everything where there are none."""
    return Condition(f"{column} in ({', '.join('?' * len(values))})", tuple(values)) if values else EVERYTHING


def mentions(text: str, *columns: str) -> Condition:
    """An id that was typed, in one of the columns exactly, or in a list of ids; everything where nothing was typed."""
    ids = [part.strip() for part in text.split(",") if part.strip()]
    if not ids:
        return EVERYTHING
    found = [f"list_contains(string_split_regex({column}, ' *, *'), ?)" for _ in ids for column in columns]
    return Condition(f"({' or '.join(found)})", tuple(i for i in ids for _ in columns))
