"""Thin Airflow operators over the steps of ``pipeline``: they read the clock and the environment, and nothing else."""

from __future__ import annotations

import logging
import os
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from seller_warehouse.accounts import load_accounts
from seller_warehouse.paths import Home, accounts_file
from seller_warehouse.pipeline import DocumentsRefused, Run

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

DEFAULT_SETTLE_SECONDS = 10.0


def run_of(context: Context) -> Run:
    """The pass that a DAG run stands for."""
    return Run(
        home=Home.from_environment(),
        accounts=load_accounts(accounts_file()),
        run_id=context["dag_run"].run_id,
        at=datetime.now(UTC),
    )


def as_of(context: Context) -> date:
    """Today for every status and deadline: the setting, or the run's logical date."""
    setting = os.environ.get("SELLER_WAREHOUSE_AS_OF")
    if setting:
        return date.fromisoformat(setting)
    run = context["dag_run"]
    return (run.logical_date or run.run_after).astimezone(UTC).date()


class LandFilesOperator(BaseOperator):
    """Move settled files of the inbox to landing; fails, after storing everything, where one is no known report."""

    template_fields = ()

    def execute(self, context: Context) -> dict[str, int]:
        """Returns how many files were landed, are waiting, and are to be judged."""
        from seller_warehouse.pipeline import land_files

        settle = float(os.environ.get("SELLER_WAREHOUSE_SETTLE_SECONDS") or DEFAULT_SETTLE_SECONDS)
        try:
            return land_files(run_of(context), settle_seconds=settle)
        except DocumentsRefused as refused:
            raise AirflowFailException(str(refused)) from refused


class GateDocumentsOperator(BaseOperator):
    """Judge what was landed with Great Expectations; fails, after storing every result, naming what was refused."""

    template_fields = ()

    def execute(self, context: Context) -> dict[str, int]:
        """Returns how many documents have which verdict; PENDING is on its way to be loaded."""
        from seller_warehouse.pipeline import gate_documents

        try:
            return gate_documents(run_of(context))
        except DocumentsRefused as refused:
            raise AirflowFailException(str(refused)) from refused


class LoadDocumentsOperator(BaseOperator):
    """Load what passed the gate; skipped, so that no build follows, where readers have all there is."""

    template_fields = ()

    def execute(self, context: Context) -> dict[str, int]:
        """Returns how many documents have which final verdict."""
        from seller_warehouse.build import code_version
        from seller_warehouse.pipeline import load_documents
        from seller_warehouse.publish import is_due

        run = run_of(context)
        verdicts = load_documents(run)
        if not is_due(run.home, as_of=as_of(context), code_version=code_version()):
            raise AirflowSkipException("nothing new: the last publication holds everything")
        return verdicts


class BuildMartsOperator(BaseOperator):
    """One ``dbt build``; fails with dbt's own errors, and then nothing is published."""

    template_fields = ()

    def execute(self, context: Context) -> dict[str, Any]:
        """Returns the day the marts were built for."""
        from seller_warehouse.build import build_marts

        build_marts(Home.from_environment(), as_of=as_of(context))
        return {"as_of_date": as_of(context).isoformat()}


class PublishMartsOperator(BaseOperator):
    """Copy the finished marts into a new file and flip the pointer."""

    template_fields = ()

    def execute(self, context: Context) -> dict[str, Any]:
        """Returns the id of the publication."""
        from seller_warehouse.build import code_version
        from seller_warehouse.publish import publish

        run = run_of(context)
        publication = publish(run.home, at=run.at, as_of=as_of(context), code_version=code_version(), run_id=run.run_id)
        return {"publication_id": publication.publication_id}
