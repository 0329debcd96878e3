"""How far each report reaches, what was loaded or refused and why, and what Amazon changed afterwards."""

from __future__ import annotations

import json

import pyarrow
import streamlit as st

from dashboard import data, filters, parts

FRESHNESS = {
    "account_id": "Account", "report": "Report", "is_complete": "Complete", "data_through_date": "Through", "first_date": "From",
    "missing_days": "Missing days", "missing_history_days": "Missing history", "last_retrieved_at": "Retrieved (UTC)", "reaches_back": "Amazon keeps",
    "last_refusal": "Last refusal",
}  # fmt: skip
REFUSED = {
    "account_id": "Account", "report": "Report", "file_name": "File", "retrieved_at": "Retrieved (UTC)", "reason": "Why, and what to do",
}  # fmt: skip
RULES = {
    "severity": "Severity", "account_id": "Account", "report": "Report", "file_name": "File", "rule": "Rule", "what": "What", "failed_count": "Rows",
    "remedy": "What to do", "rows": "Rows (up to ten)",
}  # fmt: skip
LOADS = {
    "account_id": "Account", "report": "Report", "verdict": "Verdict", "file_name": "File", "retrieved_at": "Retrieved (UTC)", "row_count": "Rows",
    "rows_added": "Added", "rows_removed": "Removed", "window_start": "From", "window_end": "Until", "source": "Source", "reason": "Why",
}  # fmt: skip
GAPS = {"account_id": "Account", "report": "Report", "first_missing_date": "From", "last_missing_date": "Until", "days": "Days"}
RESTATED = {
    "account_id": "Account", "report": "Report", "event_date": "Day", "seen_at": "Seen (UTC)", "rows_added": "Rows added",
    "rows_removed": "Rows removed", "units_change": "Units", "cash_amount_change": "Amount", "currency_code": "Currency",
    "was_seen_whole": "Seen whole before",
}  # fmt: skip
SET_ASIDE = {
    "account_id": "Account", "mart": "Mart", "why": "Why", "remedy": "What to do", "key": "Row", "rule": "Rule",
}  # fmt: skip
ALERTS = {
    "raised_at": "Raised (UTC)", "kind": "Kind", "account_id": "Account", "title": "What", "message": "Message", "sent_at": "Sent (UTC)",
}  # fmt: skip
NOTHING = {
    "alerts": ("No alert was raised in these days.", "There is nothing to do."),
    "freshness": ("No report is loaded.", "Drop report files into the inbox, or connect an account, then make run."),
    "quarantine": ("Nothing was refused in these days.", "All documents were loaded."),
    "set_aside": ("No row breaks an assumption.", "There is nothing to do."),
    "loads": ("No document was retrieved in these days.", "Choose a wider range of dates, or clear the filters."),
    "coverage_gaps": ("No day is missing between the first and the last loaded day.", "There is nothing to do."),
    "restatements": ("No change was seen in these days.", "Choose a wider range of dates, or clear the filters."),
}
MISSING = """
    with answered as (
        select account_id, report, event_date as day from meta.coverage where is_held and event_date is not null
        union
        select l.account_id, l.report, c.calendar_date from meta.loads as l
        inner join marts.dim_calendar as c on c.calendar_date between l.window_start and l.window_end
        where l.source = 'sp_api' and l.verdict <> 'QUARANTINED'
    ),
    next_days as (select *, lead(day) over (partition by account_id, report order by day) as next_day from answered)
    select account_id, report, day + 1 as first_missing_date, next_day - 1 as last_missing_date, next_day - day - 1 as days
    from next_days semi join (from meta.freshness where missing_days > 0) using (account_id, report)
    where next_day - day > 1
"""
"""Days without an answer between the first and the last answered day, as ``missing_days`` of ``meta.freshness`` counts them."""


