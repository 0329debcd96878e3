"""An invented report type, added by only its six pieces, is recognised, gated, loaded and staged."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seller_warehouse.core.home import REPOSITORY
from tests.unit.test_report_types import SOURCES, missing_pieces, pieces

REPORT = "pallet_swaps"

SPEC = '''"""Pallet swaps: a made-up report."""

from seller_warehouse.core.report_spec import Kind, ReportSpec, Requests, ReplacementScope, column

SPEC = ReportSpec(
    name="pallet_swaps",
    amazon_type="GET_PALLET_SWAPS_DATA",
    title="Pallet swaps",
    found_at="nowhere",
    replacement_scope=ReplacementScope.DATE,
    event_date="swap_date",
    requests=Requests(),
    columns=(
        column("swap-date", Kind.DATE, filled=True),
        column("pallet-id", filled=True),
        column("swapped-units", Kind.INTEGER, filled=True),
        column("wood", codes=("PINE", "OAK")),
        column("driver-name", personal=True, required=False),
    ),
)
'''

SUITE = '''"""What a pallet swap must be."""

from great_expectations import ExpectationSuite

from expectations.common import number, row_rule, suite
from seller_warehouse.ingest.gate import GateContext
from seller_warehouse.core.report_spec import ReportSpec


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: no pallet swaps more than 99 units."""
    too_many = row_rule("pallet_holds_99", f"{number('swapped_units')} > 99", ["pallet_id"], "a pallet holds 99 units", "count again")
    return suite(spec, context, [too_many])
'''

MODEL = """with source as (

    select * from {{ source('amazon_seller', 'pallet_swaps') }} where _valid_to is null

),

renamed as (

    select
        account_id,
        {{ row_id() }} as pallet_swap_row_id,
        {{ text_value('pallet_id') }} as pallet_id,
        {{ printed_date('swap_date') }} as swap_date,
        {{ upper_snake('wood') }} as wood,
        {{ whole_number('swapped_units') }} as swapped_units
    from source

)

select * from renamed
"""

DESCRIPTION = """version: 2

models:
  - name: stg_amazon_seller__pallet_swaps
    description: One row per pallet swap.
    columns:
      - name: pallet_swap_row_id
        description: Identity of the row.
        data_tests: [unique, not_null]
      - name: swapped_units
        description: Units on the pallet.
        data_tests: [not_null]
"""

VALID = """swap-date\tpallet-id\tswapped-units\twood\tdriver-name
2026-11-02\t007\t40\tpine\tJane Marker
2026-11-02\t007\t40\tpine\tJane Marker
2026-11-03\t008\t12\tOAK\tJane Marker
"""
CASE = """account: {region: na, marketplaces: [ATVPDKIKX0DER]}
retrieved_at: 2026-11-05T05:00:00Z
rows: 3
"""

SCRIPT = """
import json, sys
from pathlib import Path
from seller_warehouse.core import home as paths
from tests.support import AT, NA, Warehouse
from seller_warehouse.marts.build import build_marts
from seller_warehouse.core.home import Home

warehouse = Warehouse(Home(Path(sys.argv[1])))
valid = (paths.REPOSITORY / "tests/fixtures/pallet_swaps/valid.txt").read_text()
warehouse.drop("swaps.txt", valid)
warehouse.drop("heavy.txt", valid.replace("40", "100"))
refusals = warehouse.load()
build_marts(warehouse.home, as_of=AT.date(), select="stg_amazon_seller__pallet_swaps")
print("FOUND " + json.dumps({
    "repository": str(paths.REPOSITORY),
    "refusals": refusals,
    "loads": warehouse.query("select file_name, report, verdict, row_count from meta.loads order by 1"),
    "staged": warehouse.query(
        "select account_id, pallet_id, cast(swap_date as varchar), wood, swapped_units from staging.stg_amazon_seller__pallet_swaps order by all"
    ),
    "columns": [name for name, *_ in warehouse.query("describe raw.pallet_swaps")],
}))
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of the repository's files that the pipeline needs."""
    root = tmp_path / "copy"
    ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
    for folder in ("plugins", "expectations", "dbt_project", "tests"):
        shutil.copytree(REPOSITORY / folder, root / folder, ignore=ignored)
    return root


def fingerprints(root: Path) -> dict[str, str]:
    files = [p for p in root.rglob("*") if p.is_file() and not {"__pycache__", "logs", "target"} & set(p.parts)]
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def add_pieces(root: Path) -> None:
    written = {"report spec": SPEC, "suite": SUITE, "staging model": MODEL, "staging description": DESCRIPTION}
    for what, content in written.items():
        (root / pieces(REPORT)[what]).write_text(content, encoding="utf-8")
    with (root / SOURCES).open("a", encoding="utf-8") as stream:
        stream.write(f"      - name: {REPORT}\n")
    fixtures = root / pieces(REPORT)["fixtures"]
    fixtures.mkdir()
    (fixtures / "valid.txt").write_text(VALID, encoding="utf-8")
    (fixtures / "case.yaml").write_text(CASE, encoding="utf-8")


def test_six_pieces_make_a_report_type_and_nothing_else_is_touched(repository: Path, tmp_path: Path) -> None:
    assert len(missing_pieces(repository, REPORT)) == 6
    before = fingerprints(repository)
    add_pieces(repository)
    assert missing_pieces(repository, REPORT) == []

    environment = {**os.environ, "PYTHONPATH": f"{repository}:{repository / 'plugins'}"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "home")], cwd=repository, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("FOUND ")).removeprefix("FOUND "))

    assert found["repository"] == str(repository)
    assert found["loads"] == [["heavy.txt", REPORT, "QUARANTINED", 3], ["swaps.txt", REPORT, "LOADED", 3]]
    (refusal,) = found["refusals"]
    assert "heavy.txt, line 2: a pallet holds 99 units (pallet_id='007') in 2 rows; count again." in refusal
    assert found["staged"] == [
        ["acme-na", "007", "2026-11-02", "PINE", 40],
        ["acme-na", "007", "2026-11-02", "PINE", 40],
        ["acme-na", "008", "2026-11-03", "OAK", 12],
    ]
    assert "driver_name" not in found["columns"]

    after = fingerprints(repository)
    changed = {path for path in after if after[path] != before.get(path)}
    assert changed == {str(p) for p in pieces(REPORT).values() if p.suffix} | {
        f"tests/fixtures/{REPORT}/{name}" for name in ("case.yaml", "valid.txt")
    }
    assert set(before) <= set(after)
