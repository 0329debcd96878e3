"""Write ``docs/requests.md``: how often each report is requested, and how long the first 18 months take under Amazon's own limits."""

from __future__ import annotations

from datetime import date, timedelta

from seller_warehouse.amazon.planner import CONFIRMATIONS, HISTORY_SAFETY_DAYS, REFUSALS, hours_needed, plan_windows, recent_start
from seller_warehouse.amazon.quotas import QUOTAS
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import REPOSITORY
from seller_warehouse.core.report_spec import MarketplaceScope, ReportSpec
from seller_warehouse.orchestration.pools import MAX_ACCOUNTS
from seller_warehouse.reports import SPECS

PAGE = REPOSITORY / "docs" / "requests.md"
TODAY = date(2026, 11, 22)
EXAMPLE = Account(id="example", name="Example", region="na", marketplaces=("ATVPDKIKX0DER", "A2EUQ1WTGCTBG2", "A1AM78C64UM0Y8"), source="sp_api")


def windows_of(spec: ReportSpec) -> int:
    """The number of requests for the first 18 months of a new account with three marketplaces."""
    return sum(len(plan_windows(spec, EXAMPLE, [], today=TODAY, months=18, recent=recent)) for recent in (True, False))


def page() -> str:
    """The page as Markdown."""
    asked = [s for s in SPECS.values() if s.requests and not s.requests.listed_only]
    total = sum(windows_of(s) for s in asked)
    hours = {s.name: hours_needed(windows_of(s), s.requests) for s in asked if s.requests}
    slowest = max(hours, key=lambda n: hours[n])
    burst, per_second = QUOTAS["createReport"]
    quota_hours = (total - burst) / per_second / 3600
    return f"""<!-- Written by `make docs` from the report specs; do not edit. -->
# Requests to Amazon, and how long they take

A new account with three marketplaces, 18 months before {TODAY}, less {HISTORY_SAFETY_DAYS} days, since nobody knows how many days Amazon's
18 months have. Each range is requested {_margin()} wider on both sides than the days it is for, because nobody knows in which zone
Amazon cuts a day; rows outside those days are cut off when it is loaded.

| report | days in a request | requests for 18 months | pause between two | at least | requested again every day |
|---|---:|---:|---:|---:|---|
{chr(10).join(_row(s, hours[s.name]) for s in asked)}
| settlements | none: Amazon makes them | listed | | | new ones in Amazon's list of 90 days |

**{total} requests.** By Amazon's quota for createReport ({burst} at once, then {per_second * 60:g} a minute, for each seller) that is
{quota_hours:.1f} hours; getReportDocument has the same quota and runs in parallel. Most time goes into the pause that Amazon requires between two
reports of one type: report types run in parallel, so the slowest, **{slowest}**, decides:
**{hours[slowest]:.0f} hours, {hours[slowest] / 24:.1f} days**, if no request has to be repeated. Newest first: recent months arrive
in the first round, after about a day, most reports within hours.

- A day is requested again daily until an answer comes from a time when its rows can no longer change (the last column).
- "No data" (only a header, or CANCELLED, which has three causes) replaces nothing, and is believed on its {CONFIRMATIONS}nd day.
- A window that Amazon refuses is tried three times in a run, and given up after {REFUSALS} refused answers in a row; `meta.loads` keeps
  Amazon's words, `meta.freshness` shows what is missing. Days that may still change are still tried once a day.
- A report of the same type and range is reused if Amazon made it in the last four hours.
- Pauses are shared with every other application of the seller: a repricing tool may make a request fail, which is then repeated.
- Accounts do not wait for each other: each is a separate task, which frees its worker slot while it waits. A failure of one report
  stops neither the account's other reports nor another account. After an outage all reports of the account pause for ten minutes.
- One run lands up to {MAX_ACCOUNTS:,} accounts. An Airflow of your own needs `core.max_map_length` (default 1,024) and
  `triggerer.capacity` (default 1,000) at least as high as the number of accounts.
- Seller performance, FBA inventory and listings have no history: one snapshot a day from the first day on.
"""


def _margin() -> str:
    return f"{max(s.requests.margin_hours for s in SPECS.values() if s.requests)} hours"


def _row(spec: ReportSpec, hours: float) -> str:
    requests = spec.requests
    assert requests
    each = {MarketplaceScope.EACH: " for each marketplace", MarketplaceScope.NAMED: ", all marketplaces in one", MarketplaceScope.REGION: ""}[
        requests.marketplace_scope
    ]
    if not requests.history_months:
        days, again = f"now{each}", "a snapshot"
    else:
        days = f"{requests.window_days or 'all'}{each}"
        again = f"the last {requests.restated_days} days"
        if requests.window_days and recent_start(requests, TODAY) < TODAY - timedelta(days=requests.restated_days):
            again += f" (the first time the last {(TODAY - recent_start(requests, TODAY)).days})"
    pause = f"{requests.pause_minutes} min" if requests.pause_minutes else "none"
    return f"| {spec.name} | {days} | {windows_of(spec)} | {pause} | {hours:.1f} h | {again} |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
