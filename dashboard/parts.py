"""The parts of the pages: figures, charts, tables with a download, and messages for empty results."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import altair as alt
import pandas
import pyarrow
import streamlit as st
from streamlit.navigation.page import Page

from dashboard.filters import words
from dashboard.reasons import why
from seller_warehouse.core.accounts import marketplaces
from seller_warehouse.marts.safe_csv import as_csv

# Okabe and Ito's colours, which colour-blind people can tell apart; https://jfly.uni-koeln.de/color/
COLOURS = {
    "ELIGIBLE_FOR_CLAIM": "#D55E00", "IN_PROGRESS": "#E69F00", "RESOLVED": "#0072B2",
    "REIMBURSED": "#009E73", "RECONCILE": "#56B4E9", "INELIGIBLE": "#CC79A7",
    "AFN": "#0072B2", "MFN": "#E69F00",
}  # fmt: skip
OTHERS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")

DRAWN_ROWS = 5_000
"""Rows of a table that are sent to the browser; the download has all."""

ORDER_WIDTH = 165
"""Pixels for a whole order id; Streamlit's own width depends on the first rows, which may have none."""

CODES = (
    "_type", "_status", "_category", "_basis", "_outcome", "_state", "_comparison", "_origin", "disposition", "verdict", "initiated_by",
    "reaches_back",
)  # fmt: skip
"""Endings of columns whose codes are shown as words; the download keeps the codes."""

MARKETPLACES = ("marketplace_id", "marketplace_inferred")
"""Columns of Amazon's marketplace ids, shown as the name of the shop."""


def marketplace(marketplace_id: str | None) -> str:
    """The shop of a marketplace, such as Amazon.de; its id if it is unknown."""
    known = marketplaces().get(marketplace_id or "")
    return known.sales_channel if known else marketplace_id or "unknown"


def https_only(address: str) -> str | None:
    """The address of a picture, unless fetching it would show others what is looked at here, or run something."""
    return address if re.match(r"(?i)https://[^\s/]", address) else None


def verbatim(text: str) -> str:
    """A text of a report for a heading, where Markdown would make links and pictures of it."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence} {' '.join(text.split())} {fence}"


def money(amounts: Iterable[Mapping[str, Any]]) -> list[str]:
    """The text of each ``currency_code`` and ``amount``: currencies are never added up."""
    return [f"{a['currency_code']} {a['amount']:,.2f}" for a in amounts if a["amount"] is not None] or ["none"]


def figures(values: Mapping[str, int | str | Sequence[str]], links: Mapping[str, Page] | None = None) -> None:
    """Figures side by side, each below its name, one line per currency. ``links`` are the pages behind them."""
    for column, (name, value) in zip(st.columns(len(values)), values.items(), strict=True):
        lines = [f"{value:,}"] if isinstance(value, int) else [value] if isinstance(value, str) else list(value)
        with column.container(border=True, height="stretch", key="figure_" + "".join(c for c in name.lower() if c.isalnum())):
            st.caption(name)
            st.markdown("  \n".join(f"**{line}**" for line in lines) if len(lines) > 1 else f"{'###' if len(values) < 5 else '#####'} {lines[0]}")
            if links and name in links:
                st.page_link(links[name], label="Show", icon=":material/arrow_forward:")


def grid(table: pyarrow.Table, name: str, *, labels: Mapping[str, str] | None = None, **rest: Any) -> Any:
    """A table with sorting and a download; ``labels`` name the columns to show, in order. The download has all columns."""
    labels = labels or {c: words(c.upper()) for c in table.column_names}
    shown = table.select(list(labels)).slice(0, DRAWN_ROWS)
    for place, column in enumerate(shown.column_names):
        if said := _said(column):
            shown = shown.set_column(place, column, [[value and said(value) for value in shown[column].to_pylist()]])
    config: dict[str, Any] = {c: _column(table.schema.field(c), label) for c, label in labels.items()}
    selected = st.dataframe(shown, hide_index=True, column_config=config, placeholder="", key=f"table_{name}", **rest)
    if table.num_rows > DRAWN_ROWS:
        st.caption(f"The first {DRAWN_ROWS:,} of {table.num_rows:,} rows are shown; the download has all.")
    download(table, name)
    return selected


def download(table: pyarrow.Table, name: str) -> None:
    """All rows and columns as a file, with the codes of the marts."""
    st.download_button(
        f"Download {table.num_rows:,} rows (CSV)", lambda: as_csv(table), f"{name}.csv", "text/csv", on_click="ignore", key=f"csv_{name}",
        icon=":material/download:",
    )  # fmt: skip


def _said(column: str) -> Callable[[str], str | None] | None:
    """What is shown in the place of a column's values; None where they are shown as they are."""
    if column == "image_url":
        return https_only
    if column == "status_reason":
        return why
    if column in MARKETPLACES:
        return marketplace
    return words if column.endswith(CODES) else None


