"""A sandbox of Amazon on real HTTPS with a clock that jumps, and the landing steps driven against it without a scheduler."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from sandbox.faults import FaultPlan
from sandbox.server import build_app, serve
from sandbox.world import World
from seller_warehouse.amazon.client import Access, Amazon
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.outcome import Outcome
from seller_warehouse.core.report_spec import ReplacementScope
from seller_warehouse.core.simulated_clock import ManualClock
from seller_warehouse.core.sql import identifier
from seller_warehouse.reports import SPECS
from seller_warehouse.steps import Run, land_due, plan_requests
from tests.support import SAMPLES, Warehouse

CLIENT_ID, CLIENT_SECRET = "amzn1.application-oa2-client.sandbox", "sandbox-client-secret"
MODEL = SAMPLES / "spec" / "amzn__selling-partner-api-models__reports_2021-06-30.json"

DEMO_NA = Account(id="demo-na", name="NA", region="na", marketplaces=("ATVPDKIKX0DER", "A2EUQ1WTGCTBG2", "A1AM78C64UM0Y8"), source="sp_api")
DEMO_EU = Account(id="demo-eu", name="EU", region="eu", marketplaces=("A1PA6795UKMFR9", "A1F83G8C2ARO7P", "A21TJRUUN4KGV"), source="sp_api")
SECOND_NA = Account(id="second-na", name="Second", region="na", marketplaces=("ATVPDKIKX0DER",), source="sp_api")
SELLERS = {a.id: a for a in (DEMO_NA, DEMO_EU, SECOND_NA)}


@dataclass
class Sandbox:
    """The sandbox in a test: its clock, its address, and its counts."""

    clock: ManualClock
    url: str
    home: Path

    def access(self, account: Account, **changed: str) -> Access:
        """The account's connection."""
        given = {
            "connection": "amazon_test", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": f"Atzr|sandbox-{account.id}",
            "endpoint": self.url, "token_url": f"{self.url}/auth/o2/token", "verify": str(self.home / "cert.pem"),
        }  # fmt: skip
        return Access(**{**given, **changed})

    def counts(self) -> dict[str, Any]:
        """What the sandbox counted so far."""
        return httpx.get(f"{self.url}/sandbox/counts", verify=str(self.home / "cert.pem")).json()


@contextmanager
def sandbox(folder: Path, world: World, shows: datetime, faults: FaultPlan | None = None) -> Iterator[Sandbox]:
    """Amazon with the sellers of ``world``, showing ``shows``; requests are validated against Amazon's model if it is available."""
    clock = ManualClock(shows)
    model = json.loads(MODEL.read_text()) if MODEL.exists() else None
    with serve(build_app(world, clock, faults or FaultPlan(seed=0, rates={}), spec=model), folder) as url:
        yield Sandbox(clock=clock, url=url, home=folder)


@dataclass
class Landing:
    """The steps of the landing DAGs on one home."""

    warehouse: Warehouse
    amazon: Sandbox
    months: int = 18
    runs: int = field(default=0)

    def land(self, *, recent: bool) -> list[dict[str, Any]]:
        """One run in the order of the DAG: plan, land every account, gate and load; returns the plan."""
        self.runs += 1
        run = Run(self.warehouse.home, self.warehouse.accounts, f"run-{self.runs:04}", self.amazon.clock.now())
        plan = plan_requests(run, recent=recent, months=self.months)
        outcome = Outcome()
        land_due(run, plan, lambda a: closing(Amazon(a, self.amazon.access(a), run.home, self.amazon.clock)), self.amazon.clock, outcome)
        for error in outcome.failed.values():
            raise error
        assert outcome.unreached == []
        self.warehouse.load(run.run_id, self.amazon.clock.now())
        return plan

    def backfill(self) -> int:
        """Recent days, then rounds of history until nothing is missing; returns the number of planned windows."""
        planned = sum(entry["windows"] for entry in self.land(recent=True))
        while plan := self.land(recent=False):
            planned += sum(entry["windows"] for entry in plan)
        return planned

    def until(self, at: datetime) -> None:
        """Let Amazon's clock show ``at``."""
        self.amazon.clock.sleep((at - self.amazon.clock.now()).total_seconds())


def morning(day: date) -> datetime:
    """When the daily run of a day is due."""
    return datetime(day.year, day.month, day.day, 10, tzinfo=UTC)


def days_before(day: date, count: int) -> date:
    """A day earlier."""
    return day - timedelta(days=count)


LEFT_OUT = {"inventory_ledger": {"date_and_time", "store"}, "mfn_returns": {"category"}}
"""Columns missing from some of Amazon's answers: whether raw has them depends on the last answer."""


def raw_now(warehouse: Warehouse) -> dict[str, Counter[tuple]]:
    """The current rows of every report in raw, as a multiset of content with account and marketplace; only the latest snapshots."""
    held = {}
    for spec in SPECS.values():
        names = ["account_id", "_marketplace_id", *(c.name for c in spec.kept if c.name not in LEFT_OUT.get(spec.name, ()))]
        latest = (
            "qualify _valid_from = max(_valid_from) over (partition by account_id, _marketplace_id)"
            if spec.replacement_scope is ReplacementScope.SNAPSHOT
            else ""
        )
        held[spec.name] = Counter(
            warehouse.query(f"select {', '.join(map(identifier, names))} from raw.{spec.name} where _valid_to is null {latest}")
        )
    return held


def differences(held: dict[str, Counter[tuple]], expected: dict[str, Counter[tuple]]) -> dict[str, tuple[list[tuple], list[tuple]]]:
    """By report: surplus rows and missing rows."""
    return {r: (list((held[r] - rows).elements()), list((rows - held[r]).elements())) for r, rows in expected.items() if held[r] != rows}


MARTS_OF_HISTORY = {"fct_restatements"}
"""Columns that depend on when something was seen."""
OF_SNAPSHOTS = {"fct_order_defect_rate_daily": "amazon_.*|.*_difference"}
"""Columns with Amazon's own figure of a day, which exists only if it was requested on that day."""


def marts_now(warehouse: Warehouse, at: datetime) -> dict[str, list[tuple]]:
    """Build and publish; returns every mart without history, in a fixed order."""
    warehouse.publish(at=at)
    names = warehouse.published("select table_name from duckdb_tables() where (database_name, schema_name) = ('sw', 'marts')")
    marts = [n for (n,) in names if n not in MARTS_OF_HISTORY]
    same = {n: f"columns(c -> not regexp_full_match(c, '{OF_SNAPSHOTS.get(n, '')}'))" for n in marts}
    return {n: warehouse.published(f"select {same[n]} from sw.marts.{n} order by all") for n in marts}