def show() -> None:
    """The page."""
    st.caption("Dates are days on which a document was retrieved. The product filter does not apply here.")
    with st.columns(4)[0]:
        reports = filters.choice("Report", "report", [r["report"] for r in data.rows("select distinct report from meta.freshness order by 1")])
    chosen = filters.accounts() & filters.one_of("report", reports)
    of_days = chosen & filters.dates("retrieved_at::date")
    (found,) = data.rows(
        "select (select count(*) from meta.freshness where " + chosen.sql + ") as reports, "
        f"(select count(*) from meta.freshness where {chosen.sql} and not is_complete) as behind, "
        f"count(*) as documents, count(*) filter (verdict = 'QUARANTINED') as refused from meta.loads where {of_days.sql}",
        [*chosen.values, *chosen.values, *of_days.values],
    )
    parts.figures({
        "Reports": found["reports"], "Behind or with gaps": found["behind"], "Documents of these days": found["documents"],
        "Refused": found["refused"],
    })  # fmt: skip
    if "meta.alerts" in data.published().tables():
        _list("Alerts", "alerts", "from meta.alerts", filters.accounts() & filters.dates("raised_at::date"), "raised_at desc, key", ALERTS)
    if "meta.set_aside" in data.published().tables():
        _list("Rows set aside", "set_aside", "from meta.set_aside", filters.accounts(), "account_id, mart, rule, key", SET_ASIDE)
    _list("How far the data reaches", "freshness", "from meta.freshness", chosen, "is_complete, account_id, report", FRESHNESS)
    refused = of_days & filters.Condition("verdict = 'QUARANTINED'")
    _list("Refused documents", "quarantine", "from meta.loads", refused, "retrieved_at desc, file_name", REFUSED)
    _rules(of_days)
    _verdicts(of_days)
    _list("Documents", "loads", "from meta.loads", of_days, "retrieved_at desc, account_id, report, document_id", LOADS)
    _list("Missing days", "coverage_gaps", f"from ({MISSING})", chosen, "account_id, report, first_missing_date", GAPS)
    seen = chosen & filters.dates("seen_at::date")
    changes = "seen_at desc, account_id, report, event_date, currency_code"
    _list("Changes by Amazon after the first load", "restatements", "from marts.fct_restatements", seen, changes, RESTATED)


def _list(title: str, name: str, source: str, chosen: filters.Condition, order: str, labels: dict[str, str]) -> None:
    st.subheader(title)
    parts.listing(data.table(f"{source} where {chosen.sql} order by {order}", chosen.values), name, labels, *NOTHING[name])


def _rules(of_days: filters.Condition) -> None:
    """The rules that documents failed, and the rows that failed the chosen rule."""
    st.subheader("Rules that documents failed")
    failed = data.table(
        "select g.*, l.file_name from (select * from meta.gate_results where not passed) as g "
        f"inner join (select * from meta.loads where {of_days.sql}) as l using (run_id, account_id, report, document_id) "
        "order by g.severity, l.retrieved_at desc, g.account_id, g.report, g.rule",
        of_days.values,
    )
    if not failed.num_rows:
        parts.nothing("Every rule held in these days.", "There is nothing to do.")
        return
    chosen = parts.grid(failed, "gate_results", labels=RULES, on_select="rerun", selection_mode="single-row").selection.rows
    if chosen:
        rule = failed.slice(chosen[0], 1).to_pylist()[0]
        rows = json.loads(rule["rows"] or "[]")
        # Names of files and columns are anybody's: no Markdown.
        st.text(f"{rule['file_name']}: {rule['what']}")
        if rows:
            parts.grid(pyarrow.Table.from_pylist([{k: None if v is None else str(v) for k, v in row.items()} for row in rows]), "offending_rows")
        else:
            st.text(f"The rule is about the file as a whole, not about rows. {rule['remedy'] or rule['what']}")
    else:
        st.caption("Choose a rule to see up to ten rows that failed it.")


def _verdicts(of_days: filters.Condition) -> None:
    st.subheader("Documents by verdict")
    verdicts = data.table(
        "select date_trunc('month', retrieved_at)::date as month, verdict, count(*) as documents "
        f"from meta.loads where {of_days.sql} group by 1, 2 order by 1, 2",
        of_days.values,
    )
    if verdicts.num_rows:
        parts.stacks(verdicts, "month", "verdict", "documents", "Documents")
    else:
        parts.nothing(*NOTHING["loads"])
