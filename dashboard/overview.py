"""How many units are defective, what became of them, and how that developed."""

from __future__ import annotations

from dashboard import data, filters, parts

STATUSES = ("ELIGIBLE_FOR_CLAIM", "IN_PROGRESS", "RESOLVED")


def show() -> None:
    """The page."""
    types = filters.choice("Event type", "event_type", ("WAREHOUSE_OPERATIONS", "CUSTOMER_RETURNS"))
    chosen = filters.accounts() & filters.products() & filters.one_of("event_type", types)
    of_days = chosen & filters.dates("defect_date")
    (units,) = data.rows(
        "select coalesce(sum(defect_units), 0)::bigint as defective, coalesce(sum(eligible_units), 0)::bigint as eligible, "
        "coalesce(sum(in_progress_units), 0)::bigint as in_progress, "
        f"coalesce(sum(defect_units - eligible_units - in_progress_units), 0)::bigint as resolved from marts.fct_inventory_defects where {of_days.sql}",
        list(of_days.values),
    )
    if not units["defective"]:
        parts.nothing("No defects in these days, for these accounts and products.", "Choose a wider range of dates, or clear the filters.")
        return
    paid = data.rows(
        "select currency_code, sum(reimbursed_cash_amount) as amount from marts.fct_inventory_defects "
        f"where {of_days.sql} and reimbursed_cash_amount <> 0 group by currency_code order by currency_code",
        list(of_days.values),
    )
    parts.figures({
        "Defective units": units["defective"], "Eligible for claim": units["eligible"], "In progress": units["in_progress"], "Resolved": units["resolved"],
        "Cash reimbursed for them": parts.money(paid),
    })  # fmt: skip
    _trend(chosen)


def _trend(chosen: filters.Condition) -> None:
    """Units of each status at the end of every day of the range."""
    first, last = filters.chosen_dates()
    daily = data.table(
        "select calendar_date, defect_status, units from ("
        "  select c.calendar_date, s.defect_status, coalesce(sum(m.units), 0)::bigint as units"
        f"  from marts.dim_calendar as c cross join (select unnest({list(STATUSES)}) as defect_status) as s"
        f"  left join (select * from marts.fct_defect_status_moves where {chosen.sql}) as m"
        "    on m.move_date <= c.calendar_date and m.defect_status = s.defect_status"
        "  where c.calendar_date between ? and ? group by all)",
        [*chosen.values, first, min(last, data.as_of())],
    ).to_pandas()
    open_units = daily[daily["defect_status"] != "RESOLVED"]
    parts.areas("Open units at the end of each day", open_units, "calendar_date", "defect_status", "units", "Units")
    parts.areas(
        "Resolved units at the end of each day", daily[daily["defect_status"] == "RESOLVED"], "calendar_date", "defect_status", "units", "Units"
    )
