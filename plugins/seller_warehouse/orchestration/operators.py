"""Thin Airflow operators over ``steps``; they read the clock, the environment and the connections."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, BaseOperator
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException, AirflowSkipException, TaskDeferred
from airflow.sdk.log import mask_secret

from seller_warehouse.core.accounts import Account, ConfigurationError, load_accounts
from seller_warehouse.core.clock import (
    Clock,
    MachineClock,
    clock_from_environment,
    day_from_environment,
    participating,
    settle_seconds_from_environment,
)
from seller_warehouse.core.home import Home, accounts_file, restrict_permissions
from seller_warehouse.core.outcome import DocumentsRefused, DocumentsUnprocessed
from seller_warehouse.core.problems import problem_of
from seller_warehouse.orchestration.pools import IS_FOLLOWED, PROBLEMS, REFUSED
from seller_warehouse.steps import Run

if TYPE_CHECKING:
    from airflow.sdk import Context

    from seller_warehouse.amazon.client import Amazon
    from seller_warehouse.amazon.report_queue import ReportQueue

log = logging.getLogger(__name__)


class StepOperator(BaseOperator):
    """A step of a pass. On failure it raises one sentence and also records it in its XComs, for the command that follows the run."""

    template_fields = ()

    def step(self, context: Context) -> Any:
        """Do the work; the result becomes the task's XCom."""
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        """Run the step. Transient problems are retried, anything else fails at once."""
        return recording_failures(context, partial(self.step, context))


def recording_failures(context: Context, do: Callable[[], Any]) -> Any:
    """Run ``do``; on an error, record refusals and problems in the task's XComs and let the task fail."""
    try:
        return do()
    except (AirflowSkipException, TaskDeferred):
        raise
    except DocumentsRefused as error:
        with suppress(Exception):  # The refusal itself is what counts.
            _push_failures(context, refused=str(error).splitlines())
        raise AirflowFailException(str(error)) from error
    except DocumentsUnprocessed as error:
        problems = record_unprocessed(context, error)
        raise AirflowFailException("\n".join(problems)) from error
    except Exception as error:
        problem = problem_of(error, Home.from_environment())
        with suppress(Exception):  # The failure itself is what counts.
            _push_failures(context, problems=str(error).splitlines() if isinstance(error, AirflowException) else [str(problem)])
        if problem.is_transient or isinstance(error, AirflowException):
            raise
        is_own = type(error).__module__.startswith("seller_warehouse.")  # The cause of such an error may contain secrets.
        raise AirflowFailException(str(problem)) from (None if is_own else error)


def record_unprocessed(context: Context, error: DocumentsUnprocessed) -> list[str]:
    """Record the documents that a step could not process or refused; returns a sentence for each unprocessed one."""
    home = Home.from_environment()
    problems = [f"{what}: {problem_of(why, home)}" for what, why in error.errors.items()]
    _push_failures(context, problems=problems, refused=error.refused)
    return problems


def _push_failures(context: Context, *, problems: Sequence[str] = (), refused: Sequence[str] = ()) -> None:
    context["ti"].xcom_push(PROBLEMS, list(problems))
    context["ti"].xcom_push(REFUSED, list(refused))


def run_of(context: Context) -> Run:
    """The pass of a DAG run."""
    home = Home.from_environment()
    restrict_permissions(home)
    return Run(
        home=home,
        accounts=load_accounts(accounts_file()),
        run_id=context["dag_run"].run_id,
        at=clock_from_environment().now(),
    )


def as_of(context: Context) -> date:
    """The day of every status and deadline: the setting, the sandbox's day, or the run's logical date."""
    if day := day_from_environment():
        return day
    clock = clock_from_environment()
    if not isinstance(clock, MachineClock):
        return clock.now().date()
    run = context["dag_run"]
    return (run.logical_date or run.run_after).astimezone(UTC).date()


def connection_outside_tasks(name: str) -> Any:
    """A connection, also outside of tasks: a task gets connections through Airflow's API, other processes must read the database.

    Raises AirflowNotFoundException.
    """
    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException:
        from airflow.models.connection import Connection

        return Connection.get_connection_from_secrets(name)


