"""Advance all report queues of one account together, the one due first, until each has its answers or has failed.

The plan of a run is one small file for each account; the state of each queue is stored beside it, see ``report_queue``.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter

from seller_warehouse.amazon.client import MAX_SLEEP_SECONDS, AccessRefused, Amazon, RetryLater
from seller_warehouse.amazon.report_queue import ReportQueue, advance, queue_file, run_folder, save_queue
from seller_warehouse.core.accounts import Account, ConfigurationError
from seller_warehouse.core.clock import Clock
from seller_warehouse.core.home import Home, write_atomically
from seller_warehouse.core.problems import problem_of

log = logging.getLogger(__name__)

OpenAmazon = Callable[[Account], AbstractContextManager[Amazon]]

_QUEUES = TypeAdapter(list[ReportQueue])
_AT_ONCE = datetime.min.replace(tzinfo=UTC)


MAX_SILENCE = timedelta(hours=1)
"""Give up an account for this run if Amazon has not answered for this long, since dropped files wait for the end of the run."""


class NoAnswer(Exception):
    """Amazon has not answered any call of an account for MAX_SILENCE."""

    def __init__(self, account_id: str) -> None:
        hours = MAX_SILENCE.total_seconds() / 3600
        super().__init__(f"Amazon has not answered {account_id} for {hours:.0f} hour; check the network: the next run asks for what is missing")


def save_plan(home: Home, run_id: str, account_id: str, queues: list[ReportQueue]) -> None:
    """Write the planned queues of an account."""
    write_atomically(run_folder(home, run_id) / f"{account_id}.json", _QUEUES.dump_json(queues))


def load_queues(home: Home, run_id: str, account_id: str) -> list[ReportQueue]:
    """The queues of an account in their last state; none if the run did not plan any."""
    plan = run_folder(home, run_id) / f"{account_id}.json"
    planned = _QUEUES.validate_json(plan.read_bytes()) if plan.exists() else []
    files = [queue_file(home, run_id, account_id, queue.report) for queue in planned]
    return [ReportQueue.model_validate_json(f.read_bytes()) if f.exists() else queue for queue, f in zip(planned, files, strict=True)]


def answers_of(queues: Iterable[ReportQueue]) -> dict[str, int]:
    """The number of windows by answer."""
    answers: Counter[str] = Counter()
    for queue in queues:
        answers.update(queue.answers)
    return dict(answers)


def land_account(home: Home, run_id: str, account: Account, open_amazon: OpenAmazon, clock: Clock, *, resumed: bool = False) -> datetime | None:
    """Advance the queues of an account; returns when to call again, or None if each has its answers or has failed.

    A wait of more than MAX_SLEEP_SECONDS in real time is returned, not slept; then call again with ``resumed``. If the account cannot sign in, all
    its queues fail with the same message. A failure is stored in the queue's file until the next attempt at the account.
    """
    queues = load_queues(home, run_id, account.id)
    if not resumed:
        for queue in [q for q in queues if q.failure]:
            queue.failure, queue.is_refused, queue.silent_since = "", False, None
            save_queue(home, queue)
    try:
        with open_amazon(account) as amazon:
            if not resumed:
                _sign_in(amazon, account)
            return _advance_all(home, queues, account, amazon, clock)
    except (AccessRefused, ConfigurationError) as error:
        for queue in _unfinished(queues):
            _fail(home, queue, error)
    return None


def _sign_in(amazon: Amazon, account: Account) -> None:
    try:
        amazon.sign_in()
    except RetryLater as later:
        log.warning("%s: %s", account.id, later)


def _advance_all(home: Home, queues: list[ReportQueue], account: Account, amazon: Amazon, clock: Clock) -> datetime | None:
    while unfinished := _unfinished(queues):
        if amazon.down_until:
            # An outage concerns the whole account: if each queue tried by itself, each would block its worker for minutes.
            for queue in unfinished:
                queue.due_at = max(queue.due_at or amazon.down_until, amazon.down_until)
                queue.silent_since = queue.silent_since or clock.now()
                if clock.now() - queue.silent_since >= MAX_SILENCE:
                    _fail(home, queue, NoAnswer(account.id))
                else:
                    save_queue(home, queue)
            amazon.down_until = None
            continue
        queue = min(unfinished, key=lambda q: (q.due_at or _AT_ONCE, q.report))
        if queue.due_at:
            wait = (queue.due_at - clock.now()).total_seconds()
            if clock.real_seconds(wait) > MAX_SLEEP_SECONDS:
                return queue.due_at
            clock.sleep(max(0.0, wait))
        landed, amazon.has_answered = queue.landed, False
        try:
            advance(queue, account, amazon, home, clock)
        except Exception as error:
            log.exception("%s/%s failed", account.id, queue.report)
            _fail(home, queue, error)
        if amazon.has_answered:
            for silent in queues:
                silent.silent_since = None
        if queue.landed != landed or queue.is_over:
            log.info("%s/%s: %d of %d windows, %d rows", account.id, queue.report, queue.landed, queue.planned, queue.rows)
    return None


def _unfinished(queues: list[ReportQueue]) -> list[ReportQueue]:
    return [q for q in queues if not (q.is_over or q.failure)]


def _fail(home: Home, queue: ReportQueue, error: Exception) -> None:
    queue.failure, queue.is_refused = str(problem_of(error, home)), isinstance(error, AccessRefused | ConfigurationError)
    save_queue(home, queue)
