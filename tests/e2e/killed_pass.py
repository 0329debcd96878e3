"""One pass over a home in a process that kills itself with SIGKILL at the n-th call of a function."""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import signal
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from seller_warehouse.core.home import Home
from tests.support import Warehouse

# Great Expectations takes seconds to import: every pass is forked from one process that has only imported it.
FRESH = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload([__name__, "seller_warehouse.ingest.gx_duckdb"])


def started(
    home: Path, target: str, when: str, number: int, steps: str = "pass", *, landing_at: str = "", environment: dict[str, str] | None = None
) -> ForkServerProcess:
    """A pass, or its publishing alone, in a process group of its own, which ends ``before`` or ``after`` the n-th call of ``module.function``."""
    process = FRESH.Process(target=_run, args=(Home(home, landing_at), target, when, number, steps, environment or {}))
    process.start()
    return process


def kill(home: Path, target: str, when: str, number: int, steps: str = "pass", **more: Any) -> None:
    """The same, to its end; fails if the function was called less often."""
    process = started(home, target, when, number, steps, **more)
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _run(home: Home, target: str, when: str, number: int, steps: str, environment: dict[str, str]) -> None:
    os.setsid()
    os.environ.update(environment)
    _kill_at(f"seller_warehouse.{target}", when, number)
    warehouse = Warehouse(home)
    if steps == "pass":
        warehouse.load()
    warehouse.publish(build=steps == "pass")


def _kill_at(target: str, when: str, number: int) -> None:
    place, name = target.rsplit(".", 1)
    module = pkgutil.resolve_name(place)
    original, calls = getattr(module, name), 0

    def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **named)
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, wrapped)