@contextmanager
def amazon_of(account: Account, home: Home, connection_named: Callable[[str], Any] = BaseHook.get_connection) -> Iterator[Amazon]:
    """Amazon's API with the secrets of the account's connection, which are masked in logs.

    Raises ConfigurationError if the connection does not exist, cannot be read or is incomplete.
    """
    from seller_warehouse.amazon.client import Access, Amazon, connection_id

    name = connection_id(account)
    try:
        connection = connection_named(name)
        extra = connection.extra_dejson
    except AirflowNotFoundException as error:
        raise ConfigurationError(
            f"there is no Airflow connection {name}; account {account.id} needs it, see 'A real account' in README.md"
        ) from error
    except Exception as error:
        # The message of a JSON error contains the text, secrets included; that of a database error does not.
        why = getattr(error, "orig", type(error).__name__)
        raise ConfigurationError(f"Airflow connection {name} of account {account.id} cannot be read ({why}); save it anew") from None
    for secret in (connection.password, extra.get("refresh_token")):
        if secret:
            mask_secret(secret)
    amazon = Amazon(account, Access.of(account, connection.login, connection.password, extra), home, clock_from_environment())
    try:
        yield amazon
    finally:
        amazon.close()


class PlanRequestsOperator(StepOperator):
    """Plan the requests to Amazon; one entry for each account that needs any."""

    def __init__(self, *, recent: bool, **rest: Any) -> None:
        super().__init__(**rest)
        self.recent = recent

    def step(self, context: Context) -> list[dict[str, Any]]:
        """Returns the entries: account and numbers of reports and windows. The windows themselves are in files of the run."""
        from seller_warehouse.steps import participant, plan_requests

        run, params, clock = run_of(context), context["params"], clock_from_environment()
        recent = None if params.get("with_recent") else self.recent
        plan = plan_requests(run, recent=recent, months=params["months"], only=params["account"], pause_hours=params["pause_hours"])
        for entry in plan:
            log.info("%(account_id)s: %(windows)d of %(of)d windows of %(reports)d reports", entry)
        _refuse_too_many(clock, len(plan))
        clock.enter(*(participant(run, entry["account_id"]) for entry in plan))
        return plan


def _refuse_too_many(clock: Clock, accounts: int) -> None:
    """Fail if there are more accounts than worker slots: a jumping clock moves only when all accounts wait, and each needs a slot."""
    slots = conf.getint("core", "parallelism")
    if not isinstance(clock, MachineClock) and accounts > slots:
        raise AirflowFailException(
            f"the sandbox's clock waits for all {accounts} accounts, and AIRFLOW__CORE__PARALLELISM lets {slots} work at once; raise it, or run fewer"
        )


class LandAccountOperator(BaseOperator):
    """Request the planned reports of one account, wait without a worker slot, and land the answers."""

    template_fields = ()

    def __init__(self, *, entry: dict[str, Any], **rest: Any) -> None:
        super().__init__(**rest)
        self.entry = entry

    def execute(self, context: Context) -> dict[str, int]:
        """Returns the number of windows by answer; fails at the end if a report could not be landed, naming it."""
        return recording_failures(context, partial(self._land, context, resumed=False))

    def resume(self, context: Context, event: Any = None) -> dict[str, int]:
        """Continue after a wait, otherwise like ``execute``."""
        return recording_failures(context, partial(self._land, context, resumed=True))

    def _land(self, context: Context, *, resumed: bool) -> dict[str, int]:
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        from seller_warehouse.amazon.account_queues import answers_of, land_account, load_queues
        from seller_warehouse.steps import participant

        account_id = self.entry["account_id"]
        context["account_id"] = account_id  # of map_index_template
        run, clock = run_of(context), clock_from_environment()
        with participating(clock, participant(run, account_id)):
            until = land_account(run.home, run.run_id, run.accounts[account_id], partial(amazon_of, home=run.home), clock, resumed=resumed)
        if until:
            seconds = clock.real_seconds((until - clock.now()).total_seconds())
            self.defer(trigger=DateTimeTrigger(moment=datetime.now(UTC) + timedelta(seconds=max(0.0, seconds))), method_name="resume")
        queues = load_queues(run.home, run.run_id, account_id)
        _raise_failures([q for q in queues if q.failure])
        return answers_of(queues)


def _raise_failures(failed: list[ReportQueue]) -> None:
    """Fail for the failed queues; Airflow retries unless Amazon refuses the connection."""
    lines = dict.fromkeys(q.failure if q.is_refused else f"{q.account_id}/{q.report}: {q.failure}" for q in failed)
    if lines:
        raise (AirflowFailException if all(q.is_refused for q in failed) else AirflowException)("\n".join(lines))


