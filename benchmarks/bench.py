"""``make bench``: the cost of the pipeline compared with plain DuckDB reading the same files in the same run.

This process imports nothing large, since a child's peak memory includes that of the process at the fork.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

PLAIN, PARSE = "plain DuckDB", "parse alone"
WHOLE = ("land", "gate", "load", "build", "publish")
AGAIN = ("again: land", "again: gate", "again: load")
PEAK_GB, PUBLISH_SECONDS, GATE_CPU_SECONDS = 4, 5, 20
SHORT_MONTHS = 3
LONG, SHORT = "simulated: whole history", f"simulated: {SHORT_MONTHS} months"
HISTORY = f"whole history / {SHORT_MONTHS} months"
"""The cost of a daily build for a simulated seller with a long history, and for one with a short history."""
SMALL_DOCUMENTS, GATE_MANY = 310, "310 small documents: gate"
REPORTS_OF_AN_ACCOUNT, PASS_MANY = 18, "many accounts: pass"
RESTATED = ("restated: land", "restated: gate", "restated: load")
SCAN, KNOWN_DOCUMENTS, SCAN_SECONDS = "scan of known documents", 200_000, 5


class StepFailed(Exception):
    """A measured process failed."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost of one process and its children; ``peak_mb`` is that of the largest of them, not their sum."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, kw_only=True)
class Aim:
    """One ratio or figure of the table, by time (``found``) and by processor time, with its limit."""

    name: str
    found: float
    by_cpu: float
    at_most: float


def measure(arguments: list[str]) -> Cost:
    """Run this Python with ``arguments`` in a fresh process.

    Raises StepFailed if it fails; the process prints the reason.
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


def files(options: argparse.Namespace) -> dict[str, Cost]:
    """Every step over the files of one large account, and plain DuckDB over the same files."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        _step("write", name, options.ledger_rows, options.reimbursement_rows, options.months, options.seed)
        costs = {PLAIN: measure(["-m", "benchmarks.plain", name])}
        for step in ("land", PARSE, "gate", "load", "count", "build", "publish", *AGAIN, *RESTATED):
            costs[step] = _step(step, name)
    del costs["count"]  # It only proves that the load did its work.
    return costs


def documents(options: argparse.Namespace) -> dict[str, Cost]:
    """The gate over many small documents."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        given = (math.ceil(SMALL_DOCUMENTS / REPORTS_OF_AN_ACCOUNT), SMALL_DOCUMENTS)
        _step("drop", name, *given)
        _step("many: land", name, *given)
        return {GATE_MANY: _step("many: gate", name, *given)}


def accounts(options: argparse.Namespace) -> dict[str, Cost]:
    """A whole pass over a small document of each report of many accounts."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        given = (options.accounts, REPORTS_OF_AN_ACCOUNT * options.accounts)
        _step("drop", name, *given)
        whole = _step("many: pass", name, *given)
    each = Cost(seconds=whole.seconds / options.accounts, cpu_seconds=whole.cpu_seconds / options.accounts, peak_mb=whole.peak_mb)
    return {PASS_MANY: whole, f"{PASS_MANY}, each": each}


