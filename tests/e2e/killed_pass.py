"""One pass over a home in a process that kills itself, as kill -9 would, at the n-th call of a function."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from seller_warehouse.core.home import Home
from tests.support import Warehouse

# Great Expectations takes seconds to import: every pass is forked from one process that has done so and nothing else.
FRESH = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload([__name__, "seller_warehouse.ingest.gx_duckdb"])


def started(home: Path, target: str, when: str, number: int, steps: str = "pass") -> ForkServerProcess:
    """A pass, or its publishing alone, in a process group of its own, which ends ``before`` or ``after`` the n-th call of ``module.function``."""
    process = FRESH.Process(target=_run, args=(home, target, when, number, steps))
    process.start()
    return process


def kill(home: Path, target: str, when: str, number: int, steps: str = "pass") -> None:
    """The same, to its end; fails where the function was not called so often."""
    process = started(home, target, when, number, steps)
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _run(home: Path, target: str, when: str, number: int, steps: str) -> None:
    os.setsid()
    _kill_at(f"seller_warehouse.{target}", when, number)
    warehouse = Warehouse(Home(home))
    if steps == "pass":
        warehouse.load()
    warehouse.publish(build=steps == "pass")


def _kill_at(target: str, when: str, number: int) -> None:
    module_name, name = target.rsplit(".", 1)
    module = importlib.import_module(module_name)
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
