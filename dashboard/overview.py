"""Defective units, their status today and over time."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import Page

from dashboard import data, filters, parts

STATUSES = ("ELIGIBLE_FOR_CLAIM", "IN_PROGRESS", "RESOLVED")


def show(eligible: Page, in_progress: Page, resolved: Page) -> None:
    """The page; its figures link to the other pages."""
    chosen = filters.accounts() & filters.products() & filters.event_types()
    of_days = chosen & filters.dates("defect_date")
    (units,) = data.rows(
        "select coalesce(sum(defect_units), 0)::bigint as defective, coalesce(sum(eligible_units), 0)::bigint as eligible, "
        "coalesce(sum(in_progress_units), 0)::bigint as in_progress, "
        "coalesce(sum(defect_units - eligible_units - in_progress_units), 0)::bigint as resolved "
        f"from marts.fct_inventory_defects where {of_days.sql}",
        of_days.values,
    )
    if not units["defective"]:
        parts.nothing("No defects in these days, for these accounts and products.", "Choose a wider range of dates, or clear the filters.")
        return
    figures = {
        "Defective units": units["defective"], "Eligible for claim": units["eligible"], "In progress": units["in_progress"],
        "Resolved": units["resolved"], "Cash reimbursed for them": parts.money(data.cash("marts.fct_inventory_defects", of_days)),
    }  # fmt: skip
    parts.figures(figures, {"Eligible for claim": eligible, "In progress": in_progress, "Resolved": resolved})
    _trend(chosen)


def _trend(chosen: filters.Condition) -> None:
    """Units of each status at the end of every day of the range."""
    first, last = filters.chosen_dates()
    last = min(last, data.as_of())
    daily = data.table(
        "with moves as ("
        "  select greatest(move_date, ?) as calendar_date, defect_status, sum(units) as units"
        f"  from marts.fct_defect_status_moves where {chosen.sql} and move_date <= ? group by all)"
        "select calendar_date, defect_status,"
        "  coalesce(sum(units) over (partition by defect_status order by calendar_date), 0)::bigint as units "
        f"from (select calendar_date, unnest({list(STATUSES)}) as defect_status from marts.dim_calendar where calendar_date between ? and ?) "
        "left join moves using (calendar_date, defect_status) order by calendar_date, defect_status",
        (first, *chosen.values, last, first, last),
    )
    frame = daily.to_pandas()
    is_open = frame["defect_status"] != "RESOLVED"
    parts.areas("Open units at the end of each day", frame[is_open], "calendar_date", "defect_status", "units", "Units")
    parts.areas("Resolved units at the end of each day", frame[~is_open], "calendar_date", "defect_status", "units", "Units")
    st.caption("The charts count all defects up to each day, including earlier ones; the figures above count only defects of these days.")
    parts.download(daily, "defect_status_daily")
