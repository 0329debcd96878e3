"""Every report type is complete: its six pieces exist, and its fixtures are recognised and pass its gate."""

from __future__ import annotations

import codecs
import csv
import io
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Refusal, Verdict
from seller_warehouse.core.home import REPOSITORY
from seller_warehouse.core.report_spec import Quoting, ReportSpec, normalise_header
from seller_warehouse.ingest.gate import Judgement, Pending, judge_documents
from seller_warehouse.ingest.header import recognise, recognise_file
from seller_warehouse.reports import SPECS
from tests.support import FIXTURES, document_of

AMAZON_TYPES = {
    "reimbursements": "GET_FBA_REIMBURSEMENTS_DATA",
    "customer_returns": "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA",
    "inventory_ledger": "GET_LEDGER_DETAIL_VIEW_DATA",
    "inventory_ledger_summary": "GET_LEDGER_SUMMARY_VIEW_DATA",
    "fba_inventory": "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA",
    "replacements": "GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_REPLACEMENT_DATA",
    "removal_orders": "GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA",
    "removal_shipments": "GET_FBA_FULFILLMENT_REMOVAL_SHIPMENT_DETAIL_DATA",
    "orders": "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL",
    "fulfilled_shipments": "GET_AMAZON_FULFILLED_SHIPMENTS_DATA_GENERAL",
    "seller_performance": "GET_V2_SELLER_PERFORMANCE_REPORT",
    "seller_feedback": "GET_SELLER_FEEDBACK_DATA",
    "mfn_returns": "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE",
    "settlements": "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2",
    "listings": "GET_MERCHANT_LISTINGS_ALL_DATA",
    "order_defects": None,
    "sourcing_costs": None,
    "claims": None,
    "product_catalog": None,
}

STAGING = Path("dbt_project/models/staging/amazon_seller")
SOURCES = STAGING / "_amazon_seller__sources.yml"


def pieces(report: str) -> dict[str, Path]:
    """The six pieces of a report type and their places in the repository."""
    return {
        "report spec": Path(f"plugins/seller_warehouse/reports/{report}.py"),
        "suite": Path(f"expectations/{report}.py"),
        "staging source": SOURCES,
        "staging model": STAGING / f"stg_amazon_seller__{report}.sql",
        "staging description": STAGING / f"stg_amazon_seller__{report}.yml",
        "fixtures": Path(f"tests/fixtures/{report}"),
    }


def missing_pieces(root: Path, report: str) -> list[str]:
    """The missing pieces of a report type in the repository at ``root``, one sentence each."""
    return [f"{report} has no {what}: {place}" for what, place in pieces(report).items() if not _exists(root, what, place, report)]


def _exists(root: Path, what: str, place: Path, report: str) -> bool:
    path = root / place
    if what == "staging source":
        sources = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"] if path.exists() else []
        return any(t["name"] == report for s in sources if s["name"] == "amazon_seller" for t in s["tables"])
    if what == "staging description":
        models = yaml.safe_load(path.read_text(encoding="utf-8"))["models"] if path.exists() else []
        return any(m["name"] == f"stg_amazon_seller__{report}" for m in models)
    if what == "fixtures":
        return (path / "case.yaml").exists() and any(path.glob("valid.*"))
    return path.exists()


def names_found(root: Path) -> set[str]:
    """Every report type of which the repository at ``root`` has at least one piece."""
    sources = yaml.safe_load((root / SOURCES).read_text(encoding="utf-8"))["sources"]
    return {
        *(p.stem for folder in ("plugins/seller_warehouse/reports", "expectations") for p in (root / folder).glob("*.py")),
        *(p.stem.removeprefix("stg_amazon_seller__") for p in (root / STAGING).glob("stg_*")),
        *(t["name"] for s in sources for t in s["tables"]),
        *(p.name for p in (root / "tests/fixtures").iterdir() if p.is_dir()),
    } - {"__init__", "common"}


def test_there_are_exactly_the_promised_report_types() -> None:
    assert {name: spec.amazon_type for name, spec in SPECS.items()} == AMAZON_TYPES


@pytest.mark.parametrize("report", sorted(names_found(REPOSITORY)))
def test_a_report_type_has_all_six_pieces(report: str) -> None:
    assert missing_pieces(REPOSITORY, report) == []


@pytest.mark.parametrize("what", pieces("claims"))
def test_a_missing_piece_is_named(tmp_path: Path, what: str) -> None:
    for place in pieces("claims").values():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (REPOSITORY / place).is_dir() else shutil.copy)(REPOSITORY / place, tmp_path / place)
    assert missing_pieces(tmp_path, "claims") == []
    place = pieces("claims")[what]
    if what == "staging source":
        kept = re.sub(r" +- name: claims\n +description: .*\n", "", (tmp_path / place).read_text(encoding="utf-8"))
        (tmp_path / place).write_text(kept, encoding="utf-8")
    elif (tmp_path / place).is_dir():
        shutil.rmtree(tmp_path / place)
    else:
        (tmp_path / place).unlink()
    assert missing_pieces(tmp_path, "claims") == [f"claims has no {what}: {place}"]


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda s: s.name)
def test_a_spec_says_where_its_report_comes_from_and_which_rows_are_whole(spec: ReportSpec) -> None:
    assert spec.title
    assert spec.found_at
    assert (spec.requests is not None) == (spec.amazon_type is not None)
    assert any(c.filled for c in spec.kept)
    assert not any(c.personal and (c.filled or c.required) for c in spec.columns)


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda s: s.name)
def test_the_columns_of_a_spec_answer_to_different_headers_unless_they_share_a_word(spec: ReportSpec) -> None:
    spellings = [h for c in spec.columns for h in c.headers]
    shared = [normalise_header(h) for c in spec.columns for h in c.shared]
    assert sorted(h for h in set(spellings) if spellings.count(h) > 1) == sorted(set(shared))
    assert [h for h in shared if shared.count(h) == 1] == []


