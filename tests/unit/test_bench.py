"""The benchmark measures every step and checks its result."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from benchmarks import bench, generate, steps
from seller_warehouse.core.home import Home


def write(folder: Path, rows: int, seed: int = 1) -> dict[str, list[str]]:
    generate.write_files(folder, ledger_rows=rows, reimbursement_rows=100, months=1, seed=seed)
    return {path.parent.name: path.read_text(encoding="utf-8").splitlines() for path in folder.glob("*/*.txt")}


def test_ratios_are_those_of_the_issue() -> None:
    seconds = {"plain DuckDB": 2, "land": 1, "parse alone": 3, "gate": 5, "load": 4, "build": 6, "publish": 4, bench.LONG: 6, bench.SHORT: 5}
    seconds |= dict(zip(bench.AGAIN, (1, 2, 1), strict=True))
    costs = {step: bench.Cost(seconds=s, cpu_seconds=2 * s, peak_mb=100) for step, s in seconds.items()}
    # (4 + 6) / 2, 5 / (1 + 5 + 4 + 6 + 4), (5 - 3) / 20, (1 + 2 + 1) / 2, the 4 s of publish, 6 / 5
    assert [(a.found, a.by_cpu) for a in bench.aims(costs)] == [(5, 5), (0.25, 0.25), (0.1, 0.1), (2, 2), (4, 8), (1.2, 1.2)]


def test_the_gate_over_many_documents_is_judged_by_its_processor_time() -> None:
    costs = {bench.GATE_MANY: bench.Cost(seconds=30, cpu_seconds=19, peak_mb=100)}
    assert [(a.found, a.at_most) for a in bench.aims(costs)] == [(19, 20)]
    assert "met" in "".join(line for line in bench.as_table(costs) if line.startswith(f"{bench.GATE_MANY}, CPU s"))


def test_many_accounts_get_each_of_18_reports_once(tmp_path: Path) -> None:
    steps.drop(tmp_path, "3", "40")
    found = {inbox.name: sorted(p.stem for p in inbox.iterdir()) for inbox in (tmp_path / "home" / "inbox").iterdir()}
    assert found == {"bench-0000": steps.MANY_REPORTS, "bench-0001": steps.MANY_REPORTS, "bench-0002": steps.MANY_REPORTS[:4]}
    assert len(steps.MANY_REPORTS) == bench.REPORTS_OF_AN_ACCOUNT == 18


def test_median_is_taken_figure_by_figure() -> None:
    runs = [{"load": bench.Cost(seconds=s, cpu_seconds=c, peak_mb=p)} for s, c, p in ((1, 9, 5), (7, 2, 6), (3, 4, 4))]
    assert bench.medians(runs) == {"load": bench.Cost(seconds=3, cpu_seconds=4, peak_mb=5)}


def test_27_percent_of_the_ledger_rows_equal_another(tmp_path: Path) -> None:
    rows = write(tmp_path, 2000)["inventory_ledger"][1:]
    assert len(rows) == 2000
    assert sum(n for n in Counter(rows).values() if n > 1) == 540


def test_restated_month_has_rows_that_went_came_and_changed(tmp_path: Path) -> None:
    written = write(tmp_path, 4000)
    before, after = (Counter(line.split("\t")[6] for line in written[name][1:]) for name in ("inventory_ledger", "restated"))
    assert before - after
    assert after - before
    assert any('"Adjustments"' in row for row in set(written["restated"]) - set(written["inventory_ledger"]))


def test_same_seed_writes_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    first, same, other = (write(tmp_path / name, 400, seed) for name, seed in (("first", 1), ("same", 1), ("other", 2)))
    assert first == same
    assert all(first[name] != other[name] for name in first)


def test_rows_are_spread_over_whole_months_without_a_loss() -> None:
    months = generate.split_into_months(1000, 3)
    assert [(m.first, m.last, m.rows) for m in months] == [
        (date(2026, 8, 1), date(2026, 8, 31), 334), (date(2026, 9, 1), date(2026, 9, 30), 333), (date(2026, 10, 1), date(2026, 10, 31), 333),
    ]  # fmt: skip


def test_failing_step_fails_the_benchmark() -> None:
    with pytest.raises(bench.StepFailed, match="status 3"):
        bench.measure(["-c", "raise SystemExit(3)"])


def test_step_that_loads_nothing_is_no_measurement(tmp_path: Path) -> None:
    write(tmp_path / "files", 100)
    Home(tmp_path / "home").work.mkdir(parents=True)
    (steps._run(tmp_path, "first").work).mkdir()
    (steps._run(tmp_path, "first").work / "pending.json").write_text("[]")
    with pytest.raises(steps.NotMeasured, match="LOADED"):
        steps.load(tmp_path, "first", steps.REPORTS, "LOADED")
