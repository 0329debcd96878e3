"""Built once for all tests of this folder: every valid fixture in its own account, and the file that readers open."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import Home
from seller_warehouse.marts.build import build_marts
from tests.support import AT, FIXTURES, Warehouse, built_once
from tests.world import Simulated


@dataclass(frozen=True)
class Case:
    """The contents of ``case.yaml`` of a report's valid fixture."""

    report: str
    account: Account
    retrieved_at: datetime
    rows: int
    staged: dict[str, str]


@cache
def cases() -> dict[str, Case]:
    """The cases by report; the account of each is named after it."""
    return {p.parent.name: _case(p.parent.name, yaml.safe_load(p.read_text(encoding="utf-8"))) for p in sorted(FIXTURES.glob("*/case.yaml"))}


def _case(report: str, content: dict[str, Any]) -> Case:
    account = Account(id=report.replace("_", "-"), name=report, source="files", **content["account"])
    staged = {s["measure"]: s["equals"] for s in content["staged"]}
    return Case(report=report, account=account, retrieved_at=content["retrieved_at"], rows=content["rows"], staged=staged)


@pytest.fixture(scope="session")
def fixtures_built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Every valid fixture loaded and built."""
    return _warehouse(built_once(tmp_path_factory, "fixtures", _build_fixtures))


def _warehouse(home: Path) -> Warehouse:
    return Warehouse(Home(home), accounts={c.account.id: c.account for c in cases().values()})


def _build_fixtures(home: Path) -> None:
    warehouse = _warehouse(home)
    for case in cases().values():
        (file,) = (FIXTURES / case.report).glob("valid.*")
        warehouse.drop(file.name, file.read_bytes(), account=case.account.id, at=case.retrieved_at)
    assert warehouse.load() == []
    with patch.dict(os.environ, DBT_WRITE_JSON="true"):  # The manifest is read by tests.
        build_marts(warehouse.home, as_of=AT.date())


@pytest.fixture(scope="session")
def published(simulated: Simulated) -> Path:
    """The file that readers of the simulated world open."""
    simulated.warehouse.publish("docs", simulated.known_at, build=False)
    return simulated.warehouse.home.marts