class LandFilesOperator(StepOperator):
    """Move settled files of the inbox to landing; fails, after storing everything, if one is not a known report."""

    def step(self, context: Context) -> dict[str, int]:
        """Returns how many files were landed, refused, and are still waiting."""
        from seller_warehouse.steps import land_files

        return land_files(run_of(context), settle_seconds=settle_seconds_from_environment())


class GateDocumentsOperator(StepOperator):
    """Judge landed documents with Great Expectations; fails, after storing every result, if documents were refused, naming them."""

    def step(self, context: Context) -> dict[str, int]:
        """Returns the number of documents by verdict; PENDING documents are loaded next."""
        from seller_warehouse.steps import gate_documents

        return gate_documents(run_of(context))


class LoadDocumentsOperator(StepOperator):
    """Load what passed the gate; skipped, so that no build follows, if the publication is up to date or the run is not the last of its pass."""

    def step(self, context: Context) -> dict[str, int]:
        """Returns the number of documents by final verdict."""
        from seller_warehouse.marts.build import as_known_at, code_version
        from seller_warehouse.marts.publish import is_due
        from seller_warehouse.steps import load_documents

        run, verdicts = run_of(context), dict[str, int]()
        try:
            verdicts = load_documents(run)
        except DocumentsUnprocessed as error:
            # The other documents are built and published; all_loaded fails instead.
            log.error("%s", "\n".join(record_unprocessed(context, error)))
        except DocumentsRefused as error:
            _push_failures(context, refused=str(error).splitlines())
            log.error("%s", error)
        if not is_due(run.home, as_of=as_of(context), code_version=code_version(), as_known_at=as_known_at()):
            raise AirflowSkipException("nothing new: the last publication holds everything")
        if (context["dag_run"].conf or {}).get(IS_FOLLOWED):
            raise AirflowSkipException(f"loaded {verdicts}; the next run of this pass builds")
        return verdicts


class AllLoadedOperator(BaseOperator):
    """Fails if the load before it left or refused a document. The load itself must not fail, since then nothing would be built."""

    template_fields = ()

    def __init__(self, *, load: str, **more: Any) -> None:
        super().__init__(**more)
        self.load = load

    def execute(self, context: Context) -> None:
        """Fail with the problems and refusals that the load recorded."""
        problems, refused = (context["ti"].xcom_pull(task_ids=self.load, key=key) or () for key in (PROBLEMS, REFUSED))
        if problems or refused:
            _push_failures(context, problems=problems, refused=refused)
            raise AirflowFailException("\n".join([*problems, *refused]))


class BuildMartsOperator(StepOperator):
    """One ``dbt build``; on failure it raises dbt's own errors and nothing is published."""

    def step(self, context: Context) -> dict[str, Any]:
        """Returns the day for which the marts were built."""
        from seller_warehouse.marts.build import build_marts

        day = as_of(context)
        build_marts(Home.from_environment(), as_of=day)
        return {"as_of_date": day.isoformat()}


class PublishMartsOperator(StepOperator):
    """Copy the finished marts into a new file and flip the pointer."""

    def step(self, context: Context) -> dict[str, Any]:
        """Returns the id of the publication."""
        from seller_warehouse.marts.build import code_version
        from seller_warehouse.marts.publish import publish

        run = run_of(context)
        # The day of the build: it may be past midnight now.
        built = date.fromisoformat(context["ti"].xcom_pull(task_ids="dbt_build")["as_of_date"])
        publication = publish(run.home, at=run.at, as_of=built, code_version=code_version(), run_id=run.run_id)
        return {"publication_id": publication.publication_id}


class SendAlertsOperator(StepOperator):
    """Send new alerts; fails if a channel does not accept one."""

    def step(self, context: Context) -> dict[str, int]:
        """Returns the numbers of new events and of sent messages; skipped for closed books, which have no news."""
        if os.environ.get("SELLER_WAREHOUSE_AS_KNOWN_AT"):
            raise AirflowSkipException("SELLER_WAREHOUSE_AS_KNOWN_AT is set: closed books raise no alerts")
        from seller_warehouse.alerts.channels import channel_urls, secrets_in
        from seller_warehouse.alerts.delivery import send_new

        run, urls = run_of(context), channel_urls(os.environ)
        for secret in (s for url in urls for s in secrets_in(url)):
            mask_secret(secret)
        sent = send_new(run.home, run.accounts, os.environ, today=as_of(context), at=run.at)
        log.info("%d events are new, %d messages were sent to %d channels%s", *sent.values(), len(urls), "" if urls else ": see docs/alerts.md")
        return sent
