"""``streamlit run dashboard/app.py``: every page, the filters that they share, and how fresh the figures are."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import data, eligible, filters, finance, health, order_defects, overview, reimbursements, sourcing_cost
from seller_warehouse.published import NotPublished

LOOK_EVERY = "10s"
ICON = Path(__file__).with_name("icon.svg")

PAGES = {
    "Inventory defects": [
        st.Page(overview.show, title="Overview", icon=":material/dashboard:", default=True),
        st.Page(eligible.show, title="Eligible for claim", icon=":material/gavel:", url_path="eligible"),
    ],
    "Money": [
        st.Page(reimbursements.show, title="Reimbursements", icon=":material/payments:", url_path="reimbursements"),
        st.Page(finance.show, title="Finance", icon=":material/account_balance:", url_path="finance"),
        st.Page(sourcing_cost.show, title="Sourcing cost", icon=":material/sell:", url_path="sourcing-cost"),
    ],
    "Account health": [
        st.Page(order_defects.show, title="Order defects", icon=":material/report:", url_path="order-defects"),
        st.Page(health.show, title="Data health", icon=":material/monitor_heart:", url_path="health"),
    ],
}


@st.fragment(run_every=LOOK_EVERY)
def follow() -> None:
    """Say how fresh the page is, and show the next publication soon after it is there."""
    shown = st.session_state.setdefault("publication_id", data.published().publication_id)
    if shown != data.published().publication_id:
        st.session_state["publication_id"] = data.published().publication_id
        st.rerun()
    (fresh,) = data.rows(
        "select p.as_of_date, p.published_at, count(*) filter (not f.is_complete) as behind "
        "from meta.publication as p left join meta.freshness as f on true group by all"
    )
    behind = f" · {fresh['behind']} reports are behind, see Data health" if fresh["behind"] else ""
    st.caption(f"As of {fresh['as_of_date']} · published {fresh['published_at']:%Y-%m-%d %H:%M} UTC{behind}")


def main() -> None:
    """One run of the page that is open."""
    st.set_page_config(page_title="Seller Warehouse", page_icon=ICON, layout="wide")
    page = st.navigation(PAGES)
    try:
        data.published().cursor()
    except NotPublished as nothing:
        st.title("Nothing is published yet")
        st.info(str(nothing), icon=":material/info:")
        return
    filters.show()
    st.title(page.title)
    follow()
    page.run()


main()