def _column(field: pyarrow.Field, label: str) -> Any:
    if field.name.endswith("_rate"):
        return st.column_config.NumberColumn(label, format="percent")
    if pyarrow.types.is_decimal(field.type):
        return st.column_config.NumberColumn(label, format="%.2f")
    if field.name == "amazon_order_id":
        return st.column_config.Column(label, width=ORDER_WIDTH)
    if field.name == "month":
        return st.column_config.DateColumn(label, format="MMM YYYY")
    return st.column_config.ImageColumn(label) if field.name == "image_url" else st.column_config.Column(label)


def listing(table: pyarrow.Table, name: str, labels: Mapping[str, str], what: str, then: str) -> None:
    """The table, or a message if it is empty."""
    if table.num_rows:
        grid(table, name, labels=labels)
    else:
        nothing(what, then)


def nothing(what: str, then: str) -> None:
    """A message in place of an empty table or chart, and what to do."""
    st.info(f"{what} {then}", icon=":material/info:")


def bars(table: pyarrow.Table, category: str, value: str, unit: str, *, colour: str = OTHERS[0]) -> None:
    """Horizontal bars in descending order, labelled with their values."""
    frame = table.to_pandas()
    frame[category] = frame[category].map(why if category == "status_reason" else words)
    base = alt.Chart(frame).encode(
        x=alt.X(f"{value}:Q", title=unit, axis=alt.Axis(tickMinStep=1, format=",d")),
        y=alt.Y(f"{category}:N", sort=list(frame[category]), title=None, axis=alt.Axis(labelLimit=320)),
        tooltip=[alt.Tooltip(f"{category}:N", title="What"), alt.Tooltip(f"{value}:Q", title=unit, format=",")],
    )  # fmt: skip
    # Axis labels follow the theme, mark labels do not.
    labels = base.mark_text(align="left", dx=4, color="white" if st.context.theme.type == "dark" else "black")
    chart = base.mark_bar(color=colour) + labels.encode(text=alt.Text(f"{value}:Q", format=","))
    st.altair_chart(chart.properties(height=34 * len(frame) + 50), width="stretch")


def shares(units: Mapping[str, int], unit: str) -> None:
    """A ring chart of codes of COLOURS; its legend shows number and share."""
    total = sum(units.values())
    labels = {code: f"{words(code)}: {number:,} ({number / total:.0%})" for code, number in units.items() if number}
    frame = pandas.DataFrame({"what": list(labels.values()), "units": [units[code] for code in labels]})
    colour = alt.Color("what:N", title=None, sort=None, scale=alt.Scale(domain=list(labels.values()), range=[COLOURS[code] for code in labels]))
    chart = alt.Chart(frame).mark_arc(innerRadius=60).encode(
        theta="units:Q", color=colour.legend(orient="right", labelLimit=260, labelFontSize=13), order=alt.Order("units:Q", sort="descending"),
        tooltip=[alt.Tooltip("what:N", title="What"), alt.Tooltip("units:Q", title=unit, format=",")],
    ).properties(height=220)  # fmt: skip
    st.altair_chart(chart, width="stretch")


def areas(title: str, frame: pandas.DataFrame, day: str, kind: str, value: str, unit: str) -> None:
    """Stacked areas by day, with a colour and a legend entry for each kind; kinds are codes of COLOURS."""
    st.subheader(title)
    kinds = [k for k in COLOURS if k in set(frame[kind])]
    shown = frame.assign(**{kind: frame[kind].map(words)})
    colour = alt.Color(f"{kind}:N", title=None, scale=alt.Scale(domain=[words(k) for k in kinds], range=[COLOURS[k] for k in kinds]))
    chart = alt.Chart(shown).mark_area().encode(
        x=alt.X(f"{day}:T", title=None), y=alt.Y(f"{value}:Q", title=unit, stack=True, axis=alt.Axis(tickMinStep=1)),
        color=colour.legend(orient="top"), tooltip=[alt.Tooltip(f"{day}:T", title="Day"), f"{kind}:N", alt.Tooltip(f"{value}:Q", title=unit)],
    )  # fmt: skip
    st.altair_chart(chart, width="stretch")


def stacks(table: pyarrow.Table, month: str, kind: str, value: str, unit: str) -> None:
    """Bars by month, stacked by kind: the largest kinds each in their own colour, the others together."""
    frame = table.select([month, kind, value]).to_pandas()
    frame[value] = frame[value].astype(float)
    largest = frame.groupby(kind)[value].apply(lambda amounts: amounts.abs().sum()).nlargest(len(OTHERS) - 1).index
    frame[kind] = frame[kind].where(frame[kind].isin(largest), "ALL_OTHERS").map(words)
    kinds = [*map(words, largest), *({words("ALL_OTHERS")} & set(frame[kind]))]
    chart = alt.Chart(frame).mark_bar().encode(
        x=alt.X(f"yearmonth({month}):O", title=None), y=alt.Y(f"sum({value}):Q", title=unit),
        color=alt.Color(f"{kind}:N", title=None, scale=alt.Scale(domain=kinds, range=list(OTHERS[: len(kinds)]))).legend(orient="top", columns=4),
        tooltip=[alt.Tooltip(f"yearmonth({month}):O", title="Month"), f"{kind}:N", alt.Tooltip(f"sum({value}):Q", title=unit, format=",.2f")],
    )  # fmt: skip
    st.altair_chart(chart, width="stretch")
