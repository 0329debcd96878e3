"""Plan the requests to Amazon: the days that are missing or due again, in the fewest windows that its limits allow.

The daily run plans the recent days, the backfill the older ones; both call ``plan_windows``, so missed days are requested again after an outage and a
backfill continues where it stopped. A day is settled once it was answered after its rows could no longer change (``Requests.restated_days``); until
then it is requested every day. Pure: today is a parameter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.report_spec import MarketplaceScope, ReplacementScope, ReportSpec, Requests
from seller_warehouse.core.windows import Answer, AnswerKind

CONFIRMATIONS = 2
"""Days on which the answer must be "no data" before a settled day counts as empty: CANCELLED also means too soon, or cancelled by somebody."""

REFUSALS = 5
"""Consecutive refused answers after which a day is given up; a day that is still restated is tried once a day even then."""

HISTORY_SAFETY_DAYS = 5
"""Days kept clear of Amazon's limit: it rejects ranges over 18 months; how it counts them is unknown."""

PAUSE_HOURS = 24
"""Default hours of pauses between windows of one report in a run, so that fetched documents are loaded about once a day."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """One request to make: a range of days, both included, or a snapshot (no days). ``marketplace_id`` is blank for the whole account."""

    marketplace_id: str
    first: date | None = None
    last: date | None = None

    def instants(self, margin_hours: int, now: datetime) -> tuple[datetime, datetime] | None:
        """The range to request (UTC): the days with the margin on both sides, never beyond ``now``; None for a snapshot."""
        if not self.first or not self.last:
            return None
        start = datetime.combine(self.first, time(), UTC) - timedelta(hours=margin_hours)
        return start, min(datetime.combine(self.last, time(), UTC) + timedelta(days=1, hours=margin_hours), now)


def history_start(requests: Requests, today: date, months: int) -> date:
    """The first day to request: the later of the first that Amazon answers and the first that is wanted."""
    wanted = today - relativedelta(months=months) + timedelta(days=1)
    return max(wanted, today - relativedelta(months=requests.history_months) + timedelta(days=HISTORY_SAFETY_DAYS))


def recent_start(requests: Requests, today: date) -> date:
    """The first day of the daily run: days that may still change, rounded up to whole windows.

    The rounding keeps the total number of recent and older windows minimal.
    """
    if not requests.window_days:
        return date.min
    return today - timedelta(days=math.ceil(requests.restated_days / requests.window_days) * requests.window_days)


def plan_windows(spec: ReportSpec, account: Account, answers: Iterable[Answer], *, today: date, months: int, recent: bool) -> list[Window]:
    """The windows to request, newest first: of the ``recent`` days, or of the older ones back to ``months``.

    ``today`` is the account's local day; it is not over, so it is never requested. Snapshots and listed reports are always recent.
    """
    requests = spec.requests
    if not requests:
        return []
    zone = ZoneInfo(account.home_time_zone)
    answers = [replace(a, asked_at=a.asked_at.astimezone(zone)) for a in answers]  # The account's local days, like today.
    marketplaces = account.marketplaces if requests.marketplace_scope is MarketplaceScope.EACH else ("",)
    if requests.listed_only or spec.replacement_scope is ReplacementScope.SNAPSHOT:
        return [Window(marketplace_id=m) for m in marketplaces if recent and (requests.listed_only or _is_due_today(m, answers, today))]
    oldest = history_start(requests, today, months)
    border = max(oldest, recent_start(requests, today))
    first, last = (border, today - timedelta(days=1)) if recent else (oldest, border - timedelta(days=1))
    windows = [
        window for m in marketplaces
        for window in _cover(m, _due_days([a for a in answers if a.marketplace_id == m], first, last, requests, today), requests.window_days)
    ]  # fmt: skip
    return sorted(windows, key=lambda w: (w.last or date.min, w.marketplace_id), reverse=True)


def _is_due_today(marketplace_id: str, answers: list[Answer], today: date) -> bool:
    todays = [a for a in answers if a.marketplace_id == marketplace_id and a.asked_at.date() >= today]
    return not any(a.kind is not AnswerKind.REFUSED for a in todays) and len(todays) < REFUSALS


def _due_days(answers: list[Answer], first: date, last: date, requests: Requests, today: date) -> list[date]:
    """The days to request, newest first."""
    by_time = sorted((a for a in answers if a.first and a.last), key=lambda a: a.asked_at)
    days = [last - timedelta(days=n) for n in range((last - first).days + 1)]
    return [d for d in days if _is_due(d, [a for a in by_time if a.first and a.last and a.first <= d <= a.last], requests, today)]


def _is_due(day: date, answers: list[Answer], requests: Requests, today: date) -> bool:
    if not answers:
        return True
    newest = answers[-1].asked_at.date()
    refused = next((n for n, a in enumerate(reversed(answers)) if a.kind is not AnswerKind.REFUSED), len(answers))
    may_change = day + timedelta(days=requests.restated_days)
    if refused:
        return refused < REFUSALS or (newest < today <= may_change)
    if newest >= today:
        return False
    if not any(a.kind is AnswerKind.GOOD for a in answers):
        return newest < may_change or len({a.asked_at.date() for a in answers if a.kind is AnswerKind.EMPTY}) < CONFIRMATIONS
    return newest < may_change


def _cover(marketplace_id: str, due: list[date], window_days: int | None) -> list[Window]:
    """The fewest windows that cover the days: each ends on the newest day left and reaches back as far as allowed."""
    windows: list[Window] = []
    while due:
        last = due[0]
        reach = [d for d in due if not window_days or (last - d).days < window_days]
        windows.append(Window(marketplace_id=marketplace_id, first=reach[-1], last=last))
        due = due[len(reach) :]
    return windows


def windows_of_round(windows: list[Window], requests: Requests, pause_hours: int = PAUSE_HOURS) -> list[Window]:
    """The windows of one run: as many as fit into ``pause_hours`` of pauses; the next run plans the rest again."""
    most = 1 + pause_hours * 60 // requests.pause_minutes if requests.pause_minutes else len(windows)
    return windows[:most]


def hours_needed(windows: int, requests: Requests) -> float:
    """The hours of Amazon's pauses between this many windows of one report."""
    return max(0, windows - 1) * requests.pause_minutes / 60
