"""Documentation: dbt's is complete and built without a network, and every query in docs/ runs on a published warehouse."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from seller_warehouse.core.home import DBT_PROJECT, REPOSITORY
from seller_warehouse.marts.exports import EXPORTED
from tests.parsed_project import run_dbt
from tests.support import Warehouse

MARTS_PAGE = REPOSITORY / "docs" / "marts.md"
MARTS = sorted(p.stem for p in (DBT_PROJECT / "models" / "marts").rglob("*.sql"))
NO_NETWORK = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:9")


@dataclass(frozen=True)
class Documentation:
    """What ``dbt docs generate`` wrote."""

    manifest: dict[str, Any]
    catalog: dict[str, Any]
    page: str

    def nodes(self, *kinds: str) -> dict[str, dict[str, Any]]:
        """Nodes of the manifest by id."""
        return {i: n for i, n in self.manifest["nodes"].items() if n["resource_type"] in kinds}


@pytest.fixture(scope="module")
def documentation(fixtures_built: Warehouse) -> Documentation:
    # Where the build has left its manifest, nothing has to be compiled again.
    target = fixtures_built.home.root / "dbt" / "target"
    ran = run_dbt(fixtures_built.home, target, "docs", "generate", "--static", "--no-compile", **NO_NETWORK)
    assert ran.returncode == 0, ran.stdout
    manifest, catalog = (json.loads((target / f"{name}.json").read_text(encoding="utf-8")) for name in ("manifest", "catalog"))
    return Documentation(manifest, catalog, (target / "static_index.html").read_text(encoding="utf-8"))


def test_every_model_seed_and_source_is_described(documentation: Documentation) -> None:
    described = {**documentation.nodes("model", "seed"), **documentation.manifest["sources"], **documentation.manifest["exposures"]}
    assert [i for i, node in described.items() if not node["description"].strip()] == []


def test_every_column_that_the_database_has_is_described(documentation: Documentation) -> None:
    """Intermediate models are not read by others: their grain is described, their columns need not be."""
    read = {i: n for i, n in documentation.nodes("model", "seed").items() if n["schema"] != "intermediate"}
    undescribed = []
    for node_id, node in read.items():
        told = {name.lower() for name, column in node["columns"].items() if column["description"].strip()}
        undescribed += [f"{node['name']}.{c}" for c in documentation.catalog["nodes"][node_id]["columns"] if c.lower() not in told]
    assert undescribed == []


def test_every_described_column_exists(documentation: Documentation) -> None:
    invented = []
    for node_id, node in documentation.nodes("model", "seed").items():
        there = {c.lower() for c in documentation.catalog["nodes"][node_id]["columns"]}
        invented += [f"{node['name']}.{name}" for name in node["columns"] if name.lower() not in there]
    assert invented == []


def test_page_holds_every_mart_and_needs_no_server(documentation: Documentation) -> None:
    assert [mart for mart in MARTS if mart not in documentation.page] == []


def test_every_mart_has_a_reader(documentation: Documentation) -> None:
    exposures = {e["name"]: {i.split(".")[-1] for i in e["depends_on"]["nodes"]} for e in documentation.manifest["exposures"].values()}
    assert set(exposures) == {"sql_and_bi_tools", "finance_profit_model", "seller_dashboard", "exports"}
    assert exposures["sql_and_bi_tools"] == set(MARTS)
    assert exposures["exports"] == set(EXPORTED)


def sections() -> dict[str, str]:
    """The page about the marts, by heading."""
    parts = re.split(r"^## (.+)$", MARTS_PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def queries(text: str) -> list[str]:
    return re.findall(r"^```sql\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


QUERIES = {f"{p.name}-{n}": sql for p in sorted((REPOSITORY / "docs").glob("*.md")) for n, sql in enumerate(queries(p.read_text(encoding="utf-8")))}


@pytest.mark.parametrize("mart", MARTS)
def test_mart_has_a_section_with_a_query_on_it(mart: str) -> None:
    assert [q for q in queries(sections()[mart]) if f"marts.{mart}" in q]


EMPTY = ("marts.fct_settlement_differences", "meta.set_aside")
"""The simulated settlements leave no amount unexplained, and no row of the world breaks an assumption."""


@pytest.mark.parametrize("name", QUERIES)
def test_query_of_the_docs_runs_and_answers(published: Path, name: str) -> None:
    with duckdb.connect(str(published), read_only=True) as connection:
        rows = connection.execute(QUERIES[name]).fetchall()
    assert rows or any(table in QUERIES[name] for table in EMPTY)
