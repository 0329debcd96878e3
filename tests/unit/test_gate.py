"""The documents of one report are validated together, each with the same result as alone."""

from __future__ import annotations

import dataclasses
import importlib
import logging
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from great_expectations.constants import MAX_RESULT_RECORDS
from great_expectations.datasource.fluent.interfaces import Batch

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Verdict
from seller_warehouse.core.home import REPOSITORY
from seller_warehouse.ingest import gate
from seller_warehouse.ingest.gate import Judgement, Pending, RuleResult, judge, judge_documents
from tests.support import AT, EU, FIXTURES, NA, document_of, reimbursements

BRITISH = Account(id="british", name="British", region="eu", marketplaces=("A1F83G8C2ARO7P",), source="files")
NOVEMBER = {"source": "sp_api", "window_start": date(2026, 11, 1), "window_end": date(2026, 11, 10)}
CLAIMS = "case-id,order-id,fnsku,seller-sku,units,filed-date,status"


def pending(folder: Path, name: str, content: str, account: Account = NA, usual: float | None = None, **manifest: Any) -> Pending:
    """A document to validate; its file and the folder of its rows have its name."""
    document = document_of(content, folder / account.id, account=account, **{"report": "reimbursements", "file_name": name, **manifest})
    return Pending(document=document, account=account, folder=folder / account.id / f"rows {name}", usual_rows_per_day=usual)


def judged(*documents: Pending) -> dict[str, Judgement]:
    """The judgements of one pass, by file name."""
    return {j.document.file_name: j for j in judge_documents(documents)}


def failed(judgement: Judgement) -> list[RuleResult]:
    """The rules that the document breaks."""
    return [r for r in judgement.results if not r.passed]


def days(*numbers: int, **values: str) -> str:
    """A reimbursement on each of some days of November."""
    return reimbursements(
        *(
            {"approval-date": f"2026-11-{d:02}T08:00:00+00:00", "reimbursement-id": str(d), **{k.replace("_", "-"): v for k, v in values.items()}}
            for d in numbers
        )
    )


@pytest.fixture
def mixed(tmp_path: Path) -> list[Pending]:
    """Documents of two reports and three accounts with different faults and formats."""
    return [
        pending(tmp_path, "good", days(2, 3), **NOVEMBER),
        pending(tmp_path, "wrong row", reimbursements({}, {"reimbursement-id": "2", "amount-total": "12.50.0"})),
        pending(tmp_path, "beside its window", days(2, 3, 18, 19), **NOVEMBER),
        pending(tmp_path, "few rows", days(4), usual=9.0),
        pending(tmp_path, "no rows", days(), source="file"),
        pending(tmp_path, "no rows from Amazon", days(), **NOVEMBER),
        pending(tmp_path, "in the future", days(20, 21, 22, 23)),
        pending(tmp_path, "cut", days(2, 3)[:-90]),
        pending(tmp_path, "comma", days(2, 3, amount_per_unit="12,50", amount_total="12,50", currency_unit="EUR"), EU),
        pending(tmp_path, "point", days(2, 3, amount_per_unit="12.50", amount_total="12.50", currency_unit="EUR"), EU),
        pending(tmp_path, "either", days(2, 3, amount_per_unit="1.250", amount_total="1.250", currency_unit="EUR"), EU),
        pending(tmp_path, "German days", f"{CLAIMS}\n1,O1,,,1,13.11.2026,OPEN\n2,O2,,,1,14.10.26x,OPEN\n", EU, report="claims"),
        pending(tmp_path, "British days", f"{CLAIMS}\n1,O1,,,1,13/11/2026,OPEN\n2,,,,1,14/11/2026,NEVER\n", BRITISH, report="claims"),
        # Formats that differ in one capital alone.
        pending(tmp_path, "British short years", f"{CLAIMS}\n1,O1,,,1,13/11/26,OPEN\n2,O2,,,1,14/11/26,OPEN\n", BRITISH, report="claims"),
        pending(
            tmp_path, "orders alone", "case-id,order-id,units,filed-date,status\n1,,1,2026-11-13,OPEN\n2,O2,1,2026-11-14,OPEN\n", report="claims"
        ),
    ]


