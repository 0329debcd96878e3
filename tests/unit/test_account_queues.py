"""The report queues of one account advance together, those of several accounts in parallel; a failure delays nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow.exceptions import AirflowException, AirflowFailException, TaskDeferred

from sandbox.server import build_app, serve
from sandbox.world import World
from seller_warehouse.amazon.account_queues import land_account, load_queues
from seller_warehouse.amazon.client import Amazon
from seller_warehouse.amazon.report_queue import ReportQueue
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.clock import Clock, MachineClock
from seller_warehouse.core.home import Home
from seller_warehouse.core.outcome import DocumentsUnprocessed, Outcome
from seller_warehouse.core.simulated_clock import ManualClock
from seller_warehouse.ingest.landing import landed_documents
from seller_warehouse.orchestration import operators
from seller_warehouse.orchestration.operators import LandAccountOperator, PlanRequestsOperator
from seller_warehouse.steps import Run, land_due, plan_requests
from tests.amazon import DEMO_EU, DEMO_NA, SECOND_NA, Sandbox, sandbox
from tests.unit.test_amazon_client import PatientClock

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
FULL = "the disk is full; free some space, then run again: nothing is lost"
WRONG = (
    "connection amazon_test: Login with Amazon says invalid_client (Client authentication failed); "
    "correct the client id (login) or client secret (password) in the Airflow connection, then run again"
)


class RunningClock(MachineClock):
    """A clock that runs 3,000 times as fast as this machine's and never stops."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=3000 * (time.monotonic() - self._began))

    def real_seconds(self, seconds: float) -> float:
        return seconds / 3000

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds / 3000))


@pytest.fixture(scope="module")
def world() -> World:
    return World("test", seed=1, start=date(2026, 9, 1), end=date(2026, 12, 12))


def planned(folder: Path, *accounts: Account) -> tuple[Run, list[dict[str, Any]]]:
    run = Run(Home(folder / "home"), {a.id: a for a in accounts}, "one", NOW)
    return run, plan_requests(run, recent=True, months=1)


def opener(run: Run, amazon: Sandbox, clock: Clock, **secrets: str) -> Callable[[Account], AbstractContextManager[Amazon]]:
    """Open Amazon as the steps do; ``secrets`` are wrong client secrets by account."""

    def open_amazon(account: Account) -> AbstractContextManager[Amazon]:
        changed = {"client_secret": secrets[account.id]} if account.id in secrets else {}
        return closing(Amazon(account, amazon.access(account, **changed), run.home, clock))

    return open_amazon


def queues(run: Run, account: Account) -> dict[str, ReportQueue]:
    return {q.report: q for q in load_queues(run.home, run.run_id, account.id)}


