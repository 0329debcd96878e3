"""The whole benchmark with few rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import bench

STEPS = [
    "plain DuckDB", "land", "parse alone", "gate", "load", "build", "publish", "whole",
    "again: land", "again: gate", "again: load", "restated: land", "restated: gate", "restated: load",
    "310 small documents: gate", "many accounts: pass", "many accounts: pass, each", "scan of known documents",
    "simulated: whole history", "simulated: 3 months",
]  # fmt: skip


def test_table_has_every_step_and_every_aim(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", f"{root}:{root / 'plugins'}")
    monkeypatch.chdir(root)
    small = ["--ledger-rows", "400", "--reimbursement-rows", "80", "--months", "2", "--profile", "test", "--accounts", "2", "--known-documents", "50"]
    assert bench.main(small) == 0
    printed = capfd.readouterr().out
    title, table, ratios = printed[printed.index("400 ledger rows") :].strip().split("\n\n")
    assert "80 reimbursement rows in 4 files" in title
    header, *lines = table.splitlines()
    assert header.split() == ["step", "seconds", "CPU", "s", "peak", "MB", "x", "plain"]
    assert [line[:30].strip() for line in lines] == STEPS
    assert all(float(figure) > 0 for line in lines for figure in line[30:].split())
    assert [line[:34].strip() for line in ratios.splitlines()[1:]] == [
        "(load + build) / plain DuckDB", "gate / whole", "rules alone / whole", "again / plain DuckDB", "publish, seconds",
        "310 small documents: gate, CPU s", "scan, seconds", "whole history / 3 months", "peak memory, GB",
    ]  # fmt: skip