def scan(options: argparse.Namespace) -> dict[str, Cost]:
    """The search for new documents in a landing whose documents are known."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        _step("fill", name, options.known_documents)
        return {SCAN: _step("scan", name)}


def histories(options: argparse.Namespace) -> dict[str, Cost]:
    """The build of two histories of simulated sellers."""
    costs = {}
    for step, months in ((LONG, options.months), (SHORT, min(SHORT_MONTHS, options.months))):
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            _step("simulate", name, options.profile, options.seed, months)
            costs[step] = _step("build", name)
    return costs


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Cost]]] = {
    "files": files, "documents": documents, "accounts": accounts, "scan": scan, "histories": histories,
}  # fmt: skip
"""The parts to measure, each in its own folders, which are removed afterwards."""


def run_once(options: argparse.Namespace) -> dict[str, Cost]:
    """Run every part that the options name once."""
    costs: dict[str, Cost] = {}
    for part in options.parts:
        costs |= PARTS[part](options)
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
    """The key figures of the measured parts. "Rules alone" is the gate without parsing."""
    found = []
    if PLAIN in costs:
        plain, whole, kept, gate, parsed = costs[PLAIN], total(costs, WHOLE), total(costs, ("load", "build")), costs["gate"], costs[PARSE]
        again = total(costs, AGAIN)
        rules, rules_cpu = gate.seconds - parsed.seconds, gate.cpu_seconds - parsed.cpu_seconds
        found += [
            Aim(name="(load + build) / plain DuckDB", found=kept.seconds / plain.seconds, by_cpu=kept.cpu_seconds / plain.cpu_seconds, at_most=8),
            Aim(name="gate / whole", found=gate.seconds / whole.seconds, by_cpu=gate.cpu_seconds / whole.cpu_seconds, at_most=0.1),
            Aim(name="rules alone / whole", found=rules / whole.seconds, by_cpu=rules_cpu / whole.cpu_seconds, at_most=0.25),
            Aim(name="again / plain DuckDB", found=again.seconds / plain.seconds, by_cpu=again.cpu_seconds / plain.cpu_seconds, at_most=1),
            Aim(name="publish, seconds", found=costs["publish"].seconds, by_cpu=costs["publish"].cpu_seconds, at_most=PUBLISH_SECONDS),
        ]
    if GATE_MANY in costs:
        taken = costs[GATE_MANY].cpu_seconds
        found.append(Aim(name=f"{GATE_MANY}, CPU s", found=taken, by_cpu=taken, at_most=GATE_CPU_SECONDS))
    if SCAN in costs:
        found.append(Aim(name="scan, seconds", found=costs[SCAN].seconds, by_cpu=costs[SCAN].cpu_seconds, at_most=SCAN_SECONDS))
    if LONG in costs:
        long, short = costs[LONG], costs[SHORT]
        found.append(Aim(name=HISTORY, found=long.seconds / short.seconds, by_cpu=long.cpu_seconds / short.cpu_seconds, at_most=1.1))
    return found


def as_table(costs: dict[str, Cost]) -> list[str]:
    """The printed table: a line per step, then the aims."""
    rows = dict(costs)
    if PLAIN in costs:
        first = (PLAIN, "land", PARSE, *WHOLE[1:])
        rows = {**{s: costs[s] for s in first}, "whole": total(costs, WHOLE), **{s: c for s, c in costs.items() if s not in first}}
    lines = [f"{'step':<30} {'seconds':>9} {'CPU s':>9} {'peak MB':>9} {'x plain':>9}"]
    for step, cost in rows.items():
        ratio = f"{cost.seconds / costs[PLAIN].seconds:.2f}" if PLAIN in costs else ""
        lines.append(f"{step:<30} {cost.seconds:>9.2f} {cost.cpu_seconds:>9.2f} {cost.peak_mb:>9.0f} {ratio:>9}".rstrip())
    lines += ["", f"{'aim':<34} {'by time':>9} {'by CPU':>9} {'aim':>9}"]
    for aim in aims(costs):
        verdict = "met" if aim.found <= aim.at_most else "MISSED"
        lines.append(f"{aim.name:<34} {aim.found:>9.2f} {aim.by_cpu:>9.2f} {f'<= {aim.at_most:g}':>9}  {verdict}")
    peak = max(cost.peak_mb for cost in costs.values()) / 1024
    lines.append(f"{'peak memory, GB':<34} {peak:>9.2f} {'':>9} {f'< {PEAK_GB}':>9}  {'met' if peak < PEAK_GB else 'MISSED'}")
    return lines


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ledger-rows", type=int, default=1_000_000, help="rows of the inventory ledger")
    parser.add_argument("--reimbursement-rows", type=int, default=100_000, help="rows of the reimbursements")
    parser.add_argument("--months", type=int, default=18, help="months over which the rows are spread, one file each")
    parser.add_argument("--accounts", type=int, default=100, help="accounts of the pass over many accounts")
    parser.add_argument("--known-documents", type=int, default=KNOWN_DOCUMENTS, help="documents in the landing that is searched for new ones")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="parts to measure")
    parser.add_argument("--profile", default="large", help="the simulated sellers whose builds are compared, as in the sandbox")
    parser.add_argument("--seed", type=int, default=1, help="seed of the generated rows")
    parser.add_argument("--repeat", type=int, default=1, help="number of runs; every figure is their median")
    options = parser.parse_args(arguments)
    costs = medians([run_once(options) for _ in range(options.repeat)])
    print(
        f"{options.ledger_rows:,} ledger rows and {options.reimbursement_rows:,} reimbursement rows in {2 * options.months} files, "
        f"{options.accounts} accounts, {os.cpu_count()} cores, median of {options.repeat}, seed {options.seed}\n"
    )
    print("\n".join(as_table(costs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
