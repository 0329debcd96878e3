"""The sandbox's clock: it stops while any process works and jumps to the next awaited time, the same in every process."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seller_warehouse.core import simulated_clock
from seller_warehouse.core.clock import MachineClock, participating
from seller_warehouse.core.simulated_clock import JumpingClock, ManualClock, SandboxClock, acting_as

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
WORKER = """
import sys
from pathlib import Path
from seller_warehouse.core.clock import participating
from seller_warehouse.core.simulated_clock import SandboxClock
folder, name, seconds = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
clock = SandboxClock.read(folder / "clock.json")
with participating(clock, name):
    for n in seconds:
        clock.sleep(float(n))
        with (folder / "seen").open("a") as seen:
            seen.write(f"{name} {(clock.now() - clock.now().replace(hour=10, minute=0, second=0)).total_seconds():g}\\n")
"""


@pytest.fixture(params=["file", "memory"])
def clock(request: pytest.FixtureRequest, tmp_path: Path) -> JumpingClock:
    return SandboxClock.start(tmp_path / "clock.json", NOW) if request.param == "file" else ManualClock(NOW)


def test_clock_is_shared_through_its_file_and_never_goes_back(tmp_path: Path) -> None:
    clock = SandboxClock.start(tmp_path / "clock.json", NOW)
    other = SandboxClock.read(tmp_path / "clock.json")
    assert clock.now() == other.now() == NOW
    assert clock.real_seconds(3000) == 0
    clock.set(NOW + timedelta(days=30))
    assert other.now() == NOW + timedelta(days=30)
    with pytest.raises(ValueError, match="never set back"):
        other.set(NOW)
    assert clock.now() == NOW + timedelta(days=30)
    with pytest.raises(FileNotFoundError):
        SandboxClock.read(tmp_path / "none.json")
    with pytest.raises(ValueError, match="offset"):
        SandboxClock.start(tmp_path / "clock.json", NOW.replace(tzinfo=None))


def test_whoever_is_alone_does_not_wait_for_real(clock: JumpingClock) -> None:
    began = time.monotonic()
    clock.sleep(30 * 24 * 3600)
    clock.sleep(0)
    clock.sleep(-5)
    assert clock.now() == NOW + timedelta(days=30)
    assert time.monotonic() - began < 1


def test_clock_stops_while_any_process_works_and_then_jumps_to_the_earliest_moment(clock: JumpingClock) -> None:
    clock.enter("a", "b", "c")
    seen: list[tuple[str, float]] = []

    def wait(name: str, seconds: float) -> None:
        with acting_as(name):
            clock.sleep(seconds)
            seen.append((name, (clock.now() - NOW).total_seconds()))
            clock.leave(name)

    threads = [threading.Thread(target=wait, args=of) for of in (("a", 600), ("b", 60))]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    assert (clock.now(), seen) == (NOW, [])
    clock.leave("c")
    for thread in threads:
        thread.join()
    assert seen == [("b", 60), ("a", 600)]


def test_who_is_woken_works_before_the_clock_jumps_again(clock: JumpingClock) -> None:
    """Two waits for the same time end together; the clock stops until the slower of the two has done its work."""
    clock.enter("quick", "slow")
    shown: dict[str, datetime] = {}

    def quick() -> None:
        with acting_as("quick"):
            clock.sleep(60)
            clock.sleep(60)
            shown["quick"] = clock.now()

    def slow() -> None:
        with acting_as("slow"):
            clock.sleep(60)
            time.sleep(0.2)
            shown["slow"] = clock.now()
            clock.leave("slow")

    threads = [threading.Thread(target=quick), threading.Thread(target=slow)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown == {"slow": NOW + timedelta(seconds=60), "quick": NOW + timedelta(seconds=120)}


def test_processes_of_one_clock_see_the_same_moments_each_time(tmp_path: Path) -> None:
    """Worked out by hand: a waits till 30, 60, 90; b till 45, 100; c till 10 and, ten times a second, on till 20."""
    waits = {"a": ["30", "30", "30"], "b": ["45", "55"], "c": ["10", *["1"] * 10]}
    expected = ["c 10", *[f"c {n}" for n in range(11, 21)], "a 30", "b 45", "a 60", "a 90", "b 100"]
    for n in range(2):
        folder = tmp_path / str(n)
        clock = SandboxClock.start(folder / "clock.json", NOW)
        clock.enter(*waits)
        processes = [subprocess.Popen([sys.executable, "-c", WORKER, str(folder), name, *seconds]) for name, seconds in waits.items()]
        assert [process.wait(60) for process in processes] == [0, 0, 0]
        assert (folder / "seen").read_text().splitlines() == expected
        assert clock.now() == NOW + timedelta(seconds=100)


def test_clock_waits_no_longer_for_who_was_killed(clock: JumpingClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(simulated_clock, "QUIET_SECONDS", 0.2)
    clock.enter("killed")
    began = time.monotonic()
    clock.sleep(3600)
    assert 0.2 <= time.monotonic() - began < 5
    assert clock.now() == NOW + timedelta(hours=1)
    assert "the clock no longer waits for killed" in caplog.text


def test_asking_for_the_time_is_a_sign_of_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_clock, "QUIET_SECONDS", 0.5)
    monkeypatch.setattr(simulated_clock, "SIGN_SECONDS", 0.05)
    clock, slow = (SandboxClock.start(tmp_path / "clock.json", NOW) for _ in range(2))
    clock.enter("slow")
    thread = threading.Thread(target=clock.sleep, args=(3600,))
    thread.start()
    with acting_as("slow"):
        for _ in range(12):
            time.sleep(0.1)
            assert slow.now() == NOW
    slow.leave("slow")
    thread.join()
    assert clock.now() == NOW + timedelta(hours=1)


def test_a_failure_lets_the_clock_go_on(clock: JumpingClock) -> None:
    clock.enter("failing")
    with pytest.raises(OSError, match="disk"), participating(clock, "failing"):
        raise OSError("disk")
    clock.sleep(60)
    assert clock.now() == NOW + timedelta(minutes=1)


def test_machine_clock_waits_for_nobody() -> None:
    clock = MachineClock()
    with participating(clock, "somebody"):
        assert clock.real_seconds(5) == 5
        assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 5
