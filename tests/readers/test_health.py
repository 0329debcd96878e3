"""Data health: missing days, refused documents with their reason, and the rows that broke a rule."""

from __future__ import annotations

from tests.readers.dashboard import EVER, Dashboard


def test_figures_and_files_are_those_of_meta(dashboard: Dashboard) -> None:
    dashboard.open("health", **EVER)
    for name, sql in {
        "Reports": "from meta.freshness", "Behind or with gaps": "from meta.freshness where not is_complete",
        "Documents of these days": "from meta.loads", "Refused": "from meta.loads where verdict = 'QUARANTINED'",
    }.items():  # fmt: skip
        ((count,),) = dashboard.ask(f"select count(*) {sql}")
        dashboard.shows(name, f"{count:,}")
        assert count > 0
    assert dashboard.holds("freshness", "from meta.freshness") > 0
    assert dashboard.holds("loads", "from meta.loads") > 0
    assert dashboard.holds("restatements", "from fct_restatements") > 0


def test_refused_files_stand_with_reason_and_remedy(dashboard: Dashboard) -> None:
    assert dashboard.open("health").holds("quarantine", "from meta.loads where verdict = 'QUARANTINED'") == 2
    reasons = dashboard.download("quarantine").read_text(encoding="utf-8")
    assert "no report has a header of 3 columns that begins 'approval-date'; see docs/inputs.md" in reasons
    assert "amount-per-unit is no amount (decimal comma)" in reasons
    assert "correct the value, or say how the account writes numbers" in reasons


def test_chosen_rule_shows_the_rows_that_broke_it(dashboard: Dashboard) -> None:
    """The rules in their order: amount per unit, amount in all, approval date; two rows have a decimal point, where the account writes commas."""
    dashboard.open("health", account="demo-eu", report="reimbursements")
    dashboard.choose_line("gate_results", 1)
    dashboard.says("reimbursements-wrong.txt: amount-total is no amount (decimal comma)")
    assert dashboard.download("offending_rows").read_text(encoding="utf-8") == '"_line","amount_total"\n"2","12,34,56"\n"3","10.00"\n'


def test_missing_days_add_up_to_those_that_freshness_counts(dashboard: Dashboard) -> None:
    dashboard.open("health", account="demo-eu")
    rows = dashboard.download("coverage_gaps").read_text(encoding="utf-8").splitlines()
    ((missing,),) = dashboard.ask("select sum(missing_days) from meta.freshness where account_id = 'demo-eu'")
    assert sum(int(row.rsplit(",", 1)[1]) for row in rows[1:]) == missing > 0


def test_report_is_picked_and_is_in_the_address(dashboard: Dashboard) -> None:
    dashboard.open("health", **EVER)
    dashboard.pick("Report", "replacements")
    dashboard.has("report", "replacements")
    dashboard.shows("Reports", "4")
    assert dashboard.holds("loads", "from meta.loads where report = 'replacements'") > 0
    dashboard.says("Nothing was refused in these days.")
    dashboard.says("Every rule held in these days.")


def test_days_without_documents_say_what_to_do(dashboard: Dashboard) -> None:
    dashboard.open("health", dates=["2024-01-01", "2024-01-31"]).says("No document was retrieved in these days.")
    dashboard.says("No change was seen in these days.")
