"""A storm of damaged report files through the real landing, gate and load, each in an account of its own; what raw holds is compared, value by value,
with what a strict reader of its own (tests/strict_reader.py) reads in the same bytes. Seeded and counted like the other storms.
"""

from __future__ import annotations

import csv
import io
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

import pytest
import yaml

from seller_warehouse.core.accounts import Account, marketplaces
from seller_warehouse.core.home import Home
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.core.sql import identifier
from seller_warehouse.reports import SPECS
from tests.file_damages import DAMAGES, Fate, NotPossible, Sample
from tests.soak.test_storms import COUNT, SEED
from tests.strict_reader import read
from tests.strict_values import Habits, Reading, Refused, is_same, loaded_value
from tests.support import FIXTURES, Warehouse

FILES = 430 if COUNT > 1 else 152
"""Files of a round; five rounds have 2,150, and each report has met each kind of damage that is possible to it once."""

WITHOUT_LINE = frozenset({
    "empty_file", "no_text", "too_large", "several_files", "protected", "damaged_gzip", "damaged_zip", "has_rows", "other_report", "no_report",
    "damaged_workbook", "required_columns",
})  # fmt: skip
"""Rules about a file as a whole, which is wrong in no line."""


WARNED = {"charset": "charset", "no_final_newline": "no_final_newline", "set_aside": "rows_set_aside", "by_position": "header_by_position"}
"""What a strict reader forgives, and the warning that says so."""


@dataclass(frozen=True)
class Case:
    """One damaged file, the account it is dropped for, and what was done to it."""

    account: Account
    habits: Habits
    sample: Sample
    kind: str
    content: bytes
    retrieved_at: datetime

    @property
    def name(self) -> str:
        """The report and the kind of damage."""
        return f"{self.sample.spec.name}, {self.kind}"


def sample_of(report: str) -> tuple[Sample, dict, datetime]:
    """The valid file of a report, the settings of its account and when it was retrieved."""
    folder = FIXTURES / report
    case = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
    (path,) = folder.glob("valid.*")
    return Sample.of(SPECS[report], path.read_bytes()), case["account"], case["retrieved_at"]


def habits_of(account: Account, retrieved_at: datetime) -> Habits:
    """How the account's marketplaces write."""
    places = [marketplaces()[m] for m in account.marketplaces]
    return Habits(
        charset=places[0].charset, marks=tuple(dict.fromkeys((".", *(p.decimal_mark for p in places)))),
        dates=tuple(dict.fromkeys(f for p in places for f in (p.feedback_date_format, p.date_format))), retrieved_on=retrieved_at.date(),
    )  # fmt: skip