def test_each_of_several_documents_gets_its_own_verdict_lines_and_reason(mixed: list[Pending]) -> None:
    found = judged(*mixed)
    assert {name: j.verdict for name, j in found.items()} == {
        "good": Verdict.PENDING, "wrong row": Verdict.QUARANTINED, "beside its window": Verdict.QUARANTINED, "few rows": Verdict.PENDING,
        "no rows": Verdict.QUARANTINED, "no rows from Amazon": Verdict.NO_DATA, "in the future": Verdict.QUARANTINED, "cut": Verdict.QUARANTINED,
        "comma": Verdict.PENDING, "point": Verdict.PENDING, "either": Verdict.QUARANTINED,
        "German days": Verdict.QUARANTINED, "British days": Verdict.QUARANTINED, "British short years": Verdict.PENDING,
        "orders alone": Verdict.QUARANTINED,
    }  # fmt: skip
    assert failed(found["good"]) == failed(found["comma"]) == failed(found["point"]) == []
    assert found["wrong row"].reason.startswith(
        "wrong row, line 3: amount-total is no amount (decimal point) (amount_total='12.50.0'); correct the value"
    )
    assert found["beside its window"].reason == (
        "beside its window, line 4: approval-date lies outside the days asked for (2026-10-31 to 2026-11-11) "
        "(approval_date='2026-11-18T08:00:00+00:00') in 2 rows; ask for the report again."
    )
    assert [(r.rule, r.severity, r.rows) for r in failed(found["few rows"])] == [("usual_volume", "warning", [])]
    assert found["no rows"].reason == "no rows, the file has a header and no rows; choose a range with data, or try again later."
    assert "line 4: approval-date lies more than a day after the document was retrieved (2026-11-20)" in found["in the future"].reason
    assert "in 2 rows" in found["in the future"].reason
    assert "line 2: amount-per-unit may be thousands or decimals (amount_per_unit='1.250') in 2 rows" in found["either"].reason
    assert "line 3: filed-date is no date written as ISO or %d.%m.%y" in found["German days"].reason
    assert [(r.rule, [row["_line"] for row in r.rows]) for r in failed(found["British days"])] == [
        ("status_is_known", [3]),
        ("subject_is_named", [3]),
    ]
    assert failed(found["orders alone"])[0].rows == [{"_line": 2, "case_id": "1", "order_id": ""}]


def test_a_case_may_name_its_ledger_reference_alone(tmp_path: Path) -> None:
    claims = "case-id,fnsku,transaction-id,units,filed-date,status\n1,,RF1,1,2026-11-13,OPEN\n2,,,1,2026-11-14,OPEN\n"
    found = judged(pending(tmp_path, "references", claims, report="claims"))["references"]
    assert [(r.rule, [row["_line"] for row in r.rows]) for r in failed(found)] == [("subject_is_named", [3])]


def test_documents_validated_together_get_the_same_results_as_alone(mixed: list[Pending], tmp_path: Path) -> None:
    alone = {p.document.file_name: judge(p.document, p.account, p.folder, p.usual_rows_per_day) for p in mixed}
    assert judged(*mixed) == judged(*reversed(mixed)) == alone


