"""Required columns are those that a mart needs: no file is refused for a column that no model reads, and no number needs an optional column."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from typing import Any

import duckdb
import pytest

from seller_warehouse.core.home import Home
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.core.sql import identifier
from seller_warehouse.marts.build import build_marts
from seller_warehouse.reports import SPECS
from tests.support import Warehouse
from tests.world import Simulated

OF_THE_GATE = {"settlements": {"total_amount"}}
"""Columns that no mart reads but a refusing rule does: the lines of a settlement add up to its total."""

DESCRIBING = {
    "asin", "parent_asin", "product_name", "image_url", "condition", "fulfillment_center_id", "defect_id", "transaction_id", "reason_code",
}  # fmt: skip
"""Columns of marts that only describe or name a row: only they may depend on usual columns."""


class Lineage:
    """Which columns of raw the models read: DuckDB's optimizer leaves out of a scan every column that nothing above it needs."""

    def __init__(self, warehouse: Warehouse) -> None:
        manifest = json.loads((warehouse.home.root / "dbt" / "target" / "manifest.json").read_text(encoding="utf-8"))
        self.connection = duckdb.connect(str(warehouse.home.warehouse), read_only=True)
        # A filter that is pushed into a scan hides the columns that it reads; a scan that is known to be empty has none.
        self.connection.execute("set disabled_optimizers = 'statistics_propagation,empty_result_pullup,filter_pushdown,filter_pullup'")
        nodes = [n for n in manifest["nodes"].values() if n["resource_type"] == "model" and n["config"]["materialized"] == "table"]
        self.tables = {f"{n['schema']}.{n['name']}": n["compiled_code"] for n in nodes}

    def columns_of(self, table: str) -> list[str]:
        found = self.connection.execute("select column_name from duckdb_columns() where schema_name || '.' || table_name = ?", [table])
        return [name for (name,) in found.fetchall()]

    def read(self) -> dict[str, set[str]]:
        """By table of raw the columns that some column of a mart or of meta depends on."""
        wanted = {t: set(self.columns_of(t)) for t in self.tables if t.split(".")[0] in ("marts", "meta")}
        done: dict[str, set[str]] = defaultdict(set)
        read: dict[str, set[str]] = defaultdict(set)
        while wanted:
            table, columns = wanted.popitem()
            new = columns - done[table]
            done[table] |= new
            for scanned, names in self._scans(table, new).items() if new else ():
                if scanned in self.tables:
                    wanted[scanned] = wanted.get(scanned, set()) | names
                elif scanned.startswith("raw."):
                    read[scanned.removeprefix("raw.")] |= names
        return read

    def _scans(self, table: str, columns: set[str]) -> dict[str, set[str]]:
        query = f"select {', '.join(map(identifier, sorted(columns)))} from ({self.tables[table]})"
        ((_, plan),) = self.connection.execute(f"explain (format json) {query}").fetchall()
        found: dict[str, set[str]] = defaultdict(set)
        pending: list[dict[str, Any]] = json.loads(plan)
        while pending:
            node = pending.pop()
            pending += node["children"]
            if scanned := node["extra_info"].get("Table"):
                names = node["extra_info"].get("Projections", [])
                found[scanned.split(".", 1)[1]] |= {names} if isinstance(names, str) else set(names)
        return found


@pytest.fixture(scope="module")
def read(fixtures_built: Warehouse) -> dict[str, set[str]]:
    return Lineage(fixtures_built).read()


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda s: s.name)
def test_a_required_column_or_value_is_read_by_a_mart_or_by_the_load(spec: ReportSpec, read: dict[str, set[str]]) -> None:
    needed = read[spec.name] | {*spec.key, spec.event_date} | OF_THE_GATE.get(spec.name, set())
    assert [c.name for c in spec.columns if (c.required or c.filled) and c.name not in needed] == []


def test_the_lineage_knows_what_the_models_read(read: dict[str, set[str]]) -> None:
    """By hand from the models: a filter, a join, a sum and an output; and what no model mentions."""
    assert {"event_type", "fnsku", "quantity", "reference_id"} <= read["inventory_ledger"]
    assert {"a_to_z_claim", "order_id"} <= read["mfn_returns"]
    assert not {"shipment_item_id", "payments_date", "ship_country"} & read["fulfilled_shipments"]
    assert not {"zshop_boldface", "status"} & read["listings"]


def test_no_number_of_a_mart_needs_a_usual_column(simulated: Simulated, tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = simulated.warehouse
    bare = Warehouse(Home(tmp_path_factory.mktemp("bare") / "home"), accounts=whole.accounts)
    bare.home.root.mkdir(parents=True)
    shutil.copy(whole.home.warehouse, bare.home.warehouse)
    with duckdb.connect(str(bare.home.warehouse)) as connection:
        for spec in SPECS.values():
            if blank := ", ".join(f"{identifier(c.name)} = ''" for c in spec.columns if c.usual):
                connection.execute(f"update raw.{spec.name} set {blank}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_INDIRECT_SELECTION", "empty")  # The marts are compared; dbt's tests would say nothing about that.
        build_marts(bare.home, as_of=simulated.known_at.date(), select="resource_type:seed resource_type:model")
    differing = {}
    marts = [name for (name,) in whole.query("select table_name from duckdb_tables() where schema_name = 'marts' order by all")]
    for mart in marts:
        columns = [c for (c,) in whole.query(f"select column_name from duckdb_columns() where (schema_name, table_name) = ('marts', '{mart}')")]
        compared = ", ".join(identifier(c) for c in columns if c not in DESCRIBING)
        with duckdb.connect() as connection:
            for name, home in (("whole", whole.home), ("bare", bare.home)):
                connection.execute(f"attach '{home.warehouse}' as {name} (read_only)")
            found = connection.execute(
                f"select count(*) from (select {compared} from whole.marts.{mart} except all select {compared} from bare.marts.{mart})"
            ).fetchall()
        if found != [(0,)]:
            differing[mart] = found[0][0]
    assert differing == {}
    assert len(marts) > 15