def test_an_account_that_hangs_and_one_that_is_refused_hold_up_no_other(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, plan = planned(tmp_path, DEMO_NA, DEMO_EU, SECOND_NA)
    clock, outcome, released, listed = RunningClock(), Outcome(), threading.Event(), Amazon.listed

    def hanging(self: Amazon, *asked: Any) -> Any:
        if self._account.id == "demo-eu":
            assert released.wait(60)
        return listed(self, *asked)

    monkeypatch.setattr(Amazon, "listed", hanging)
    with serve(build_app(world, clock), tmp_path / "amazon") as url:
        amazon = Sandbox(clock=ManualClock(NOW), url=url, home=tmp_path / "amazon")
        open_amazon = opener(run, amazon, clock, **{"second-na": "wrong"})
        answers: list[dict[str, int]] = []
        thread = threading.Thread(target=lambda: answers.append(land_due(run, plan, open_amazon, clock, outcome)))
        thread.start()
        until = time.monotonic() + 60
        while not all(q.is_over for q in queues(run, DEMO_NA).values()) and time.monotonic() < until:
            time.sleep(0.05)
        assert all(q.is_over for q in queues(run, DEMO_NA).values())
        assert not any(q.landed for q in queues(run, DEMO_EU).values())
        assert thread.is_alive()
        released.set()
        thread.join(60)
    assert (outcome.unreached, outcome.failed) == ([WRONG], {})
    assert all(q.is_over for q in queues(run, DEMO_EU).values())
    assert {(q.failure, q.is_refused, q.requests) for q in queues(run, SECOND_NA).values()} == {(WRONG, True, 0)}
    assert sum(answers[0].values()) == sum(q.landed for a in (DEMO_NA, DEMO_EU) for q in queues(run, a).values()) > 40


def test_a_queue_that_fails_is_named_and_the_next_attempt_goes_on_with_it_alone(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, plan = planned(tmp_path, SECOND_NA)
    outcome, download = Outcome(), Amazon.download
    with sandbox(tmp_path / "amazon", world, NOW) as amazon:
        open_amazon = opener(run, amazon, amazon.clock)

        def full(self: Amazon, document_id: str, target: Path) -> Any:
            if target.name.endswith("__orders"):
                raise OSError(28, "No space left on device")
            return download(self, document_id, target)

        with monkeypatch.context() as patch:
            patch.setattr(Amazon, "download", full)
            land_due(run, plan, open_amazon, amazon.clock, outcome)
        assert {n: str(e) for n, e in outcome.failed.items()} == {"land_report second-na orders": FULL}
        assert [r for r, q in queues(run, SECOND_NA).items() if not q.is_over] == ["orders"]
        before = amazon.counts()["created"]["second-na"]
        assert land_account(run.home, run.run_id, SECOND_NA, open_amazon, amazon.clock) is None
        assert amazon.counts()["created"]["second-na"] == before
    assert all(q.is_over and not q.failure for q in queues(run, SECOND_NA).values())


def test_what_lands_and_when_does_not_depend_on_how_fast_the_machine_is(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time every list comes late, each time of another account; a jumping clock would hide it."""
    landed, listed, calls = [], Amazon.listed, count()

    def late(self: Amazon, *asked: Any) -> Any:
        time.sleep(0.15 * (next(calls) % 3))
        return listed(self, *asked)

    for name in ("fast", "slow"):
        run, plan = planned(tmp_path / name, DEMO_NA, DEMO_EU, SECOND_NA)
        with sandbox(tmp_path / name / "amazon", world, NOW) as amazon:
            outcome = Outcome()
            land_due(run, plan, opener(run, amazon, amazon.clock), amazon.clock, outcome)
            assert (outcome.unreached, outcome.failed) == ([], {})
            landed.append((amazon.clock.now(), [replace(d, path=Path()) for d in landed_documents(run.home)]))
        monkeypatch.setattr(Amazon, "listed", late)
    assert landed[0] == landed[1]
    assert len(landed[0][1]) > 60


def test_an_outage_is_waited_for_once_not_by_each_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five attempts with backoff, then ten minutes' rest for all the account's queues: its worker is free meanwhile."""
    run, _ = planned(tmp_path, SECOND_NA)
    calls: list[str] = []
    nowhere = Sandbox(clock=ManualClock(NOW), url="https://127.0.0.1:9", home=tmp_path)
    clock = PatientClock(NOW)
    monkeypatch.setattr(Sandbox, "access", lambda self, account, **changed: replace(access(self, account, **changed), verify=""))
    once = Amazon._once
    monkeypatch.setattr(Amazon, "_once", lambda self, report_type, call: (calls.append(report_type), once(self, report_type, call))[1])
    until = land_account(run.home, run.run_id, SECOND_NA, opener(run, nowhere, clock), clock)
    assert until == clock.now() + timedelta(minutes=10)
    assert len(calls) == 5
    clock.advance(600)
    until = land_account(run.home, run.run_id, SECOND_NA, opener(run, nowhere, clock), clock, resumed=True)
    assert until == clock.now() + timedelta(minutes=10)
    assert len(calls) == 10
    assert {q.failure for q in queues(run, SECOND_NA).values()} == {""}
    for _ in range(6):
        clock.advance(600)
        until = land_account(run.home, run.run_id, SECOND_NA, opener(run, nowhere, clock), clock, resumed=True)
    assert until is None
    gave_up = "Amazon has not answered second-na for 1 hour; check the network: the next run asks for what is missing"
    assert {q.failure for q in queues(run, SECOND_NA).values()} == {gave_up}


access = Sandbox.access


def test_a_plan_made_anew_forgets_the_queues_of_the_one_before(world: World, tmp_path: Path) -> None:
    """A user clears a run in Airflow: landed reports are not requested again, the others are."""
    run, plan = planned(tmp_path, SECOND_NA)
    with sandbox(tmp_path / "amazon", world, NOW) as amazon:
        land_due(run, plan, opener(run, amazon, amazon.clock), amazon.clock, Outcome())
    again = plan_requests(run, recent=True, months=1)
    assert sum(entry["windows"] for entry in again) < sum(entry["windows"] for entry in plan)
    assert not [q for q in queues(run, SECOND_NA).values() if q.landed]


# As tasks of Airflow


@pytest.fixture
def task(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Planning and landing as Airflow's tasks call them, on a clock whose waits are real."""
    monkeypatch.setenv("SELLER_WAREHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SELLER_WAREHOUSE_ACCOUNTS", str(tmp_path / "accounts.yaml"))
    (tmp_path / "accounts.yaml").write_text(yaml.safe_dump([SECOND_NA.model_dump(mode="json")]))
    context = {"dag_run": SimpleNamespace(run_id="one"), "params": {"months": 1, "account": None, "pause_hours": 24}}
    with sandbox(tmp_path / "amazon", world, NOW) as amazon:
        secret: dict[str, str] = {}
        clock = PatientClock(NOW)
        amazon.clock._now = clock._now
        monkeypatch.setattr(operators, "clock_from_environment", lambda: clock)
        monkeypatch.setattr(operators, "amazon_of", lambda account, home: opener(Run(home, {}, "one", NOW), amazon, clock, **secret)(account))
        plan = PlanRequestsOperator(task_id="plan", recent=True).execute(context)  # type: ignore[arg-type]
        landing = LandAccountOperator(task_id="land", entry=plan[0])
        yield SimpleNamespace(plan=plan, landing=landing, context=context, clock=clock, secret=secret, home=Home(tmp_path / "home"))


def test_a_task_gives_its_slot_back_while_it_waits_and_goes_on_where_it_was(task: Any) -> None:
    windows = sum(q.planned for q in load_queues(task.home, "one", "second-na"))
    assert task.plan == [{"account_id": "second-na", "reports": 15, "windows": windows, "of": windows}]
    deferrals, answers = list[TaskDeferred](), dict[str, int]()
    while not answers:
        try:
            answers = (task.landing.resume if deferrals else task.landing.execute)(task.context)
        except TaskDeferred as deferred:
            deferrals.append(deferred)
            task.clock.advance((deferred.trigger.moment - datetime.now(UTC)).total_seconds() + 1)
    assert {d.method_name for d in deferrals} == {"resume"}
    assert 1 <= len(deferrals) < 2 * windows
    assert task.context["account_id"] == "second-na"
    over = load_queues(task.home, "one", "second-na")
    assert sum(answers.values()) == sum(q.landed for q in over) == sum(q.planned for q in over) > 15


def test_a_task_that_cannot_sign_in_says_so_once_and_is_not_tried_again(task: Any) -> None:
    task.secret["second-na"] = "wrong"
    with pytest.raises(AirflowFailException) as failed:
        task.landing.execute(task.context)
    assert str(failed.value) == WRONG


def test_a_task_whose_report_failed_is_tried_again(task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise OSError("no space")

    monkeypatch.setattr("seller_warehouse.amazon.account_queues.advance", broken)
    with pytest.raises(AirflowException) as failed:
        task.landing.execute(task.context)
    assert not isinstance(failed.value, AirflowFailException)
    assert [line for line in str(failed.value).splitlines() if line.startswith("second-na/orders: OSError: no space; ")]


def test_more_accounts_than_slots_are_refused_on_a_clock_that_waits_for_all() -> None:
    operators._refuse_too_many(PatientClock(NOW), 32)
    operators._refuse_too_many(MachineClock(), 2000)
    with pytest.raises(AirflowFailException, match="waits for all 33 accounts"):
        operators._refuse_too_many(PatientClock(NOW), 33)


def test_a_load_fails_where_what_it_left_cannot_be_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lost:
        def xcom_push(self, *_: Any) -> None:
            raise ConnectionError("no metadata database")

    monkeypatch.setenv("SELLER_WAREHOUSE_HOME", str(tmp_path))
    with pytest.raises(ConnectionError):
        operators.record_unprocessed({"ti": Lost()}, DocumentsUnprocessed({"acme-na/orders": OSError("gone")}, []))
