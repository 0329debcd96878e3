"""Long landing tests: a season day by day against one backfill, and all kinds of failures at once, seeded and counted like the other storms."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.faults import KINDS, REPORT_FAULTS, FaultPlan
from sandbox.world import World
from seller_warehouse.core.accounts import Account
from seller_warehouse.reports import SPECS
from tests.amazon import DEMO_EU, SECOND_NA, Landing, days_before, differences, marts_now, morning, raw_now, sandbox
from tests.e2e.test_landing import DAY, warehouse_of
from tests.soak.test_storms import COUNT, SEED
from tests.support import Warehouse

MONTHS = 3 if COUNT > 1 else 1
"""Fewer days in the short form."""
DAYS = 30 * MONTHS
CALL_FAULTS = ("throttle_storm", "error_500", "error_503", "hang", "lost_answer", "expired_token", "expired_url")
REFUSED = "inventory_ledger_summary"
"""The report that Amazon refuses for good."""


def random_mix(r: random.Random) -> dict[int, str]:
    """The actions by days before the last day: a backfill at some time, two outages of several days, else a run or both."""
    began = r.randint(DAYS // 2, DAYS * 5 // 6)
    plan = {began: "both"} | {left: r.choice(["recent", "recent", "recent", "both"]) for left in range(began - 1, 0, -1)}
    for _ in range(2):
        first = r.randint(10, began - 1)
        for left in range(first, first - r.randint(3, 8), -1):
            plan.pop(left, None)
    return plan | {0: "recent"}


@pytest.mark.parametrize("round_", range(COUNT))
def test_a_season_landed_in_any_way_ends_alike(round_: int, tmp_path: Path) -> None:
    r = random.Random(f"{SEED}/{round_}")
    world = World("test", seed=SEED + round_, start=days_before(DAY, DAYS), end=DAY)
    ways = {
        "at once": {1: "both", 0: "recent"},
        "day by day": dict.fromkeys(range(DAYS - 1, -1, -1), "recent"),
        "in a random mix": random_mix(r),
    }
    raw, marts = {}, {}
    for way, plan in ways.items():
        warehouse = warehouse_of(tmp_path / way / "home", SECOND_NA)
        with sandbox(tmp_path / way / "amazon", world, morning(days_before(DAY, max(plan)))) as amazon:
            landing = Landing(warehouse, amazon, months=MONTHS)
            for left, what in sorted(plan.items(), reverse=True):
                # The last run is at the same hour for all; a backfill may last until the next morning.
                landing.until(morning(days_before(DAY, left)) + timedelta(hours=r.randrange(4) if left else 0))
                if what == "both":
                    landing.backfill()
                else:
                    landing.land(recent=True)
            assert amazon.clock.now().date() == DAY
        raw[way], marts[way] = raw_now(warehouse), marts_now(warehouse, morning(DAY))
    for way in ways:
        assert (way, differences(raw[way], raw["at once"])) == (way, {})
        assert marts[way] == marts["at once"]


class PassingFaults(FaultPlan):
    """Faults that can be ended, except reports that are refused for good."""

    is_over = False

    def on_call(self, seller_id: str, operation: str) -> str | None:
        return None if self.is_over else super().on_call(seller_id, operation)

    def on_report(self, seller_id: str, report_type: str, days: tuple[str, str], number: int) -> str | None:
        fault = super().on_report(seller_id, report_type, days, number)
        return fault if fault == "for_good" or not self.is_over else None


def passing_faults(seed: int, *accounts: Account) -> PassingFaults:
    """Every kind of fault. A range is spoiled once: two false answers of no data on two days look like the truth."""
    return PassingFaults(
        seed, dict.fromkeys(REPORT_FAULTS, 0.06) | dict.fromkeys(CALL_FAULTS, 0.03),
        max_per_window=1, for_good=[(a.id, str(SPECS[REFUSED].amazon_type)) for a in accounts], hang_seconds=2,
    )  # fmt: skip


def landed_in_spite_of(faults: PassingFaults | None, folder: Path, *accounts: Account, days: int) -> Warehouse:
    """A backfill, and the runs of two days some days later, when even retries are over."""
    world = World("test", seed=1, start=days_before(DAY, days), end=DAY + timedelta(days=10))
    warehouse = warehouse_of(folder / "home", *accounts)
    with sandbox(folder / "amazon", world, morning(DAY), faults) as amazon:
        landing = Landing(warehouse, amazon, months=days // 30 + 1)
        landing.backfill()
        if faults:
            faults.is_over = True
        for later in (8, 9):
            assert amazon.clock.now() < morning(DAY + timedelta(days=later))
            landing.until(morning(DAY + timedelta(days=later)))
            landing.backfill()
        counts = amazon.counts()
    assert (counts["cooldown_violations"], counts["range_violations"], counts["violations"]) == ({}, {}, [])
    return warehouse


def assert_nothing_else_lacks(spoiled: Warehouse, calm: Warehouse) -> None:
    """The refused report is reported with Amazon's message and has no rows; all other reports are complete."""
    expected = raw_now(calm)
    assert expected[REFUSED]
    assert differences(raw_now(spoiled), expected | {REFUSED: Counter()}) == {}
    loads = spoiled.query(
        f"select distinct account_id, verdict, reason like '%An internal error occurred%' from meta.loads where report = '{REFUSED}'"
    )
    assert sorted(loads) == [(a, "QUARANTINED", True) for a in sorted(spoiled.accounts)]


@pytest.mark.parametrize("round_", range(COUNT))
def test_failures_of_every_kind_leave_no_trace(round_: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seller_warehouse.amazon.client.TIMEOUT_SECONDS", 1.0)
    accounts = (DEMO_EU, SECOND_NA) if COUNT > 1 else (SECOND_NA,)
    faults = passing_faults(SEED + round_, *accounts)
    calm = landed_in_spite_of(None, tmp_path / "calm", *accounts, days=120)
    spoiled = landed_in_spite_of(faults, tmp_path / "spoiled", *accounts, days=120)
    assert set(faults.injected) == KINDS | {"for_good"}
    assert_nothing_else_lacks(spoiled, calm)
