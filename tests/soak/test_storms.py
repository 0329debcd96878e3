"""Storms: files damaged at random and passes killed at random, seeded and counted by ``make soak COUNT=n SEED=n``."""

from __future__ import annotations

import gzip
import os
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from seller_warehouse.core.home import Home
from seller_warehouse.reports import SPECS
from tests.e2e.killed_pass import kill
from tests.e2e.test_kill import dropped, raw_of
from tests.support import AT, FIXTURES, Warehouse, raw_state

COUNT, SEED = int(os.environ.get("SOAK_COUNT", "1")), int(os.environ.get("SOAK_SEED", "1"))

DAMAGE: list[Callable[[random.Random, bytes], bytes]] = [
    lambda r, b: b[: r.randrange(len(b))],
    lambda r, b: gzip.compress(b)[: r.randrange(10, 60)],
    lambda r, b: b[: (i := r.randrange(len(b)))] + bytes([r.randrange(256)]) + b[i + 1 :],
    lambda r, b: b[: (i := r.randrange(len(b)))] + r.choice([b"\t", b"\n", b'"', b"\0", b"\r", b",", b";", b"\xff\xfe"]) + b[i:],
    lambda r, b: b"\n".join(r.sample(lines := b.split(b"\n"), len(lines))),
    lambda r, b: b"\n".join(line for line in b.split(b"\n") if r.random() > 0.2),
    lambda r, b: b.replace(r.choice(b.split()), r.choice([b"", b"99999999999", b"31/31/2026", b"=1+1", b"-"])),
    lambda r, b: b + b,
]

KILL_POINTS = [
    "ingest.landing._copy", "ingest.landing.write_atomically", "ingest.landing.land", "steps.save_settings",
    "ingest.parse.write_rows", "ingest.gate.prepare", "ingest.gate._run_suites", "steps.write_atomically",
    "ingest.history._stage", "ingest.history._apply", "ingest.warehouse._record_results", "steps.record", "steps.quarantine",
]  # fmt: skip


@pytest.mark.parametrize("round_", range(COUNT))
def test_a_damaged_file_gets_a_verdict_and_harms_nothing_that_is_held(round_: int, tmp_path: Path) -> None:
    r = random.Random(f"{SEED}/{round_}")
    warehouse = Warehouse(Home(tmp_path))
    good = sorted(p for p in FIXTURES.glob("*/valid.*"))
    for path in good:
        warehouse.drop(path.parent.name, path.read_bytes(), at=AT + timedelta(days=100))
    warehouse.load("good", AT + timedelta(days=100))
    before = raw_state(warehouse, SPECS)
    damaged = {}
    for i in range(40):
        path = r.choice(good)
        content = path.read_bytes()
        for _ in range(r.randint(1, 3)):
            content = r.choice(DAMAGE)(r, content or b"x")
        name = f"{i} {path.parent.name}"
        damaged[name] = warehouse.drop(name, content, at=AT + timedelta(days=101 + i), account=r.choice(["acme-na", "acme-eu"]))
    warehouse.load("storm", AT + timedelta(days=200))
    verdicts = warehouse.verdicts()
    assert set(damaged) <= set(verdicts)
    assert not [p for p in damaged.values() if p.exists()]
    for report, rows in before.items():
        # An accepted file may close earlier rows; none may be deleted.
        held = {row[:-2] for row in raw_state(warehouse, [report])[report]}
        assert {row[:-2] for row in rows} <= held


@pytest.mark.parametrize("round_", range(COUNT))
def test_passes_killed_again_and_again_end_as_an_undisturbed_one(round_: int, tmp_path: Path) -> None:
    r = random.Random(f"{SEED}/{round_}")
    calm = dropped(tmp_path / "calm")
    calm.load()
    warehouse = dropped(tmp_path / "storm")
    for _ in range(3):
        try:
            kill(tmp_path / "storm", r.choice(KILL_POINTS), r.choice(["before", "after"]), r.randint(1, 4))
        except AssertionError:
            break  # The pass ended before it reached the point, so there is nothing to kill.
    warehouse.load("last", AT + timedelta(hours=1))
    assert raw_of(warehouse) == raw_of(calm)
