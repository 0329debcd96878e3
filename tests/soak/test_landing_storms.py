"""Landing at length: a season day by day against one backfill, and failures of every kind at once, seeded and counted like the other storms."""

from __future__ import annotations

import random
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest

from seller_warehouse.sandbox.faults import KINDS
from seller_warehouse.sandbox.world import World
from tests.amazon import DEMO_EU, SECOND_NA, Landing, days_before, differences, marts_now, morning, raw_now, sandbox, unjudged
from tests.e2e.test_landing import DAY, assert_nothing_else_lacks, landed_in_spite_of, passing_faults, warehouse_of
from tests.soak.test_storms import COUNT, SEED

MONTHS = 3 if COUNT > 1 else 1
"""Shorter where a storm is only to be seen to blow."""
DAYS = 30 * MONTHS
JUDGED_EVERY = 30
"""Every so many runs are judged by Great Expectations too; that takes most of the time."""


def random_mix(r: random.Random) -> dict[int, str]:
    """What is done how many days before the last: a backfill at some time, two outages of several days, else a run or both."""
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
                with nullcontext() if landing.runs % JUDGED_EVERY == JUDGED_EVERY - 1 else unjudged():
                    if what == "both":
                        landing.backfill()
                    else:
                        landing.land(recent=True)
            assert amazon.clock.now().date() == DAY
        raw[way], marts[way] = raw_now(warehouse), marts_now(warehouse, morning(DAY))
    for way in ways:
        assert (way, differences(raw[way], raw["at once"])) == (way, {})
        assert marts[way] == marts["at once"]


@pytest.mark.parametrize("round_", range(COUNT))
def test_failures_of_every_kind_leave_no_trace(round_: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seller_warehouse.sp_api.TIMEOUT_SECONDS", 1.0)
    accounts = (DEMO_EU, SECOND_NA) if COUNT > 1 else (SECOND_NA,)
    faults = passing_faults(SEED + round_, *accounts, of_reports=0.06, of_calls=0.03)
    calm = landed_in_spite_of(None, tmp_path / "calm", *accounts, days=120)
    spoiled = landed_in_spite_of(faults, tmp_path / "spoiled", *accounts, days=120)
    assert set(faults.injected) == KINDS | {"for_good"}
    assert_nothing_else_lacks(spoiled, calm)
