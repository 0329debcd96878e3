"""A backfill through the real scheduler, with failures of every kind at Amazon, killed twice and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from sandbox.faults import REPORT_FAULTS
from sandbox.world import World
from seller_warehouse.cli.demo import connections
from seller_warehouse.core.home import REPOSITORY
from seller_warehouse.core.simulated_clock import SandboxClock
from tests.amazon import DEMO_EU, Landing, days_before, differences, marts_now, morning, raw_now, sandbox
from tests.e2e.test_landing import DAY, warehouse_of
from tests.soak.test_landing_storms import CALL_FAULTS
from tests.soak.test_storms import COUNT
from tests.support import Warehouse

DAYS, MONTHS = 60, 3
HEALED, LAST = DAY + timedelta(days=20), DAY + timedelta(days=30)
"""Far apart: pauses and failures take days."""
ORDERS = f"select * exclude (_line, _document_id, _valid_from) from raw.orders where _valid_to is null and _event_date < date '{DAY}' order by all"
"""Orders change at any hour, so the newest depend on the minute of the last run."""


@contextmanager
def failing_amazon(folder: Path) -> Iterator[SandboxClock]:
    """A sandbox in a separate process, which outlives its clients; it has many failures at first, then none."""
    faults = {
        "seed": 2,
        "rates": dict.fromkeys(REPORT_FAULTS, 0.06) | dict.fromkeys(CALL_FAULTS, 0.02), "max_per_window": 1, "limit": 60, "hang_seconds": 1,
    }  # fmt: skip
    command = [sys.executable, "-m", "sandbox", "--home", str(folder), "--profile", "test", "--seed", "1"]
    command += ["--start", str(days_before(DAY, DAYS)), "--until", str(LAST + timedelta(days=9)), "--shows", morning(DAY).isoformat()]
    folder.mkdir(parents=True)
    with subprocess.Popen([*command, "--faults", json.dumps(faults)]) as process:
        try:
            while not (folder / "url").exists():
                assert process.poll() is None
                time.sleep(0.1)
            yield SandboxClock.read(folder / "clock.json")
        finally:
            process.terminate()


def environment(warehouse: Warehouse, amazon: Path) -> dict[str, str]:
    accounts = warehouse.home.root.parent / "accounts.yaml"
    accounts.write_text(yaml.safe_dump([a.model_dump(mode="json") for a in warehouse.accounts.values()]))
    known = {f"AIRFLOW_CONN_{name.upper()}": json.dumps(c) for name, c in connections(warehouse.accounts, amazon).items()}
    return os.environ | known | {
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")]),
        "SELLER_WAREHOUSE_HOME": str(warehouse.home.root),
        "SELLER_WAREHOUSE_ACCOUNTS": str(accounts),
        "SELLER_WAREHOUSE_CLOCK": str(amazon / "clock.json"),
    }  # fmt: skip


def backfill(env: dict[str, str], kill_at: str | None = None) -> str:
    """Run ``make backfill`` and kill it with SIGKILL when it prints ``kill_at``; returns its output."""
    command = [sys.executable, "-m", "seller_warehouse.run", "backfill", "--account", DEMO_EU.id, "--months", str(MONTHS)]
    said = []
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            said.append(line)
            if kill_at and kill_at in line:
                process.send_signal(signal.SIGKILL)
                break
    if kill_at:
        assert process.returncode == -signal.SIGKILL, "".join(said)
    return "".join(said)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The same days without failures, kills or a scheduler."""
    folder = tmp_path_factory.mktemp("calm")
    warehouse = warehouse_of(folder / "home", DEMO_EU)
    world = World("test", seed=1, start=days_before(DAY, DAYS), end=LAST + timedelta(days=9))
    with sandbox(folder / "amazon", world, morning(DAY)) as amazon:
        landing = Landing(warehouse, amazon, months=MONTHS)
        landing.backfill()
        for day in (HEALED, LAST):
            landing.until(morning(day))
            landing.backfill()
    return warehouse


@pytest.mark.skipif(COUNT < 2, reason="takes eight minutes: make soak COUNT=2 runs it")
def test_a_backfill_killed_twice_among_failures_ends_as_a_calm_one(calm: Warehouse, tmp_path: Path) -> None:
    warehouse = warehouse_of(tmp_path / "home", DEMO_EU)
    with failing_amazon(tmp_path / "amazon") as clock:
        env = environment(warehouse, tmp_path / "amazon")
        backfill(env, kill_at=" windows")
        assert not warehouse.home.marts.exists()
        backfill(env, kill_at="gate_documents: running")
        backfill(env)
        for day in (HEALED, LAST):
            clock.set(morning(day))
            said = backfill(env)
        assert "published" in said
    expected, held = raw_now(calm), raw_now(warehouse)
    del held["orders"], expected["orders"]
    assert differences(held, expected) == {}
    assert warehouse.query(ORDERS) == calm.query(ORDERS)
    spoiled, undisturbed = (marts_now(w, morning(LAST)) for w in (warehouse, calm))
    assert spoiled.keys() == undisturbed.keys()
    for mart in spoiled.keys() - {"fct_orders"}:
        assert (mart, spoiled[mart]) == (mart, undisturbed[mart])
