"""The sandbox as a process: ``python -m sandbox --home DIR``."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
from datetime import date, datetime
from pathlib import Path

from sandbox.faults import FaultPlan
from sandbox.server import build_app, serve
from sandbox.world import World
from seller_warehouse.core.simulated_clock import SandboxClock


def main() -> None:
    """Serve until SIGTERM or SIGINT. ``--home`` gets cert.pem (the certificate to trust), clock.json and url."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A sandbox of Amazon's Reports API.")
    parser.add_argument("--home", type=Path, required=True, help="folder for cert.pem, clock.json and url")
    parser.add_argument("--profile", default="demo", help="profile of the simulated sellers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=date.fromisoformat, default=date(2025, 5, 1), help="first simulated day")
    parser.add_argument("--until", type=date.fromisoformat, default=date(2027, 1, 1), help="the day after the last simulated one")
    parser.add_argument("--shows", type=datetime.fromisoformat, default="2026-11-20T06:00:00Z", help="start time of the clock")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="port; 0 chooses a free one")
    parser.add_argument("--with-parent", action="store_true", help="stop when the parent process has ended")
    parser.add_argument("--faults", type=json.loads, default={}, help="arguments of FaultPlan as JSON")
    chosen = parser.parse_args()
    world = World(chosen.profile, seed=chosen.seed, start=chosen.start, end=chosen.until)
    clock = SandboxClock.start(chosen.home / "clock.json", chosen.shows)
    app = build_app(world, clock, FaultPlan.from_json(chosen.faults))
    # Blocked before the server's thread starts, so that sigwait receives the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with serve(app, chosen.home, host=chosen.host, port=chosen.port, names=[socket.gethostname()]) as url:
        print(f"sandbox ready at {url}", flush=True)
        parent = os.getppid()
        while not signal.sigtimedwait({signal.SIGINT, signal.SIGTERM}, 1):
            if chosen.with_parent and os.getppid() != parent:
                break


if __name__ == "__main__":
    main()
