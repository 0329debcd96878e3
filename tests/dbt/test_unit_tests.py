"""The unit tests beside the models, run once against relations that exist; production builds need not run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from seller_warehouse.core.home import DBT_PROJECT, REPOSITORY
from tests.support import Warehouse


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
    command = [
        str(Path(sys.executable).with_name("dbt")),
        "test",
        "--select",
        "test_type:unit",
        "--target-path",
        str(target),
        "--log-path",
        str(target),
    ]
    command += ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--vars", '{"as_of_date": "2026-11-20"}']
    environment = {**os.environ, "SELLER_WAREHOUSE_DATABASE": str(fixtures_built.home.warehouse)}
    ran = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    results = target / "run_results.json"
    assert results.exists(), ran.stdout
    return {r["unique_id"].split(".")[-1]: (r["status"], r["message"] or "") for r in _results(results)}


def test_every_unit_test_that_is_written_is_run(outcomes: dict[str, tuple[str, str]]) -> None:
    assert set(outcomes) == _written()


@pytest.mark.parametrize("name", sorted(_written()))
def test_rule_holds(outcomes: dict[str, tuple[str, str]], name: str) -> None:
    status, message = outcomes[name]
    assert status == "pass", message
