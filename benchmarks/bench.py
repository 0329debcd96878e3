"""``make bench``: what the pipeline costs, beside plain DuckDB reading the same files in the same run.

This process imports nothing large: a child's peak memory counts from the fork on, so it would begin with this one's.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from statistics import median

PLAIN, PARSE = "plain DuckDB", "parse alone"
WHOLE = ("land", "gate", "load", "build", "publish")
AGAIN = ("again: land", "again: gate", "again: load")
PEAK_GB = 4
SHORT_MONTHS = 3
LONG, SHORT = "simulated: whole history", f"simulated: {SHORT_MONTHS} months"
HISTORY = f"whole history / {SHORT_MONTHS} months"
"""What a daily build costs a simulated seller with a long history, and one whose history has only begun."""
SCAN, KNOWN_DOCUMENTS = "scan of known documents", 200_000
SCAN_SECONDS = 5
RESTATED = ("restated: land", "restated: gate", "restated: load")


class StepFailed(Exception):
    """A process that was to be measured failed."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one process and its children took; ``peak_mb`` is the largest of them, not their sum."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, kw_only=True)
class Aim:
    """One ratio of the table, by time and by processor time, and the most that it should be by time."""

    name: str
    found: float
    by_cpu: float
    at_most: float


def measure(arguments: list[str]) -> Cost:
    """Run this Python with ``arguments`` in a fresh process.

    Raises StepFailed where it fails; it has said why on the console.
    """
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments])
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise StepFailed(f"{' '.join(arguments)} ended with status {process.returncode}; nothing was measured")
    return Cost(seconds=seconds, cpu_seconds=used.ru_utime + used.ru_stime, peak_mb=used.ru_maxrss / _MAXRSS_PER_MB)


# Linux counts kilobytes, macOS bytes (getrusage(2)).
_MAXRSS_PER_MB = 1024**2 if sys.platform == "darwin" else 1024


def run_once(options: argparse.Namespace) -> dict[str, Cost]:
    """Write the files, then run every step once, in a folder that is removed afterwards; then build two histories of simulated sellers."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        _step("write", name, options.ledger_rows, options.reimbursement_rows, options.months, options.seed)
        costs = {PLAIN: measure(["-m", "benchmarks.plain", name])}
        for step in ("land", PARSE, "gate", "load", "count", "build", "publish", *AGAIN, *RESTATED):
            costs[step] = _step(step, name)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        _step("fill", name, options.known_documents)
        costs[SCAN] = _step("scan", name)
    for step, months in ((LONG, options.months), (SHORT, min(SHORT_MONTHS, options.months))):
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            _step("simulate", name, options.profile, options.seed, months)
            costs[step] = _step("build", name)
    return costs


def _step(name: str, folder: str, *more: object) -> Cost:
    return measure(["-m", "benchmarks.steps", name, folder, *map(str, more)])


def medians(runs: list[dict[str, Cost]]) -> dict[str, Cost]:
    """The median of each figure of each step."""
    return {
        step: Cost(
            seconds=median(r[step].seconds for r in runs),
            cpu_seconds=median(r[step].cpu_seconds for r in runs),
            peak_mb=median(r[step].peak_mb for r in runs),
        )
        for step in runs[0]
    }


def total(costs: dict[str, Cost], steps: tuple[str, ...]) -> Cost:
    """Several steps, one after the other."""
    taken = [costs[s] for s in steps]
    return Cost(seconds=sum(c.seconds for c in taken), cpu_seconds=sum(c.cpu_seconds for c in taken), peak_mb=max(c.peak_mb for c in taken))


def aims(costs: dict[str, Cost]) -> list[Aim]:
    """The ratios that matter. Rules alone are the gate without the parsing that is part of it."""
    plain, whole, kept, gate, parsed = costs[PLAIN], total(costs, WHOLE), total(costs, ("load", "build")), costs["gate"], costs[PARSE]
    long, short = costs[LONG], costs[SHORT]
    rules, rules_cpu = gate.seconds - parsed.seconds, gate.cpu_seconds - parsed.cpu_seconds
    return [
        Aim(name="(load + build) / plain DuckDB", found=kept.seconds / plain.seconds, by_cpu=kept.cpu_seconds / plain.cpu_seconds, at_most=3),
        Aim(name="gate / whole", found=gate.seconds / whole.seconds, by_cpu=gate.cpu_seconds / whole.cpu_seconds, at_most=0.25),
        Aim(name="rules alone / whole", found=rules / whole.seconds, by_cpu=rules_cpu / whole.cpu_seconds, at_most=0.25),
        Aim(name=HISTORY, found=long.seconds / short.seconds, by_cpu=long.cpu_seconds / short.cpu_seconds, at_most=1.2),
    ]


def as_table(costs: dict[str, Cost]) -> list[str]:
    """The table that is printed: a line a step, then the aims."""
    first = (PLAIN, "land", PARSE, *WHOLE[1:])
    rows = {**{s: costs[s] for s in first}, "whole": total(costs, WHOLE), **{s: costs[s] for s in (*AGAIN, *RESTATED, SCAN, LONG, SHORT)}}
    lines = [f"{'step':<30} {'seconds':>9} {'CPU s':>9} {'peak MB':>9} {'x plain':>9}"]
    for step, cost in rows.items():
        ratio = cost.seconds / costs[PLAIN].seconds
        lines.append(f"{step:<30} {cost.seconds:>9.2f} {cost.cpu_seconds:>9.2f} {cost.peak_mb:>9.0f} {ratio:>9.2f}")
    lines += ["", f"{'ratio':<30} {'by time':>9} {'by CPU':>9} {'aim':>9}"]
    for aim in aims(costs):
        verdict = "met" if aim.found <= aim.at_most else "MISSED"
        lines.append(f"{aim.name:<30} {aim.found:>9.2f} {aim.by_cpu:>9.2f} {f'<= {aim.at_most:g}':>9}  {verdict}")
    scan = costs[SCAN].seconds
    lines.append(f"{'scan, seconds':<30} {scan:>9.2f} {'':>9} {f'< {SCAN_SECONDS}':>9}  {'met' if scan < SCAN_SECONDS else 'MISSED'}")
    peak = max(cost.peak_mb for cost in costs.values()) / 1024
    lines.append(f"{'peak memory, GB':<30} {peak:>9.2f} {'':>9} {f'< {PEAK_GB}':>9}  {'met' if peak < PEAK_GB else 'MISSED'}")
    return lines


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ledger-rows", type=int, default=1_000_000, help="rows of the inventory ledger")
    parser.add_argument("--reimbursement-rows", type=int, default=100_000, help="rows of the reimbursements")
    parser.add_argument("--months", type=int, default=18, help="months they are spread over, one file each")
    parser.add_argument(
        "--known-documents", type=int, default=KNOWN_DOCUMENTS, help="documents that are known in the landing that is searched for new ones"
    )
    parser.add_argument("--profile", default="large", help="the simulated sellers whose builds are compared, as in the sandbox")
    parser.add_argument("--seed", type=int, default=1, help="what the rows are made of")
    parser.add_argument("--repeat", type=int, default=1, help="how many runs the medians are taken of")
    options = parser.parse_args(arguments)
    costs = medians([run_once(options) for _ in range(options.repeat)])
    print(
        f"{options.ledger_rows:,} ledger rows and {options.reimbursement_rows:,} reimbursement rows in {2 * options.months} files, "
        f"{os.cpu_count()} cores, median of {options.repeat}, seed {options.seed}\n"
    )
    print("\n".join(as_table(costs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
