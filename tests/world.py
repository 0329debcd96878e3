"""Simulated sellers loaded as if everything had been requested at one time: the pipeline's own steps, without the network."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, takewhile
from pathlib import Path
from unittest.mock import patch

from dateutil.relativedelta import relativedelta

from sandbox.render import SETTLEMENT, render, render_json
from sandbox.world import Seller, World
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Document
from seller_warehouse.core.home import Home
from seller_warehouse.core.report_spec import MarketplaceScope, ReplacementScope, ReportSpec
from seller_warehouse.ingest.landing import land, with_id
from seller_warehouse.marts.build import build_marts
from seller_warehouse.reports import SPECS
from tests.support import AT, Warehouse

DOWNLOAD_EVERY = timedelta(days=7)
"""Interval at which a careful seller downloads the orders behind the defect rate; once more when the world is loaded."""


@dataclass(frozen=True)
class Simulated:
    """A world whose truth is known, and the warehouse that holds what its reports say at ``known_at``."""

    world: World
    warehouse: Warehouse
    known_at: datetime


def simulate(seed: int, folder: Path, profile: str = "test") -> Simulated:
    """The sellers of a profile and a seed over 18 months, loaded and built in a folder."""
    simulated = load_simulated(seed, folder, profile, months=18)
    # tests/soak/test_mutations.py reads the results of this build's tests.
    with patch.dict(os.environ, DBT_WRITE_JSON="true"):
        build_marts(simulated.warehouse.home, as_of=AT.date())
    return simulated


def load_simulated(seed: int, folder: Path, profile: str, *, months: int) -> Simulated:
    """The same without the marts, for as many months."""
    simulated = simulated_in(folder, seed, profile, months=months)
    load_world(simulated.warehouse, simulated.world, AT)
    return simulated


def simulated_in(folder: Path, seed: int, profile: str = "test", *, months: int = 18) -> Simulated:
    """The same world with its warehouse, existing or new, in a folder."""
    world = World(profile, seed=seed, start=AT.date() - relativedelta(months=months), end=AT.date())
    return Simulated(world, warehouse_of(world, folder), AT)


def account_of(seller: Seller) -> Account:
    """The account that owns a simulated seller's reports."""
    profile = seller.profile
    return Account(id=profile.seller_id, name=profile.seller_id, region=profile.region, marketplaces=profile.marketplace_ids, source="sp_api")


def warehouse_of(world: World, folder: Path) -> Warehouse:
    """An empty warehouse with an account for every seller of a world."""
    return Warehouse(Home(folder / "home"), accounts={s.profile.seller_id: account_of(s) for s in world.sellers.values()})


def asked_from(seller: Seller) -> datetime:
    """The first requested time: in UTC a Japanese seller's first day begins on the day before."""
    return datetime.combine(seller.start - timedelta(days=1), time(), UTC)


def load_world(warehouse: Warehouse, world: World, known_at: datetime, *, since: datetime | None = None) -> None:
    """Load every report as of ``known_at``, from the first simulated day on, and the seller's own files.

    ``since`` is the time of the previous load: earlier settlements and downloads are not loaded again.
    """
    for seller in world.sellers.values():
        for document, content in _documents(seller, known_at, since or datetime.combine(seller.start, time(), UTC)):
            received = warehouse.home.root / "received.gz"
            received.parent.mkdir(parents=True, exist_ok=True)
            received.write_bytes(gzip.compress(content, compresslevel=1, mtime=0))
            land(warehouse.home, with_id(document, hashlib.sha256(content).hexdigest()), received)
    refused = warehouse.load(f"known-{known_at:%Y%m%dT%H%M}", known_at)
    assert refused == []


def _documents(seller: Seller, known_at: datetime, since: datetime) -> Iterable[tuple[Document, bytes]]:
    region, start = seller.profile.region, asked_from(seller)
    for spec in SPECS.values():
        if spec.requests is None:
            continue
        if spec.name == "settlements":
            for s in seller.settlements(known_at):
                if s.created_at > since:
                    content, charset = render(SETTLEMENT, seller.settlement_rows(s.settlement_id), region=region, marketplace_id=s.marketplace_id)
                    yield _document(seller, spec, s.created_at, charset, name=s.settlement_id), content
        elif spec.name == "seller_performance":
            content, charset = render_json(seller.performance(known_at))
            yield _document(seller, spec, known_at, charset), content
        else:
            for marketplace_id in seller.profile.marketplace_ids if spec.requests.marketplace_scope is MarketplaceScope.EACH else ("",):
                rows = seller.rows(spec.amazon_type or "", start, known_at, known_at, marketplace_id or None)
                if rows:
                    content, charset = render(spec.amazon_type or "", rows, region=region, marketplace_id=marketplace_id or None)
                    window = None if spec.replacement_scope is ReplacementScope.SNAPSHOT else (start.date(), known_at.date())
                    yield _document(seller, spec, known_at, charset, window=window, marketplace_id=marketplace_id), content
    for name, text in (("sourcing_costs", seller.sourcing_costs_csv(known_at)), ("claims", seller.claims_csv(known_at))):
        if text.count("\n") > 1:
            yield _document(seller, SPECS[name], known_at, None, source="file", name=f"{name}.csv"), text.encode()
    opened = datetime.combine(seller.start, time(), UTC)
    weekly = takewhile(lambda at: at < known_at, (opened + DOWNLOAD_EVERY * number for number in count(1)))
    for at in (*(w for w in weekly if w > since), known_at):
        text = seller.order_defects_csv(at)
        if text.count("\n") > 1:
            yield _document(seller, SPECS["order_defects"], at, None, source="file", name=f"order-defects-{at:%Y-%m-%d}.csv"), text.encode()


def _document(
    seller: Seller, spec: ReportSpec, at: datetime, charset: str | None,
    *, window: tuple[date, date] | None = None, marketplace_id: str = "", source: str = "sp_api", name: str = "",
) -> Document:  # fmt: skip
    first, last = window or (None, None)
    return Document(
        document_id="", account_id=seller.profile.seller_id, report=spec.name, source=source, file_name=f"{spec.name} {marketplace_id}{name}",
        sha256="", byte_count=0, retrieved_at=at, window_start=first, window_end=last, charset=charset, marketplace_id=marketplace_id,
    )  # fmt: skip
