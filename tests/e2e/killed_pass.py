"""One pass over a home that kills its own process, as kill -9 would, at the n-th call of a function.

usage: killed_pass.py HOME MODULE.FUNCTION before|after N pass|publish
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

from seller_warehouse.paths import Home
from tests.support import Warehouse


def kill_at(target: str, when: str, number: int) -> None:
    """Replace a function by one that ends the process before or after its n-th call."""
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


if __name__ == "__main__":
    home, target, when, number, steps = sys.argv[1:]
    kill_at(target, when, int(number))
    warehouse = Warehouse(Home(Path(home)))
    if steps == "pass":
        warehouse.load()
    warehouse.publish(build=steps == "pass")
