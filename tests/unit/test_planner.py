"""Planned requests: the fewest windows within Amazon's limits, until every day has a final answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seller_warehouse.amazon.planner import Window, hours_needed, plan_windows, windows_of_round
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.report_spec import ReportSpec, Requests
from seller_warehouse.core.windows import Answer, AnswerKind
from seller_warehouse.reports import SPECS
from tests.amazon import DEMO_NA

TODAY = date(2026, 11, 22)
YESTERDAY = date(2026, 11, 21)
JAPAN = Account(id="japan", name="JP", region="fe", marketplaces=("A1VC38T7YXB528",), source="sp_api")
GOOD, EMPTY, REFUSED = AnswerKind.GOOD, AnswerKind.EMPTY, AnswerKind.REFUSED
SHIPMENTS = SPECS["fulfilled_shipments"]  # At most 30 days a request; rows change for 30 days.
RANGED = [s.name for s in SPECS.values() if s.requests and s.requests.history_months == 18]


def plan(spec: ReportSpec, answers: Iterable[Answer] = (), *, recent: bool = True, today: date = TODAY, months: int = 18, account: Account = DEMO_NA):
    return plan_windows(spec, account, answers, today=today, months=months, recent=recent)


def both(spec: ReportSpec, answers: Iterable[Answer] = (), **rest: Any) -> list[Window]:
    return [*plan(spec, answers, recent=True, **rest), *plan(spec, answers, recent=False, **rest)]


def at(day: date, hour: float = 10) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(hours=hour)


def answer(kind: AnswerKind, first: date, last: date, asked: date, hour: float = 10, marketplace_id: str = "") -> Answer:
    return Answer(marketplace_id=marketplace_id, first=first, last=last, asked_at=at(asked, hour), kind=kind)


def days_of(windows: Iterable[Window]) -> list[date]:
    return [w.first + timedelta(days=n) for w in windows if w.first and w.last for n in range((w.last - w.first).days + 1)]


def is_asked(day: date, *answers: Answer, spec: ReportSpec = SHIPMENTS, today: date = TODAY) -> bool:
    """Whether the day alone would be requested, by the daily run or the backfill: windows may span settled days."""
    others = [answer(GOOD, date(2025, 1, 1), day - timedelta(days=1), today), answer(GOOD, day + timedelta(days=1), today, today)]
    return day in days_of(both(spec, [*others, *answers], today=today))


# Windows


def test_the_daily_run_looks_after_two_whole_windows_of_29_days_newest_first():
    assert plan(SHIPMENTS) == [
        Window(marketplace_id="", first=date(2026, 10, 24), last=date(2026, 11, 21)),
        Window(marketplace_id="", first=date(2026, 9, 25), last=date(2026, 10, 23)),
    ]


def test_18_months_of_a_report_with_30_days_a_request_and_12_hours_of_margin_are_19_windows():
    older = plan(SHIPMENTS, recent=False)
    assert older[0] == Window(marketplace_id="", first=date(2026, 8, 27), last=date(2026, 9, 24))
    assert older[-1] == Window(marketplace_id="", first=date(2025, 5, 27), last=date(2025, 6, 17))
    assert [w.last for w in older] == sorted((w.last for w in older), reverse=True)
    # 2025-05-27 to 2026-11-21 are 544 days, 29 of them a window.
    assert (len(older), len(both(SHIPMENTS))) == (17, 19)


@pytest.mark.parametrize(
    ("report", "count"),
    [
        ("customer_returns", 19), ("fulfilled_shipments", 19), ("orders", 19), ("replacements", 19),  # 29 days
        ("inventory_ledger", 3), ("inventory_ledger_summary", 7), ("reimbursements", 4),  # 269, 89, 179
        ("removal_orders", 7), ("removal_shipments", 7),  # 89, 90
        ("mfn_returns", 3 * 10), ("seller_feedback", 3 * 1),  # 59 days and no limit, for each of three marketplaces
    ],
)  # fmt: skip
def test_544_days_take_as_few_windows_as_the_limit_of_the_report_allows(report, count):
    windows = both(SPECS[report])
    assert len(windows) == count
    for marketplace_id in {w.marketplace_id for w in windows}:
        days = days_of(w for w in windows if w.marketplace_id == marketplace_id)
        assert sorted(days) == [date(2025, 5, 27) + timedelta(days=n) for n in range(544)]


def test_every_report_with_a_range_has_its_count():
    counted = {"customer_returns", "fulfilled_shipments", "orders", "replacements", "inventory_ledger", "inventory_ledger_summary"}
    assert set(RANGED) == counted | {"reimbursements", "removal_orders", "removal_shipments", "mfn_returns", "seller_feedback"}


def test_three_months_of_history_end_three_months_ago():
    assert min(days_of(both(SHIPMENTS, months=3))) == date(2026, 8, 23)
    assert min(days_of(both(SHIPMENTS, months=1))) == date(2026, 10, 23)


def test_no_history_is_asked_for_where_all_of_it_is_recent():
    assert plan(SPECS["inventory_ledger"], recent=False, months=3) == []
    assert len(plan(SPECS["inventory_ledger"], months=3)) == 1


def test_today_is_never_asked_for():
    assert max(days_of(plan(SHIPMENTS))) == YESTERDAY


def test_missing_days_that_lie_apart_share_a_window_where_it_reaches():
    held = [answer(GOOD, date(2025, 6, 1), date(2025, 8, 1), TODAY), answer(GOOD, date(2025, 8, 3), date(2025, 8, 20), TODAY)]
    held.append(answer(GOOD, date(2025, 8, 22), YESTERDAY, TODAY))
    wanted = [w for w in both(SHIPMENTS, held) if w.last and w.last > date(2025, 6, 1)]
    assert wanted == [Window(marketplace_id="", first=date(2025, 8, 2), last=date(2025, 8, 21))]


# The instants that are sent


@pytest.mark.parametrize("report", RANGED)
@pytest.mark.parametrize("hour", [8, 10, 24, 32])  # A Californian day lasts from 8 UTC to 8 UTC of the next.
@pytest.mark.parametrize("today", [TODAY, date(2026, 3, 1), date(2027, 8, 31), date(2028, 2, 29)])
def test_no_range_is_wider_or_older_than_amazon_allows_nor_in_the_future(report, hour, today):
    """A range over the cap comes back as a sentence, and one older than 18 months FATAL."""
    caps = {
        "customer_returns": 30, "fulfilled_shipments": 30, "orders": 30, "replacements": 30, "inventory_ledger": 270, "reimbursements": 180,
        "inventory_ledger_summary": 90, "removal_orders": 90, "removal_shipments": 90, "mfn_returns": 60, "seller_feedback": 548,
    }  # fmt: skip
    spec = SPECS[report]
    for wait in (0, 24):  # The oldest window is the last of its round, up to a day later.
        now = at(today, hour + wait)
        for window in both(spec, today=today):
            assert spec.requests
            instants = window.instants(spec.requests.margin_hours, now)
            assert instants
            start, end = instants
            assert end <= now
            assert end - start <= timedelta(days=caps[report])
            assert start >= now - timedelta(days=548)


def test_a_range_is_asked_wider_than_its_days_so_that_days_cut_elsewhere_are_whole():
    """The edge days of a document may be cut short, and nobody knows in which zone."""
    window = Window(marketplace_id="", first=date(2026, 9, 25), last=date(2026, 10, 23))
    assert window.instants(12, at(TODAY)) == (datetime(2026, 9, 24, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC))
    assert window.instants(0, at(TODAY)) == (datetime(2026, 9, 25, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC))


def test_a_range_ends_now_at_the_latest():
    window = Window(marketplace_id="", first=YESTERDAY, last=YESTERDAY)
    assert window.instants(12, at(TODAY, 10.5)) == (datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 22, 10, 30, tzinfo=UTC))


def test_a_snapshot_has_no_instants():
    """A snapshot that is given dates ends FATAL."""
    assert Window(marketplace_id="").instants(12, at(TODAY)) is None


# Which days are asked again


def test_a_day_without_an_answer_is_asked():
    assert is_asked(date(2025, 8, 1))
    assert is_asked(YESTERDAY)


def test_a_settled_day_is_not_asked_again():
    """Rows of 2026-09-01 change until 2026-10-01; an answer of that day or later is the last."""
    day = date(2026, 9, 1)
    assert not is_asked(day, answer(GOOD, day, day, date(2026, 10, 1)))
    assert is_asked(day, answer(GOOD, day, day, date(2026, 9, 30)))


def test_a_day_that_still_changes_is_asked_once_a_day_so_restated_rows_are_seen():
    """Loads that only append miss what Amazon restates."""
    day = date(2026, 11, 1)
    assert not is_asked(day, answer(GOOD, day, day, TODAY))
    assert is_asked(day, answer(GOOD, day, day, YESTERDAY, 23.9))
    assert not is_asked(day, answer(EMPTY, day, day, TODAY))


def test_a_ledger_day_is_followed_for_120_days():
    ledger, day = SPECS["inventory_ledger"], date(2026, 7, 1)  # Until 2026-10-29.
    assert is_asked(day, answer(GOOD, day, day, date(2026, 10, 28)), spec=ledger)
    assert not is_asked(day, answer(GOOD, day, day, date(2026, 10, 29)), spec=ledger)


def test_an_older_answer_that_comes_in_late_does_not_unsettle_a_day():
    day = date(2026, 9, 1)
    late = [answer(GOOD, day, day, date(2026, 10, 2)), answer(GOOD, day, day, date(2026, 9, 10))]
    assert not is_asked(day, *late)


def test_once_a_day_means_the_days_of_the_account():
    """At 2 UTC it is still yesterday in California; at 20 UTC it is already tomorrow in Japan."""
    held = [answer(GOOD, date(2026, 9, 25), YESTERDAY, TODAY, 2)]
    assert YESTERDAY in days_of(plan(SHIPMENTS, held))
    held = [answer(GOOD, date(2026, 9, 25), YESTERDAY, YESTERDAY, 20)]
    assert YESTERDAY not in days_of(plan(SHIPMENTS, held, account=JAPAN))


@pytest.mark.parametrize(("refusals", "asked"), [(1, True), (4, True), (5, False), (6, False)])
def test_a_refused_day_is_asked_again_at_once_five_times(refusals, asked):
    day = date(2026, 11, 1)
    assert is_asked(day, *(answer(REFUSED, day, day, TODAY, 10 + n / 10) for n in range(refusals))) is asked


def test_after_five_refusals_a_day_is_asked_daily_while_it_changes_and_then_given_up():
    """FATAL often means too soon, so it is neither repeated at once for ever nor believed at once."""
    day = date(2026, 10, 23)  # Changes until today.
    refused = [answer(REFUSED, day, day, YESTERDAY, 10 + n / 10) for n in range(5)]
    assert is_asked(day, *refused)
    assert not is_asked(day, *refused, answer(REFUSED, day, day, TODAY))
    assert not is_asked(day, *refused, today=TODAY + timedelta(days=1))


def test_refusals_are_counted_in_a_row():
    day = date(2026, 9, 1)
    refused = [answer(REFUSED, day, day, date(2026, 9, 2), n) for n in range(4)]
    again = [answer(REFUSED, day, day, date(2026, 11, 1), n) for n in range(4)]
    assert not is_asked(day, *refused, *again)
    assert is_asked(day, *refused, answer(GOOD, day, day, date(2026, 9, 3)), *again)


def test_a_refusal_after_a_good_answer_is_asked_again():
    day = date(2026, 9, 1)
    assert is_asked(day, answer(GOOD, day, day, date(2026, 10, 5)), answer(REFUSED, day, day, date(2026, 10, 6)))


def test_no_data_is_believed_on_the_second_day_that_says_so():
    """CANCELLED does not mean no data; it has two other causes."""
    day = date(2026, 9, 1)
    once = answer(EMPTY, day, day, date(2026, 11, 1))
    assert is_asked(day, once)
    assert is_asked(day, once, answer(EMPTY, day, day, date(2026, 11, 1), 20))
    assert not is_asked(day, once, answer(EMPTY, day, day, date(2026, 11, 2)))
    assert not is_asked(day, answer(EMPTY, day, day, TODAY))  # Tomorrow, not twice a day.


def test_no_data_of_a_day_that_had_rows_needs_no_second_day():
    day = date(2026, 9, 1)
    assert not is_asked(day, answer(GOOD, day, day, date(2026, 9, 20)), answer(EMPTY, day, day, date(2026, 10, 2)))


def test_no_data_twice_while_the_day_changes_is_not_the_end():
    day = date(2026, 9, 1)
    early = [answer(EMPTY, day, day, date(2026, 9, n)) for n in (2, 3)]
    assert is_asked(day, *early)


def test_an_outage_of_40_days_heals_by_itself():
    """Last requested on 2026-10-12: later days are missing, days that still changed then are due, older days are settled."""
    held = [answer(GOOD, date(2025, 5, 1), date(2026, 10, 11), date(2026, 10, 12))]
    due = days_of(both(SHIPMENTS, held))
    # The last answer settled what lies 30 days before it.
    assert (min(due), max(due), len(due)) == (date(2026, 9, 13), YESTERDAY, 70)
    assert len(both(SHIPMENTS, held)) == 3  # 58 recent days and 12 older ones, 29 a window.


# Marketplaces


def test_a_report_of_the_whole_account_is_asked_once_however_many_marketplaces_it_has():
    """A loop over marketplaces multiplies the rows of a region-wide report and uses up its pause."""
    assert len(DEMO_NA.marketplaces) == 3
    for report in ("reimbursements", "orders", "inventory_ledger", "customer_returns", "removal_orders", "seller_performance", "settlements"):
        windows = both(SPECS[report])
        assert {w.marketplace_id for w in windows} == {""}, report
        assert len(set(days_of(windows))) == len(days_of(windows))


def test_a_report_of_one_marketplace_is_asked_for_each():
    for report in ("mfn_returns", "seller_feedback", "listings", "fba_inventory"):
        assert {w.marketplace_id for w in plan(SPECS[report])} == set(DEMO_NA.marketplaces)


def test_the_answer_of_one_marketplace_says_nothing_of_another():
    feedback = SPECS["seller_feedback"]
    first, second, third = DEMO_NA.marketplaces
    held = [answer(GOOD, date(2025, 1, 1), YESTERDAY, TODAY, marketplace_id=second)]
    assert {w.marketplace_id for w in plan(feedback, held)} == {first, third}


# Snapshots and reports that Amazon makes by itself


def test_a_snapshot_is_taken_once_a_day():
    performance = SPECS["seller_performance"]

    def taken(kind: AnswerKind, day: date, hour: float = 10) -> Answer:
        return Answer(marketplace_id="", first=None, last=None, asked_at=at(day, hour), kind=kind)

    assert plan(performance) == [Window(marketplace_id="")]
    assert plan(performance, [taken(GOOD, TODAY)]) == []
    assert plan(performance, [taken(EMPTY, TODAY)]) == []
    assert plan(performance, [taken(GOOD, YESTERDAY)]) == [Window(marketplace_id="")]
    assert plan(performance, [taken(REFUSED, TODAY)] * 4) == [Window(marketplace_id="")]
    assert plan(performance, [taken(REFUSED, TODAY)] * 5) == []
    assert plan(performance, [taken(REFUSED, YESTERDAY)] * 5) == [Window(marketplace_id="")]
    assert plan(performance, recent=False) == []


def test_a_snapshot_in_japan_is_taken_once_a_japanese_day():
    taken = Answer(marketplace_id="A1VC38T7YXB528", first=None, last=None, asked_at=at(YESTERDAY, 20), kind=GOOD)
    assert plan(SPECS["listings"], [taken], account=JAPAN) == []
    assert len(plan(SPECS["listings"], [taken], account=JAPAN, today=TODAY + timedelta(days=1))) == 1


def test_settlements_are_looked_for_in_every_daily_run_and_never_in_the_backfill():
    seen = Answer(marketplace_id="", first=None, last=None, asked_at=at(TODAY), kind=GOOD)
    assert plan(SPECS["settlements"], [seen]) == [Window(marketplace_id="")]
    assert plan(SPECS["settlements"], recent=False) == []


def test_a_file_that_amazon_does_not_offer_is_not_asked_for():
    assert both(SPECS["claims"]) == []


# Rounds


@pytest.mark.parametrize(("minutes", "windows"), [(240, 7), (120, 13), (30, 49), (0, 60)])
def test_a_run_holds_as_many_windows_as_a_day_of_pauses_allows(minutes, windows):
    """With 4 hours between requests: at hour 0, 4, 8, 12, 16, 20 and 24."""
    sixty = [Window(marketplace_id="", first=YESTERDAY - timedelta(days=n), last=YESTERDAY - timedelta(days=n)) for n in range(60)]
    assert windows_of_round(sixty, Requests(pause_minutes=minutes)) == sixty[:windows]


def test_19_windows_with_4_hours_between_them_take_72_hours():
    assert hours_needed(19, Requests(pause_minutes=240)) == 72
    assert hours_needed(1, Requests(pause_minutes=240)) == 0
    assert hours_needed(0, Requests(pause_minutes=240)) == 0


# Any history of runs


@st.composite
def _histories(draw: st.DrawFn) -> tuple[ReportSpec, list[dict[str, Any] | None]]:
    requests = Requests(
        max_days=draw(st.one_of(st.none(), st.integers(2, 9))), history_months=draw(st.integers(1, 2)),
        restated_days=draw(st.integers(0, 8)), margin_hours=draw(st.sampled_from([0, 12])),
    )  # fmt: skip
    runs = st.one_of(
        st.none(),  # An outage.
        st.fixed_dictionaries({"older": st.booleans(), "kinds": st.lists(st.sampled_from(list(AnswerKind)), min_size=1, max_size=5)}),
    )
    return replace(SHIPMENTS, requests=requests), draw(st.lists(runs, min_size=1, max_size=12))


@settings(max_examples=60, deadline=None)
@given(_histories())
def test_whatever_happens_every_day_is_settled_in_the_end(history):
    """Outages, refusals and cancelled reports in any order, then calm days: nothing is missing, wider than allowed, or asked twice."""
    spec, runs = history
    requests = spec.requests
    assert requests
    answers: list[Answer] = []
    calm: list[dict[str, Any] | None] = [{"older": True, "kinds": [GOOD]}] * (requests.restated_days + 2)
    for today in (TODAY + timedelta(days=n) for n in range(len(runs + calm))):
        if run := (runs + calm)[(today - TODAY).days]:
            recent, older = plan(spec, answers, today=today, months=1), plan(spec, answers, today=today, months=1, recent=False)
            assert not set(days_of(recent)) & set(days_of(older))
            for windows in (recent, older):
                assert len(set(days_of(windows))) == len(days_of(windows))
                assert [w.last for w in windows] == sorted((w.last for w in windows if w.last), reverse=True)
            asked = recent + (older if run["older"] else [])
            for n, window in enumerate(asked):
                assert window.first
                assert window.last
                assert window.last < today
                instants = window.instants(requests.margin_hours, at(today))
                assert instants
                if requests.max_days:
                    assert instants[1] - instants[0] <= timedelta(days=requests.max_days)
                answers.append(answer(run["kinds"][n % len(run["kinds"])], window.first, window.last, today))
            answered = days_of(w for n, w in enumerate(asked) if run["kinds"][n % len(run["kinds"])] is not REFUSED)
            assert not set(answered) & set(days_of(both(spec, answers, today=today, months=1)))

    for day in days_of(both(spec, today=today, months=1)):
        kinds = [(a.kind, a.asked_at.date()) for a in answers if a.first and a.last and a.first <= day <= a.last]
        is_final = any(kind is not REFUSED and asked >= day + timedelta(days=requests.restated_days) for kind, asked in kinds)
        still_changes = day + timedelta(days=requests.restated_days) > today
        is_given_up = len(kinds) >= 5 and all(kind is REFUSED for kind, _ in kinds[-5:])
        assert is_final or is_given_up or (still_changes and kinds), (day, kinds)
