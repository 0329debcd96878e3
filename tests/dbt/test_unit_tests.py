"""The unit tests beside the models, run once against relations that exist; production builds need not run them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from seller_warehouse.core.home import DBT_PROJECT
from tests.parsed_project import run_dbt
from tests.support import AT, Warehouse


def _written() -> set[str]:
    ymls = [yaml.safe_load(p.read_text(encoding="utf-8")) for p in (DBT_PROJECT / "models").rglob("*.yml")]
    return {test["name"] for content in ymls for test in content.get("unit_tests", [])}


def _results(path: Path) -> list[dict[str, Any]]:
    """Results without the hook at the end of a run."""
    return [r for r in json.loads(path.read_text())["results"] if r["unique_id"].startswith("unit_test.")]


@pytest.fixture(scope="module")
def outcomes(fixtures_built: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Status and message of every unit test by name."""
    target: Path = tmp_path_factory.mktemp("dbt")
    ran = run_dbt(
        fixtures_built.home, target, "test", "--select", "test_type:unit", SELLER_WAREHOUSE_BUILD_AS_OF_DATE=AT.date().isoformat()
    )  # fmt: skip
    results = target / "run_results.json"
    assert results.exists(), ran.stdout
    return {r["unique_id"].split(".")[-1]: (r["status"], r["message"] or "") for r in _results(results)}


def test_every_unit_test_that_is_written_is_run(outcomes: dict[str, tuple[str, str]]) -> None:
    assert set(outcomes) == _written()


@pytest.mark.parametrize("name", sorted(_written()))
def test_rule_holds(outcomes: dict[str, tuple[str, str]], name: str) -> None:
    status, message = outcomes[name]
    assert status == "pass", message