def storm(round_: int) -> list[Case]:
    """The damaged files of a round: the reports in turn, each with the next of its kinds of damage in an order of the seed."""
    turns = {report: turn(report, round_) for report in SPECS}
    return [case for report in SPECS for case in islice(turns[report], -(-FILES // len(SPECS)))][:FILES]


def turn(report: str, round_: int) -> Iterator[Case]:
    """Damaged files of a report without end, from where the round before has left off."""
    sample, settings, retrieved_at = sample_of(report)
    r = random.Random(f"{SEED}/{report}")
    kinds = possible(sample, r)
    r.shuffle(kinds)
    share = -(-FILES // len(SPECS))
    for number in range(round_ * share, (round_ + 1) * share):
        kind = kinds[number % len(kinds)]
        account = Account(id=f"{report.replace('_', '-')}-{number:03}", name=kind, source="files", **settings)
        content = DAMAGES[kind][0](sample, random.Random(f"{SEED}/{report}/{number}"))
        yield Case(account, habits_of(account, retrieved_at), sample, kind, content, retrieved_at)


def possible(sample: Sample, r: random.Random) -> list[str]:
    """The kinds of damage that can be done to a sample."""
    found = []
    for kind, (do, _) in DAMAGES.items():
        try:
            do(sample, r)
        except NotPossible:
            continue
        found.append(kind)
    return found


@dataclass(frozen=True)
class Storm:
    """The home of a storm after its pass, and the lines that the pass has said of refused files."""

    warehouse: Warehouse
    cases: list[Case]
    refused: list[str]


def blow(cases: list[Case], folder: Path) -> Storm:
    """Drop every file and run one pass up to the load."""
    warehouse = Warehouse(Home(folder / "home"), {c.account.id: c.account for c in cases})
    for case in cases:
        warehouse.drop("report.txt", case.content, account=case.account.id, at=case.retrieved_at)
    return Storm(warehouse, cases, warehouse.load())


@pytest.fixture(scope="module", params=range(COUNT))
def blown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Storm:
    return blow(storm(request.param), tmp_path_factory.mktemp("storm"))


def loads_of(storm: Storm) -> dict[str, tuple[str, str, str]]:
    """By account: the report, verdict and reason of its one file."""
    found = storm.warehouse.query("select account_id, report, verdict, reason from meta.loads")
    assert len(found) == len({f[0] for f in found}) == len(storm.cases)
    return {account: (report, verdict, reason) for account, report, verdict, reason in found}


def held_rows(storm: Storm, report: str) -> dict[str, list[dict[str, str | None]]]:
    """By account: the rows that raw holds of a report, in the order of the file."""
    names = [c.name for c in SPECS[report].kept]
    rows: dict[str, list[dict[str, str | None]]] = {}
    sql = f"select account_id, {', '.join(map(identifier, names))} from raw.{report} order by account_id, _line, _occurrence"
    for account, *values in storm.warehouse.query(sql):
        rows.setdefault(account, []).append(dict(zip(names, values, strict=True)))
    return rows


def wrong_load(case: Case, report: str, rows: list[dict[str, str | None]]) -> str | None:
    """Why what was loaded of a file is not what it says, or None."""
    fate, spec = DAMAGES[case.kind][1], SPECS[report]
    if fate is Fate.NEVER:
        return f"loaded {len(rows)} rows of a file that is no report"
    content = case.sample.content if fate in (Fate.SAME, Fate.WHOLE) else case.content
    try:
        expected = read(content, spec, case.habits)
    except Refused as refused:
        return f"loaded {len(rows)} rows; a strict reader refuses: {refused}"
    return difference(spec, case, rows, expected)


def difference(spec: ReportSpec, case: Case, rows: list[dict[str, str | None]], expected: Reading) -> str | None:
    """The first value that was loaded and is not what the strict reader reads."""
    if len(rows) != len(expected.rows):
        return f"loaded {len(rows)} rows of {len(expected.rows)}"
    for number, (row, wanted) in enumerate(zip(rows, expected.rows, strict=True), 1):
        for column in spec.kept:
            value = loaded_value(column, row[column.name], case.habits)
            if not is_same(value, wanted.get(column.name, "")):
                return f"row {number}: loaded {column.name} {row[column.name]!r}, and the file says {wanted.get(column.name)!r}"
    return None


def test_what_is_loaded_of_damaged_files_is_what_a_strict_reader_reads_in_them(blown: Storm) -> None:
    loads = loads_of(blown)
    held = {report: held_rows(blown, report) for report in SPECS}
    wrong = {}
    for case in blown.cases:
        report, verdict, reason = loads[case.account.id]
        rows = held.get(report, {}).get(case.account.id, [])
        if verdict == "LOADED":
            assert rows, case.name
            problem = wrong_load(case, report, rows)
        else:
            assert not rows, case.name
            is_lost = DAMAGES[case.kind][1] is Fate.SAME
            problem = f"refused, and it says the same: {reason}" if is_lost else None
        if problem:
            wrong[f"{case.name} ({case.account.id})"] = problem
    assert wrong == {}


def damaged_line(case: Case) -> int | None:
    """The one line of a table that is not as it was; None where there are more, or none that corresponds."""
    before, now = (content.split(b"\n") for content in (case.sample.content, case.content))
    changed = [number for number, (old, new) in enumerate(zip(before, now, strict=False), 1) if old != new]
    return changed[0] if case.sample.header and len(before) == len(now) and len(changed) == 1 else None


def first_line(case: Case, line: int) -> int:
    """The line on which the undamaged row of a line began: a refusal names the one where a quote opened."""
    text = case.sample.content.decode(errors="replace")
    rows, began = csv.reader(io.StringIO(text, newline=""), delimiter=max("\t;,", key=text.split("\n")[0].count)), 1
    for _ in rows:
        if rows.line_num >= line:
            return began
        began = rows.line_num + 1
    return line


def incomplete(case: Case, rule: str, reason: str) -> str | None:
    """What a refusal does not say of file, rule, line and remedy, or says wrongly."""
    sentence = re.fullmatch(r"report\.txt, (line (?P<line>\d+): )?(?P<what>[^;]{10,}.*); (?P<remedy>.{10,})\.", reason, re.DOTALL)
    if not rule or not sentence:
        return f"no rule, what and remedy: {rule}: {reason}"
    if not sentence["line"] and rule not in WITHOUT_LINE:
        return f"no line: {rule}: {reason}"
    wrong = damaged_line(case)
    # A header is missed by the rows below it, and one value may decide how all others are read.
    is_known = sentence["line"] and wrong and wrong > 1 and not rule.startswith("settlement_") and " rows; " not in reason
    if wrong and is_known and not re.search(rf"\bline ({wrong}|{first_line(case, wrong)})\b", reason):
        return f"the wrong line, not {wrong}: {rule}: {reason}"
    return None


def test_what_is_forgiven_and_may_mislead_is_a_warning(blown: Storm) -> None:
    rules = blown.warehouse.query("select account_id, rule from meta.gate_results where severity = 'warning' and not passed")
    loads = loads_of(blown)
    missing = []
    for case in blown.cases:
        report, verdict, _ = loads[case.account.id]
        if verdict == "LOADED" and DAMAGES[case.kind][1] is Fate.READ:
            forgiven = read(case.content, SPECS[report], case.habits).forgiven
            missing += [f"{case.name}: {rule}" for name, rule in WARNED.items() if name in forgiven and (case.account.id, rule) not in rules]
    assert missing == []


def test_a_refusal_says_file_rule_remedy_and_line(blown: Storm) -> None:
    rules = dict(blown.warehouse.query(
        "select account_id, list(rule order by rowid) from meta.gate_results where severity = 'critical' and not passed group by account_id"
    ))  # fmt: skip
    loads, wrong = loads_of(blown), {}
    for case in blown.cases:
        _, verdict, reason = loads[case.account.id]
        if verdict == "QUARANTINED":
            if problem := incomplete(case, rules.get(case.account.id, [""])[0], reason):
                wrong[f"{case.name} ({case.account.id})"] = problem
            assert any(reason in line for line in blown.refused), reason
    assert wrong == {}
