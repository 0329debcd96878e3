"""Passes killed at random instants, in dbt and while publishing too, and run again until one ends: its marts are those of an undisturbed pass.

Seeded and counted like the other storms: which step a kill waits for, and how long it then waits, are the seed's; the machine decides what it hits.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from seller_warehouse.core.home import Home
from seller_warehouse.ingest.landing import inbox_files
from seller_warehouse.steps import Run, run_pass
from tests.e2e.killed_pass import FRESH
from tests.e2e.test_kill import dropped, raw_of
from tests.soak.test_storms import COUNT, SEED
from tests.support import ACCOUNTS, AT, FIXTURES, Warehouse, marts_of

STEPS = ("land_files", "gate_documents", "load_documents", "dbt_build", "publish_marts")
CHAINS, KILLS = (4, 10) if COUNT > 1 else (1, 3)
"""Homes of a round, and how often each is killed: five rounds are 200 kills."""


def home_with_files(folder: Path) -> Warehouse:
    """The files of the kills that are aimed, and some reports that many marts are made of."""
    warehouse = dropped(folder)
    for report in ("inventory_ledger", "customer_returns", "orders", "replacements"):
        warehouse.drop(f"{report}.txt", (FIXTURES / report / "valid.txt").read_bytes(), at=AT - timedelta(days=1))
    warehouse.drop("settlements.txt", (FIXTURES / "settlements" / "valid.txt").read_bytes(), account="acme-eu", at=AT - timedelta(days=1))
    return warehouse


def started(home: Path, number: int) -> ForkServerProcess:
    """The n-th pass over a home, as one process group; it writes the time at which each step was over."""
    process = FRESH.Process(target=_pass, args=(home, number))
    process.start()
    return process


def _pass(home: Path, number: int) -> None:
    os.setsid()
    with (home / f"pass-{number}").open("w", buffering=1) as progress:

        def say(line: str) -> None:
            progress.write(f"{time.monotonic()} {line}\n")

        say("begun")
        run = Run(Home(home), ACCOUNTS, f"pass-{number}", AT + timedelta(minutes=number))
        outcome = run_pass(run, as_of=AT.date(), settle_seconds=0, notify=say)
        assert not outcome.failed, outcome.failed


def over(home: Path, number: int) -> list[float]:
    """When the pass began, and when each of its steps was over."""
    path = home / f"pass-{number}"
    return [float(line.split()[0]) for line in path.read_text().splitlines() if line.count(" ")] if path.exists() else []


@dataclass(frozen=True)
class Calm:
    """An undisturbed pass, and how many seconds each of its steps took."""

    warehouse: Warehouse
    seconds: list[float]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Calm:
    folder = tmp_path_factory.mktemp("calm")
    warehouse = home_with_files(folder)
    process = started(folder, 0)
    process.join()
    assert process.exitcode == 0
    times = over(folder, 0)
    return Calm(warehouse, [after - before for before, after in pairwise(times)])


def kill_after(home: Path, number: int, step: int, seconds: float, *, alone: bool) -> int | None:
    """Kill a pass so many seconds after a step began, ``alone`` or with dbt; returns the step it was in, None where it was done before."""
    process = started(home, number)
    while process.is_alive() and len(over(home, number)) <= step:
        time.sleep(0.01)
    process.join(seconds)
    if process.is_alive():
        assert process.pid
        (os.kill if alone else os.killpg)(process.pid, signal.SIGKILL)
    process.join()
    if process.exitcode == 0:
        return None
    assert process.exitcode == -signal.SIGKILL, over(home, number)
    return len(over(home, number)) - 1


@pytest.mark.parametrize("round_", range(COUNT))
def test_a_pass_killed_again_and_again_ends_as_an_undisturbed_one(round_: int, calm: Calm, tmp_path: Path) -> None:
    r, hit = random.Random(f"{SEED}/{round_}"), Counter[str]()
    for chain in range(CHAINS):
        warehouse = home_with_files(tmp_path / str(chain))
        home, number = warehouse.home.root, 0
        # In the order of the steps, or the later kills find nothing to land, gate or load.
        for step in sorted(r.choices(range(len(STEPS)), k=KILLS)) if COUNT > 1 else (1, 3, 4):
            number += 1
            was_in = kill_after(home, number, step, r.random() * calm.seconds[step], alone=r.random() < 0.3)
            hit["too late" if was_in is None else STEPS[was_in]] += 1
            if warehouse.home.marts.exists():
                assert marts_of(warehouse) == marts_of(calm.warehouse)
        last = started(home, number + 1)
        last.join()
        assert last.exitcode == 0
        assert marts_of(warehouse) == marts_of(calm.warehouse)
        assert raw_of(warehouse) == raw_of(calm.warehouse)
        assert not list(inbox_files(warehouse.home))
    print(dict(hit))
    assert hit.total() - hit["too late"] > hit.total() / 2