TEXTS = [p for p in sorted(FIXTURES.glob("*/valid.*")) if p.suffix != ".json"]


def without(path: Path, headers: set[str]) -> str:
    """A fixture without some columns."""
    quoted = path.suffix == ".csv" or SPECS[path.parent.name].quoting is Quoting.ALL
    how: dict[str, Any] = {"delimiter": "," if path.suffix == ".csv" else "\t", "quoting": csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE}
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines(), **how))
    kept = [i for i, header in enumerate(rows[0]) if header not in headers]
    written = io.StringIO()
    csv.writer(written, **how, lineterminator="\n", escapechar=None if quoted else "\\").writerows([row[i] for i in kept] for row in rows)
    return written.getvalue()


def case_of(path: Path) -> tuple[dict[str, Any], Account]:
    """What a fixture holds, and the account that owns it."""
    case = yaml.safe_load((path.parent / "case.yaml").read_text(encoding="utf-8"))
    return case, Account(id="case", name="Case", source="files", **case["account"])


def judged(contents: dict[tuple[Path, int], str | bytes], folder: Path) -> dict[tuple[Path, int], Judgement]:
    """The judgements of fixtures, or of what was made of them, validated together, which is faster."""
    pending = {}
    for number, ((path, what), content) in enumerate(contents.items()):
        case, account = case_of(path)
        place = folder / str(number)
        document = document_of(content, place, report=path.parent.name, account=account, retrieved_at=case["retrieved_at"])
        pending[path, what] = Pending(document=document, account=account, folder=place / "work")
    found = {judgement.document.path: judgement for judgement in judge_documents(pending.values())}
    return {key: found[one.document.path] for key, one in pending.items()}


def usual_columns(path: Path, half: int) -> list[str]:
    return [c.header for c in SPECS[path.parent.name].columns if c.usual][half::2]


@pytest.fixture(scope="module")
def without_halves(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Path, int], Judgement]:
    contents = {(path, half): without(path, set(usual_columns(path, half))) for path in TEXTS for half in (0, 1)}
    return judged(contents, tmp_path_factory.mktemp("halves"))


@pytest.mark.parametrize("half", [0, 1], ids=["the first and every second", "the others"])
@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.parent.name)
def test_a_file_without_half_of_the_usual_columns_is_recognised_and_loads_with_one_warning(
    path: Path, half: int, without_halves: dict[tuple[Path, int], Judgement]
) -> None:
    usual, judgement = usual_columns(path, half), without_halves[path, half]
    assert recognise(without(path, set(usual))).spec.name == path.parent.name
    assert (judgement.verdict, judgement.row_count) == (Verdict.PENDING, case_of(path)[0]["rows"]), judgement.reason
    warned = [(r.rule, r.what.split(": ")[-1]) for r in judgement.results if not r.passed]
    assert warned == ([("usual_columns", ", ".join(usual))] if usual else [])


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.parent.name)
def test_a_file_without_a_required_column_is_refused_by_its_name(path: Path) -> None:
    spec = SPECS[path.parent.name]
    header = path.read_text(encoding="utf-8").splitlines()[0].replace('"', "").split("," if path.suffix == ".csv" else "\t")
    for column in (c for c in spec.columns if c.required and c.header in header):
        with pytest.raises(Refusal, match=re.escape(f"the header is that of {spec.name} but is missing {column.header!r}")):
            recognise("\t".join(h for h in header if h != column.header) + "\n")


FILES = [p for p in sorted(FIXTURES.glob("*/*")) if p.name != "case.yaml"]


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Path, int], Judgement]:
    return judged({(path, 0): path.read_bytes() for path in FILES}, tmp_path_factory.mktemp("fixtures"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_fixture_is_recognised_and_passes_the_gate_with_every_row(path: Path, fixtures: dict[tuple[Path, int], Judgement]) -> None:
    (case, account), judgement = case_of(path), fixtures[path, 0]
    assert recognise_file(path, account.fallback_charset) == path.parent.name
    assert (judgement.verdict, judgement.reason) == (Verdict.PENDING, "")
    assert [r.rule for r in judgement.results if not r.passed and not is_about_the_header(r.rule)] == ([] if is_utf8(path) else ["charset"])
    assert judgement.row_count == case["rows"] if path.stem == "valid" else judgement.row_count > 0


def is_utf8(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return path.read_bytes()[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return True


def is_about_the_header(rule: str) -> bool:
    """Variants have headers that are not documented; they load with these warnings."""
    return rule in ("unknown_columns", "header_by_position")


def test_the_row_counts_of_valid_fixtures_leave_no_report_out() -> None:
    assert {p.parent.name for p in FILES if p.stem == "valid"} == set(SPECS)
