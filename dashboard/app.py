"""``streamlit run dashboard/app.py``: every page, the filters that they share, and how fresh the figures are."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import (
    data,
    eligible,
    filters,
    finance,
    health,
    in_progress,
    multi_channel,
    order_defects,
    overview,
    reimbursements,
    resolved,
    sourcing_cost,
)  # fmt: skip
from seller_warehouse.readers.published import NotPublished

LOOK_EVERY = "10s"
STYLE = """<style>
.stMainBlockContainer {padding-top: 3rem}
[data-testid=stElementToolbarButton]:has(button[aria-label^="Download as CSV"]) {display: none}
</style>"""
"""Streamlit leaves 6rem above the title, and its own download of a table holds texts that a spreadsheet runs as formulas."""
ICON = Path(__file__).with_name("icon.svg")

ELIGIBLE = st.Page(eligible.show, title="Eligible for claim", icon=":material/gavel:", url_path="eligible")
IN_PROGRESS = st.Page(in_progress.show, title="In progress", icon=":material/hourglass_top:", url_path="in-progress")
RESOLVED = st.Page(resolved.show, title="Resolved", icon=":material/task_alt:", url_path="resolved")
OVERVIEW = st.Page(
    lambda: overview.show(ELIGIBLE, IN_PROGRESS, RESOLVED), title="Overview", icon=":material/dashboard:", url_path="overview", default=True
)
OF_DEFECTS = [OVERVIEW, ELIGIBLE, IN_PROGRESS, RESOLVED]
PAGES = {
    "Inventory defects": [
        *OF_DEFECTS,
        st.Page(multi_channel.show, title="Multi-channel", icon=":material/local_shipping:", url_path="multi-channel"),
    ],
    "Money": [
        st.Page(reimbursements.show, title="Reimbursements", icon=":material/payments:", url_path="reimbursements"),
        st.Page(finance.show, title="Finance", icon=":material/account_balance:", url_path="finance"),
        st.Page(sourcing_cost.show, title="Sourcing cost", icon=":material/sell:", url_path="sourcing-cost"),
    ],
    "Account health": [
        st.Page(order_defects.show, title="Order defects", icon=":material/report:", url_path="order-defects"),
    ],
    "Data": [
        st.Page(health.show, title="Data health", icon=":material/monitor_heart:", url_path="health"),
    ],
}


@st.fragment(run_every=LOOK_EVERY)
def follow() -> None:
    """Show how fresh the page is, and rerun it when a new publication appears."""
    shown = st.session_state.setdefault("publication_id", data.published().publication_id)
    if shown != data.published().publication_id:
        st.session_state["publication_id"] = data.published().publication_id
        st.rerun()
    (fresh,) = data.rows(
        "select p.as_of_date, p.as_known_at, p.published_at, count(*) filter (not f.is_complete) as behind "
        "from meta.publication as p left join meta.freshness as f on true group by all"
    )
    behind = f" · {fresh['behind']} reports are behind, see Data health" if fresh["behind"] else ""
    known = f" · as known at {fresh['as_known_at']:%Y-%m-%d %H:%M} UTC" if fresh["as_known_at"] else ""
    st.caption(f"As of {fresh['as_of_date']}{known} · published {fresh['published_at']:%Y-%m-%d %H:%M} UTC{behind}")


def main() -> None:
    """One run of the open page."""
    st.set_page_config(page_title="Seller Warehouse", page_icon=ICON, layout="wide")
    st.html(STYLE)
    page = st.navigation(PAGES)
    try:
        data.published().cursor()
    except NotPublished as nothing:
        st.title("Nothing is published yet")
        st.info(str(nothing), icon=":material/info:")
        return
    filters.show(of_defects=page in OF_DEFECTS)
    st.title(page.title)
    follow()
    page.run()


main()
