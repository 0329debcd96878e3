"""Models broken on purpose: for each rule in mutations.yaml, the dbt test that guards it finds the mistake; for some rules in the short form.

A unit test reads only its own model, so mistakes in different models are made at once and their tests run once. A data test reads
what is built from the mistake, so each needs its own build, which is compared with the build without a mistake: the simulated sellers have
rows that are set aside.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seller_warehouse.core.home import DBT_PROJECT, REPOSITORY
from tests.mutations import Mutation, mistakes, mutations, rounds, unit_tests
from tests.soak.test_storms import COUNT
from tests.support import AT
from tests.world import Simulated

LISTED = [m for listed in mutations().values() for m in listed]
ROUNDS = rounds(m for m in LISTED if m.guard in unit_tests())
LONGEST = 600
"""Maximum seconds of a run; a mistake may make a query that never ends."""
BUILDS = [m for m in LISTED if m.guard not in unit_tests()]


@dataclass(frozen=True)
class Copy:
    """A dbt project and a warehouse that mistakes may be made in."""

    simulated: Simulated
    folder: Path

    @property
    def project(self) -> Path:
        return self.folder / "dbt_project"

    def dbt(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """Run dbt on a copy of the warehouse without mistakes; the results of the tests by their names."""
        database, target = self.folder / self.simulated.warehouse.home.warehouse.name, self.folder / "target"
        shutil.copy(self.simulated.warehouse.home.warehouse, database)
        (target / "run_results.json").unlink(missing_ok=True)
        command = [str(Path(sys.executable).with_name("dbt")), *arguments]
        command += ["--project-dir", str(self.project), "--profiles-dir", str(self.project), "--target-path", str(target), "--log-path", str(target)]
        command += ["--vars", json.dumps({"as_of_date": AT.date().isoformat()})]
        environment = {**os.environ, "SELLER_WAREHOUSE_DATABASE": str(database)}
        ran = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST)
        assert (target / "run_results.json").exists(), ran.stdout
        return _results(target)


def _results(target: Path) -> dict[str, dict[str, Any]]:
    found = [r for r in json.loads((target / "run_results.json").read_text())["results"] if r["unique_id"].split(".")[0] in ("test", "unit_test")]
    return {_name(r["unique_id"]): r for r in found}


def _name(unique_id: str) -> str:
    """``test.seller_warehouse.<name>.<hash>`` or ``unit_test.seller_warehouse.<model>.<name>``; a test of its own file has no hash."""
    kind, _, *names = unique_id.split(".")
    return names[-1] if kind == "unit_test" else names[0]


@pytest.fixture(scope="module")
def copy(simulated: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    made = Copy(simulated, tmp_path_factory.mktemp("mutations"))
    shutil.copytree(DBT_PROJECT, made.project, ignore=shutil.ignore_patterns("target"))
    return made


@pytest.fixture(scope="module")
def unbroken(simulated: Simulated) -> dict[str, dict[str, Any]]:
    """The findings of the data tests on the simulated sellers, without a mistake."""
    return _results(simulated.warehouse.home.root / "dbt" / "target")


def test_no_test_stops_a_publication_where_no_rule_is_broken(unbroken: dict[str, dict[str, Any]]) -> None:
    assert unbroken
    assert {name for name, result in unbroken.items() if result["status"] not in ("pass", "warn")} == set()


@pytest.mark.skipif(COUNT == 1, reason="tests/dbt runs every unit test")
def test_no_unit_test_fails_where_no_rule_is_broken(copy: Copy) -> None:
    results = copy.dbt("--no-partial-parse", "test", "--select", "test_type:unit")
    assert {name for name, result in results.items() if result["status"] != "pass"} == set()


@pytest.mark.parametrize("number", range(len(ROUNDS) if COUNT > 1 else 1))
def test_unit_tests_find_the_mistakes_that_they_guard_against(copy: Copy, number: int) -> None:
    made = ROUNDS[number]
    with mistakes(copy.project, made):
        # dbt reads a seed for a unit test while parsing.
        results = copy.dbt("--no-partial-parse", "test", "--select", *sorted({m.guard for m in made}))
    # A model that is no longer valid SQL proves nothing: it ends in an error.
    assert {m.rule: results[m.guard]["status"] for m in made} == {m.rule: "fail" for m in made}


@pytest.mark.parametrize("mutation", BUILDS[: None if COUNT > 1 else 2], ids=lambda m: m.rule)
def test_a_data_test_finds_the_mistake_that_it_guards_against(copy: Copy, unbroken: dict[str, dict[str, Any]], mutation: Mutation) -> None:
    with mistakes(copy.project, [mutation]):
        results = copy.dbt("build", "--select", f"{mutation.file}+", "--exclude-resource-type", "unit_test")
    found = results[mutation.guard]
    assert found["status"] in ("fail", "warn")
    assert found["failures"] > unbroken[mutation.guard]["failures"]