@pytest.fixture
def validations(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The suites that Great Expectations has run."""
    validate, suites = Batch.validate, []
    monkeypatch.setattr(Batch, "validate", lambda self, suite, **options: (suites.append(suite), validate(self, suite, **options))[1])
    return suites


def test_a_report_is_validated_once_a_pass(mixed: list[Pending], validations: list[Any]) -> None:
    judged(*mixed)
    assert len(validations) == 2


@pytest.mark.parametrize(("name", "limit", "count"), [("MAX_BATCH_DOCUMENTS", 2, 5 + 2), ("MAX_BATCH_ROWS", 4, 6 + 2)])
def test_however_a_pass_is_split_the_judgements_are_the_same(
    mixed: list[Pending], validations: list[Any], monkeypatch: pytest.MonkeyPatch, name: str, limit: int, count: int
) -> None:
    together = judged(*mixed)
    validations.clear()
    monkeypatch.setattr(gate, name, limit)
    assert judged(*mixed) == together
    assert len(validations) == count


def test_many_wrong_rows_of_one_document_hide_none_of_another(tmp_path: Path) -> None:
    many = pending(tmp_path, "many", days(*[2] * 5000, amount_total="ten"))
    few = [pending(tmp_path, f"{n}", reimbursements({"reimbursement-id": f"{n}"}, {"amount-total": "ten"})) for n in range(3)]
    found = judged(many, *few)
    (result,) = failed(found["many"])
    assert (result.failed_count, [row["_line"] for row in result.rows]) == (5000, [*range(2, 12)])
    assert "in 5000 rows" in found["many"].reason
    assert [[(r.failed_count, r.rows) for r in failed(found[f"{n}"])] for n in range(3)] == [[(1, [{"_line": 3, "amount_total": "ten"}])]] * 3


def test_great_expectations_logs_nothing_below_a_warning() -> None:
    importlib.import_module("seller_warehouse.ingest.gx_duckdb")
    its = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "great_expectations"]
    assert "great_expectations.data_context.types.base" in its
    assert {logging.getLogger(name).getEffectiveLevel() for name in its} == {logging.WARNING}


def test_as_many_documents_are_validated_at_once_as_great_expectations_shows() -> None:
    assert gate.MAX_BATCH_DOCUMENTS <= MAX_RESULT_RECORDS


def test_the_same_file_in_two_accounts_is_judged_by_the_account_of_each(tmp_path: Path) -> None:
    text = days(2, amount_per_unit="12,50", amount_total="12,50")
    american, european = judge_documents([pending(tmp_path, "same", text, NA), pending(tmp_path, "same", text, EU)])
    assert american.document.document_id == european.document.document_id
    assert (american.verdict, european.verdict) == (Verdict.QUARANTINED, Verdict.PENDING)


def test_rows_repeated_over_documents_are_not_taken_for_copies(tmp_path: Path) -> None:
    text = "seller-sku,asin\nLAMP-01,B1\n"
    first, second = (pending(tmp_path, n, text + extra, report="product_catalog") for n, extra in (("one", ""), ("two", "LAMP-02,B2\nLAMP-02,B2\n")))
    found = judged(first, second)
    assert [r.rule for r in failed(found["one"])] == []
    assert [(r.rule, r.failed_count, [row["_line"] for row in r.rows]) for r in failed(found["two"])] == [("sku_stands_once", 2, [3, 4])]


def test_a_settlement_is_compared_with_the_period_that_its_own_document_names(tmp_path: Path) -> None:
    text = (FIXTURES / "settlements" / "valid.txt").read_text(encoding="utf-8")
    found = judged(
        pending(tmp_path, "this year", text, EU, report="settlements"),
        pending(tmp_path, "last year", text.replace("2026", "2025"), EU, report="settlements"),
    )
    assert {n: (j.verdict, [r.rule for r in failed(j)]) for n, j in found.items()} == dict.fromkeys(("this year", "last year"), (Verdict.PENDING, []))


def test_a_document_whose_dates_prove_themselves_proves_nothing_of_its_neighbour(tmp_path: Path) -> None:
    header = "Date\tRating\tComments\tYour Response\tOrder ID\tRater Email\n"
    rows = {"either": "10/11/26\t5\t\t\t1\t\n", "proven": "10/25/26\t5\t\t\t1\t\n"}
    found = judged(*(pending(tmp_path, n, header + row, report="seller_feedback") for n, row in rows.items()))
    assert {n for n, j in found.items() if "date_is_unambiguous" in [r.rule for r in failed(j)]} == {"either"}


def test_each_document_is_judged_by_its_own_time(tmp_path: Path) -> None:
    earlier, later = (pending(tmp_path, n, days(18), retrieved_at=at) for n, at in (("earlier", AT - timedelta(days=9)), ("later", AT)))
    assert {n: j.verdict for n, j in judged(earlier, later).items()} == {"earlier": Verdict.QUARANTINED, "later": Verdict.PENDING}


def test_a_folder_that_is_named_in_another_way_is_no_other_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = pending(tmp_path, "wrong", days(2, amount_total="ten"))
    found = judged(dataclasses.replace(wrong, folder=Path("..") / tmp_path.name / "it's here"))
    assert found["wrong"].verdict is Verdict.QUARANTINED


def test_what_was_judged_is_not_worked_out_again_and_says_the_same(
    mixed: list[Pending], validations: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "KEPT_FROM_ROWS", 0)
    first = list(judge_documents(mixed, kept=tmp_path / "kept"))
    validations.clear()
    again = {j.document.file_name: j for j in judge_documents(mixed, kept=tmp_path / "kept")}
    assert [again[j.document.file_name] for j in first] == first
    assert len(again) == len(mixed)
    assert validations == []
    for place in (tmp_path / "kept").iterdir():
        place.write_text("this is no JSON")
    assert {j.document.file_name: j for j in judge_documents(mixed, kept=tmp_path / "kept")} == again
    assert len(validations) == 2


CHANGES: dict[str, dict[str, Any]] = {
    "one more row": {"content": days(2, 3, 4)},
    "another value": {"content": days(2, 3, sku="LAMP-02")},
    "another time": {"retrieved_at": AT + timedelta(days=1)},
    "another range asked for": {**NOVEMBER, "window_end": date(2026, 11, 11)},
    "another source": {"source": "sp_api"},
    "more rows expected": {"usual": 9.0},
    "another account": {"account": NA.model_copy(update={"id": "other"})},
    "a setting of the account": {"account": NA.model_copy(update={"decimal_comma": False})},
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_decides_a_judgement_has_it_worked_out_again(
    change: str, validations: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "KEPT_FROM_ROWS", 0)
    for number, given in enumerate(({}, {}, CHANGES[change], CHANGES[change])):
        document = pending(tmp_path / str(number), "same", **({"content": days(2, 3)} | given))
        list(judge_documents([document], kept=tmp_path / "kept"))
    assert len(validations) == 2


def test_another_report_or_another_great_expectations_has_results_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "KEPT_FROM_ROWS", 0)
    with duckdb.connect() as connection:
        parsed = gate._parse(pending(tmp_path, "one", days(2)), connection)
    assert isinstance(parsed, gate._Parsed)
    other = dataclasses.replace(parsed, document=dataclasses.replace(parsed.document, report="orders"))
    places = {gate._place_of_results(p, tmp_path) for p in (parsed, other)}
    monkeypatch.setattr(gate, "version", lambda name: "0")
    assert len({*places, gate._place_of_results(parsed, tmp_path)}) == 3


def test_results_of_small_documents_are_not_kept(mixed: list[Pending], tmp_path: Path) -> None:
    list(judge_documents(mixed, kept=tmp_path / "kept"))
    assert not (tmp_path / "kept").exists()


def test_what_great_expectations_imports_for_charts_is_imported_by_whoever_uses_it() -> None:
    code = """
import sys
from seller_warehouse.ingest.gx_duckdb import Validator
from great_expectations.expectations.core import expect_column_kl_divergence_to_be_less_than as charts
assert not {"altair", "scipy.stats"} & set(sys.modules)
assert charts.stats.entropy([1]) == 0
import scipy.stats, altair.vegalite
assert charts.alt.Chart is altair.Chart
assert type(altair).__name__ == type(scipy.stats).__name__ == "module"
"""
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'plugins'}"}
    )
