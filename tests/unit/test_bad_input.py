"""Bad input is quarantined with one plain sentence while everything else continues; also input that is not bad."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest

from seller_warehouse.core.accounts import ConfigurationError
from seller_warehouse.core.documents import Verdict
from seller_warehouse.core.home import Home
from seller_warehouse.core.outcome import DocumentsRefused
from seller_warehouse.ingest import decode, landing
from seller_warehouse.ingest.gate import judge
from seller_warehouse.reports import SPECS
from seller_warehouse.steps import Run, gate_documents, land_files
from tests.support import ACCOUNTS, AT, EU, FIXTURES, NA, REIMBURSEMENTS, Warehouse, document_of, raw_state, reimbursements

LIMIT = 2 << 20
"""The largest document of this module; the bomb unpacks to more."""


def lines(*rows: dict) -> list[str]:
    return reimbursements(*rows).splitlines()


def text(*parts: str) -> str:
    return "\n".join(parts) + "\n"


HEADER, FIRST, SECOND = lines({"reimbursement-id": "B1"}, {"reimbursement-id": "B2"})
LEDGER = (FIXTURES / "inventory_ledger" / "valid.txt").read_text(encoding="utf-8")
CUT_LEDGER = "\n".join(line.rsplit("\t", 1)[0] for line in LEDGER.splitlines()[:2])[:-2]
"""Ends in ``"1`` instead of ``"11"``: all fields are present, but the last quantity is cut."""
PERFORMANCE = (FIXTURES / "seller_performance" / "valid.json").read_bytes()
SETTLEMENT = (FIXTURES / "settlements" / "valid.txt").read_text(encoding="utf-8")
LONG = text(HEADER, *[FIRST] * (LIMIT * 3 // 4 // len(FIRST)))
BOMB = gzip.compress(text(HEADER, *[FIRST] * (LIMIT * 4 // len(FIRST))).encode())


def without(column: str) -> str:
    """A reimbursements report with one column missing."""
    at = REIMBURSEMENTS.index(column)
    return text(*("\t".join(v for i, v in enumerate(line.split("\t")) if i != at) for line in (HEADER, FIRST)))


def second_row(number: int, **values: str) -> str:
    """A report with wrong values in its second row; ``number`` distinguishes the files."""
    return reimbursements({"reimbursement-id": f"G{number}"}, {k.replace("_", "-"): v for k, v in values.items()})


@dataclass(frozen=True)
class Bad:
    """One bad file: its rule, and words that its message must have."""

    name: str
    content: bytes | str
    rule: str
    says: tuple[str, ...]
    account: str = NA.id


BAD = (
    Bad("unknown_header.txt", "colour\tshape\nred\tround\n", "unknown_header", ("line 1", "no report has", "header", "colour", "docs/inputs.md")),
    Bad("missing_column.txt", without("currency-unit"), "missing_column", ("line 1", "'currency-unit'", "with every column")),
    Bad(
        "error_sentence.txt",
        "Date range exceeded: ask for 30 days or less.",
        "no_report",
        ("line 1", "Date range exceeded", "ask for the report again"),
    ),
    Bad(
        "error_with_comma.txt",
        "Date range exceeded, ask for 30 days or less.\n",
        "unknown_header",
        ("line 1", "Date range exceeded", "docs/inputs.md"),
    ),
    Bad("header_only.txt", text(HEADER), "has_rows", ("a header and no rows", "choose a range with data")),
    Bad("header_without_newline.txt", HEADER, "has_rows", ("a header and no rows", "choose a range with data")),
    Bad("cut_short.gz", gzip.compress(text(HEADER, FIRST).encode())[:-20], "damaged_gzip", ("ends or breaks", "download it again")),
    Bad("cut_long.gz", gzip.compress(LONG.encode())[:-20], "damaged_gzip", ("ends or breaks after", "bytes of text", "download it again")),
    Bad("cut_row.txt", text(HEADER, FIRST) + SECOND[:-40], "row_cut", ("line 3", "the header has 18", "cut", "download the file again")),
    Bad("cut_in_quotes.txt", CUT_LEDGER, "row_cut", ("line 2", "cut", "download the file again")),
    Bad("too_many_fields.txt", text(HEADER, FIRST, SECOND + "\tmore"), "too_many_fields", ("line 3", "19 fields", "the header has 18")),
    Bad("too_few_fields.txt", text(HEADER, SECOND.rsplit("\t", 3)[0], FIRST), "row_cut", ("line 2", "15 fields", "the header has 18")),
    Bad(
        "too_few_required.txt",
        text(HEADER.rsplit("\t", 2)[0], FIRST.rsplit("\t", 2)[0], SECOND.rsplit("\t", 4)[0]),
        "row_cut",
        ("line 3", "14 fields", "the header has 16"),
    ),
    Bad(
        "no_text_charset.txt",
        text(HEADER, FIRST, SECOND).encode().replace(b"B2", b"\x81\x8d"),
        "charset",
        ("line 3", "neither UTF-8 nor cp1252", "UTF-8"),
    ),
    Bad("nul.txt", text(HEADER, FIRST, SECOND).replace("B2", "B\0"), "nul_byte", ("line 3", "NUL", "download it again")),
    Bad(
        "three_numbers.txt",
        second_row(1, amount_total="12.50.0"),
        "amount_total_is_amount",
        ("line 3", "amount-total", "'12.50.0'", "correct the value"),
    ),
    Bad("word_number.txt", second_row(2, amount_per_unit="ten"), "amount_per_unit_is_amount", ("line 3", "amount-per-unit", "'ten'")),
    Bad("decimal_comma.txt", second_row(3, amount_total="12,50"), "amount_total_is_amount", ("line 3", "'12,50'", "decimal point", "decimal_comma")),
    Bad(
        "no_such_day.txt",
        second_row(4, approval_date="2026-02-30T08:00:00+00:00"),
        "approval_date_is_date",
        ("line 3", "2026-02-30", "correct the date"),
    ),
    Bad(
        "currency.txt",
        second_row(5, currency_unit="XQX"),
        "currency_code_exists",
        ("line 3", "currency-unit", "'XQX'", "ISO 4217", "correct the code"),
    ),
    Bad(
        "ten_digits.txt",
        second_row(6, quantity_reimbursed_cash="1234567890"),
        "quantity_reimbursed_cash_is_whole_number",
        ("line 3", "quantity-reimbursed-cash", "'1234567890'", "at most 9 digits"),
    ),
    Bad("half_unit.txt", second_row(7, quantity_reimbursed_total="1.5"), "quantity_reimbursed_total_is_whole_number", ("line 3", "'1.5'")),
    Bad("blank_key.txt", second_row(8, reimbursement_id=""), "reimbursement_id_is_filled", ("line 3", "reimbursement-id is blank")),
    Bad("placeholder.txt", text(HEADER, HEADER, HEADER), "header_repeated", ("line 2", "repeats the names", "2 rows", "placeholder")),
    Bad(
        "future.txt",
        second_row(9, approval_date="2026-11-22T08:00:00+00:00"),
        "approval_date_not_in_future",
        ("line 3", "2026-11-22", "modification time"),
    ),
    Bad("settlement.txt", SETTLEMENT.replace("-3.99", "-3.98"), "settlement_adds_up", ("1063.96", "1063.95", "do not add up", "download"), EU.id),
    Bad("cut.json", PERFORMANCE[: len(PERFORMANCE) // 2], "damaged_json", ("line ", "JSON breaks off", "download it again")),
    Bad("other.json", b'{"orders": []}', "unknown_header", ("line 1", "no report has such a JSON", "docs/inputs.md")),
    Bad("nothing.txt", b"", "empty_file", ("no bytes", "download it again")),
    Bad("blank_lines.txt", "\n\n\n", "empty_file", ("blank lines", "download it again")),
    Bad("bomb.gz", BOMB, "too_large", (f"unpacks to more than {LIMIT:,} bytes", "split it")),
    Bad("sheet.xlsx", b"PK\x03\x04\x14\x00", "damaged_zip", ("Excel", "cut or damaged", "download it again")),
    Bad("stranger.txt", second_row(10), "unknown_account", ("no account 'nobody'", "accounts.yaml"), "nobody"),
    Bad("homeless.txt", second_row(11), "unknown_account", ("in no account's folder", "accounts.yaml"), ""),
)

LATER = {"approval-date": "2026-11-09T08:00:00+00:00"}
GOOD = {
    "good.txt": (reimbursements({**LATER, "reimbursement-id": "GOOD-1", "amount-total": "1,250.00"}, {**LATER, "reimbursement-id": "GOOD-1"}), NA.id),
    "good_comma.txt": (reimbursements({**LATER, "reimbursement-id": "GOOD-2", "amount-per-unit": "", "amount-total": "12,50"}), EU.id),
}


@dataclass(frozen=True)
class Pass:
    """One pass over all bad files, the good ones beside them, and a link; after another pass had loaded files before."""

    warehouse: Warehouse
    refusals: list[str]
    before: dict[str, list[tuple]]
    after: dict[str, list[tuple]]
    secret: Path

    def load_of(self, name: str) -> tuple:
        found = self.warehouse.query(
            "select account_id, verdict, reason, rows_added, rows_removed, document_id "
            f"from meta.loads where run_id = 'second' and file_name = '{name}'"
        )
        assert len(found) == 1, f"{name} has {len(found)} rows in meta.loads"
        return found[0]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Pass:
    folder = tmp_path_factory.mktemp("bad")
    warehouse = Warehouse(Home(folder / "home"))
    warehouse.drop("before.txt", reimbursements({"reimbursement-id": "OLD-1"}, {"reimbursement-id": "OLD-2"}), at=AT - timedelta(days=2))
    warehouse.drop("settled.txt", SETTLEMENT, account=EU.id, at=AT - timedelta(days=2))
    assert warehouse.load("first") == []
    before = raw_state(warehouse, SPECS)
    assert {report for report, rows in before.items() if rows} == {"reimbursements", "settlements"}

    for bad in BAD:
        warehouse.drop(bad.name, bad.content, account=bad.account)
    for name, (content, account) in GOOD.items():
        warehouse.drop(name, content, account=account)
    secret = folder / "secret.txt"
    secret.write_text(second_row(12))
    (warehouse.home.inbox / NA.id / "link.txt").symlink_to(secret)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "MAX_DOCUMENT_BYTES", LIMIT)
        refusals = warehouse.load("second")
    return Pass(warehouse, refusals, before, raw_state(warehouse, SPECS), secret)


@pytest.mark.parametrize("bad", BAD, ids=lambda b: b.name)
def test_a_bad_file_is_quarantined_with_a_plain_sentence_and_loads_nothing(done: Pass, bad: Bad) -> None:
    account, verdict, reason, added, removed, document_id = done.load_of(bad.name)
    assert (account, verdict, added, removed) == (bad.account, "QUARANTINED", 0, 0)
    assert reason.startswith(f"{bad.name}, ")
    assert reason.endswith(".")
    assert "\n" not in reason
    for part in bad.says:
        assert part in reason
    kept = done.warehouse.home.quarantine / (bad.account or "no-account") / document_id
    told = json.loads((kept / "reason.json").read_text())
    assert (told["file"], told["reason"]) == (bad.name, reason)
    assert told["rules"][0]["rule"] == bad.rule
    assert (kept / "document.gz").exists()
    assert f"{bad.account or 'no account'}: {reason}" in done.refusals


def test_a_link_out_of_the_inbox_is_refused_unread_and_its_target_left_alone(done: Pass) -> None:
    account, verdict, reason, *_, document_id = done.load_of("link.txt")
    assert (account, verdict) == (NA.id, "QUARANTINED")
    assert "link.txt, this is a link" in reason
    assert "copy the file itself into the inbox" in reason
    assert f"{NA.id}: {reason}" in done.refusals
    kept = done.warehouse.home.quarantine / NA.id / document_id
    assert [p.name for p in kept.iterdir()] == ["reason.json"]
    assert "G12" in done.secret.read_text()


def test_every_refusal_is_reported_once_and_nothing_else_is(done: Pass) -> None:
    assert len(done.refusals) == len(BAD) + 1


def test_what_was_loaded_before_does_not_change(done: Pass) -> None:
    for report, rows in done.before.items():
        assert set(rows) <= set(done.after[report]), report
    others = {r: rows for r, rows in done.after.items() if r != "reimbursements"}
    assert others == {r: rows for r, rows in done.before.items() if r != "reimbursements"}


def test_the_good_files_beside_them_load_and_are_all_that_is_new(done: Pass) -> None:
    assert [done.load_of(name)[1] for name in GOOD] == ["LOADED", "LOADED"]
    new = done.warehouse.query(
        "select account_id, reimbursement_id, amount_total from raw.reimbursements where reimbursement_id not like 'OLD-%' order by all desc"
    )
    assert new == [(NA.id, "GOOD-1", "1250.00"), (NA.id, "GOOD-1", "10.00"), (EU.id, "GOOD-2", "12.50")]
    assert len(done.after["reimbursements"]) == len(done.before["reimbursements"]) + 3


def test_the_inbox_is_empty_afterwards(done: Pass) -> None:
    assert [p for p in done.warehouse.home.inbox.rglob("*") if not p.is_dir()] == []


def test_the_quarantine_holds_the_bytes_as_they_were_received(done: Pass) -> None:
    for name, content in (("too_many_fields.txt", text(HEADER, FIRST, SECOND + "\tmore").encode()), ("nothing.txt", b"")):
        document_id = done.load_of(name)[-1]
        assert gzip.decompress((done.warehouse.home.quarantine / NA.id / document_id / "document.gz").read_bytes()) == content


def test_the_files_are_as_bad_as_they_claim() -> None:
    assert len(BOMB) < LIMIT // 20
    assert CUT_LEDGER.endswith('\t"5"\t"1')
    assert len(LONG) > 1 << 20


def test_a_pass_with_a_refusal_fails_after_everything_is_stored(warehouse: Warehouse) -> None:
    warehouse.drop("bad.txt", second_row(1, amount_total="ten"))
    run = Run(warehouse.home, warehouse.accounts, "test", AT)
    land_files(run, settle_seconds=0)
    with pytest.raises(DocumentsRefused, match=r"acme-na: bad\.txt, line 3: amount-total is no amount"):
        gate_documents(run)


def test_no_refusal_repeats_what_a_file_without_header_says_of_people(warehouse: Warehouse) -> None:
    shipments = (FIXTURES / "fulfilled_shipments" / "valid.txt").read_text(encoding="utf-8").split("\n", 1)[1]
    assert "nobody@example.com" in shipments
    warehouse.drop("no_header.txt", shipments)
    (refusal,) = warehouse.load()
    assert "docs/inputs.md" in refusal
    stored = refusal + str(warehouse.query("select * from meta.loads")) + "".join(p.read_text() for p in warehouse.home.quarantine.rglob("*.json"))
    assert "nobody@example.com" not in stored
    assert "A. Nobody" not in stored


@pytest.mark.parametrize("report", ["seller_feedback", "listings"])
def test_a_file_without_header_is_refused_even_where_columns_may_be_taken_by_position(warehouse: Warehouse, report: str) -> None:
    rows = (FIXTURES / report / "valid.txt").read_text(encoding="utf-8").split("\n", 1)[1]
    warehouse.drop("no_header.txt", rows, account=EU.id)
    (refusal,) = warehouse.load()
    assert "no_header.txt, line 1" in refusal
    assert warehouse.query(f"select * from raw.{report}") == []


# Answers of Amazon: a declared charset, a window


@pytest.mark.parametrize(
    ("charset", "content"), [("UTF-8", "Größe".encode("cp1252")), ("US-ASCII", "Größe".encode("cp1252")), ("Shift_JIS", b"\x82")]
)
def test_text_that_is_not_valid_in_the_declared_charset_is_refused(tmp_path: Path, charset: str, content: bytes) -> None:
    data = reimbursements({"reimbursement-id": "1"}, {"product-name": "HERE"}).encode().replace(b"HERE", content)
    judged = judge(document_of(data, tmp_path, report="reimbursements", charset=charset, file_name="asked.txt"), NA, tmp_path / "work")
    assert judged.verdict is Verdict.QUARANTINED
    assert judged.reason.startswith("asked.txt, line 3: ")
    assert f"not valid in the declared charset {charset}" in judged.reason


def test_a_charset_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    data = reimbursements({"product-name": "Größe"}).encode("cp1252")
    judged = judge(document_of(data, tmp_path, report="reimbursements", charset="klingon"), NA, tmp_path / "work")
    assert judged.verdict is Verdict.QUARANTINED
    assert "the declared charset 'klingon' is unknown" in judged.reason


@pytest.mark.parametrize(
    ("day", "verdict"),
    [("2026-10-30", Verdict.QUARANTINED), ("2026-10-31", Verdict.PENDING), ("2026-11-08", Verdict.PENDING), ("2026-11-09", Verdict.QUARANTINED)],
)
def test_a_date_outside_the_range_asked_is_refused(tmp_path: Path, day: str, verdict: Verdict) -> None:
    content = reimbursements({"approval-date": "2026-11-03T08:00:00+00:00"}, {"approval-date": f"{day}T23:30:00+00:00"})
    asked = {"source": "sp_api", "window_start": date(2026, 11, 1), "window_end": date(2026, 11, 7)}
    judged = judge(document_of(content, tmp_path, report="reimbursements", **asked), NA, tmp_path / "work")
    assert judged.verdict is verdict
    if verdict is Verdict.QUARANTINED:
        assert (
            f"line 3: approval-date lies outside the days asked for (2026-10-31 to 2026-11-08) (approval_date='{day}T23:30:00+00:00')"
            in judged.reason
        )
        assert "ask for the report again" in judged.reason


def test_another_report_than_the_one_asked_for_is_refused(tmp_path: Path) -> None:
    judged = judge(document_of(LEDGER, tmp_path, report="reimbursements"), NA, tmp_path / "work")
    assert judged.verdict is Verdict.QUARANTINED
    assert "that of inventory_ledger, not of reimbursements" in judged.reason


# Not refused


ODD_NAMES = (
    b"two  words .txt",
    b'it\'s "quoted"; drop table.txt',
    b"bell\x07tab\tline\nbreak\x1b[31m.txt",
    b"..twice..",
    b"..\\..\\up.txt",
    b"%2e%2e%2fup",
    b"-rf --no-preserve-root",
    b"\xff\xfeno utf-8\x80.txt",
    "Größe 報告.tsv".encode(),
    b"{{ ds }}${HOME}`id`",
    b"n" * 255,
)


def test_any_file_name_is_only_a_name(tmp_path: Path) -> None:
    warehouse = Warehouse(Home(tmp_path / "outer" / "home"))
    for number, name in enumerate(ODD_NAMES):
        day = f"2026-11-{number + 1:02}T08:00:00+00:00"
        warehouse.drop(os.fsdecode(name), reimbursements({"reimbursement-id": f"N{number}", "approval-date": day}))
    assert warehouse.load() == []
    shown = dict(warehouse.query("select file_name, verdict from meta.loads"))
    assert list(shown.values()) == ["LOADED"] * len(ODD_NAMES)
    assert all(name.isprintable() for name in shown)
    assert {"..twice..", "bell\\x07tab\\tline\\nbreak\\x1b[31m.txt", "\\udcff\\udcfeno utf-8\\udc80.txt"} <= set(shown)
    assert len(warehouse.query("select distinct reimbursement_id from raw.reimbursements where _valid_to is null")) == len(ODD_NAMES)
    assert [p.name for p in tmp_path.iterdir()] == ["outer"]
    assert [p.name for p in (tmp_path / "outer").iterdir()] == ["home"]
    kept = {re.sub(r"rows\.[0-9a-f]{16}\.", "rows.", p.name) for p in (warehouse.home.landing / NA.id).rglob("*") if p.is_file()}
    assert kept == {"document.gz", "manifest.json", "rows.parquet"}


def test_the_odd_name_of_a_refused_file_is_only_a_name_too(warehouse: Warehouse) -> None:
    name = b"..\\..\\\xff\nup"
    warehouse.drop(os.fsdecode(name), "colour\tshape\n")
    warehouse.drop(os.fsdecode(name), "colour\tsize\n", account="..\\sneaky \x07")
    refusals = warehouse.load()
    assert len(refusals) == 2
    assert all("..\\..\\\\udcff\\nup, line 1" in r or "..\\..\\\\udcff\\nup, there is no account" in r for r in refusals)
    assert sorted(p.name for p in warehouse.home.quarantine.iterdir()) == ["___sneaky__x07", NA.id]


@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=1)], ids=["same time", "an hour later"])
def test_the_same_file_again_is_unchanged_and_said_so(warehouse: Warehouse, later: timedelta) -> None:
    content = reimbursements({"reimbursement-id": "1"}, {"reimbursement-id": "1"})
    warehouse.drop("report.txt", content)
    warehouse.load("first")
    before = raw_state(warehouse, ["reimbursements"])
    warehouse.drop("report.txt", content, at=AT + later)
    assert warehouse.load("second", at=AT + timedelta(days=1)) == []
    (verdict, reason), = warehouse.query("select verdict, reason from meta.loads where run_id = 'second'")  # fmt: skip
    assert verdict == "UNCHANGED"
    assert reason.startswith("the same bytes as ")
    assert raw_state(warehouse, ["reimbursements"]) == before


@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=1)], ids=["same time", "an hour later"])
def test_the_same_file_under_two_names_has_a_verdict_for_each(warehouse: Warehouse, later: timedelta) -> None:
    content = reimbursements({"reimbursement-id": "1"}, {"reimbursement-id": "1"})
    warehouse.drop("report.txt", content)
    warehouse.drop("report (1).txt", content, at=AT + later)
    assert warehouse.load(at=AT + timedelta(days=1)) == []
    verdicts = warehouse.verdicts()
    assert set(verdicts) == {"report.txt", "report (1).txt"}
    assert sorted(verdicts.values()) == ["LOADED", "UNCHANGED"]
    assert warehouse.query("select count(*) from raw.reimbursements") == [(2,)]


def test_a_file_still_being_written_waits_until_its_time_rests(warehouse: Warehouse) -> None:
    path = warehouse.drop("report.txt", reimbursements({}), at=AT)
    early = land_files(Run(warehouse.home, ACCOUNTS, "early", AT + timedelta(seconds=29)), settle_seconds=30)
    assert (early["waiting"], early["landed"]) == (1, 0)
    assert path.exists()
    late = land_files(Run(warehouse.home, ACCOUNTS, "late", AT + timedelta(seconds=30)), settle_seconds=30)
    assert (late["waiting"], late["landed"]) == (0, 1)
    assert not path.exists()


def test_a_file_that_grows_while_it_is_read_waits_too(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    path = warehouse.drop("report.txt", reimbursements({}))
    really_open = os.open

    def open_and_grow(name: Path, *args: int) -> int:
        with path.open("a") as stream:
            stream.write(SECOND + "\n")
        return really_open(name, *args)

    monkeypatch.setattr("seller_warehouse.ingest.landing.os.open", open_and_grow)
    found = land_files(Run(warehouse.home, ACCOUNTS, "test", AT), settle_seconds=0)
    assert (found["waiting"], found["landed"]) == (1, 0)
    assert path.read_text().endswith(SECOND + "\n")
    assert list(warehouse.home.landing.rglob("manifest.json")) == []


@pytest.mark.parametrize("call", ["os.open", "Path.lstat", "land"])
def test_a_file_taken_back_while_the_inbox_is_read_stops_no_other(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = warehouse.drop("a.txt", reimbursements({}))
    warehouse.drop("b.txt", reimbursements({"reimbursement-id": "1002"}))
    place = f"seller_warehouse.ingest.landing.{call}"
    really = resolve_name(place)

    def take_back_first(*args: Any, **named: Any) -> Any:
        path.unlink(missing_ok=True)
        return really(*args, **named)

    monkeypatch.setattr(place, take_back_first)
    found = land_files(Run(warehouse.home, ACCOUNTS, "test", AT), settle_seconds=0)
    # What was already read in full is landed.
    assert (found["landed"], found["waiting"], found["refused"]) == (2 if call == "land" else 1, 0, 0)


def test_a_folder_taken_back_while_the_inbox_is_read_stops_no_other(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse.drop("DE/a.txt", reimbursements({}))
    warehouse.drop("b.txt", reimbursements({"reimbursement-id": "1002"}))
    really = os.scandir

    def take_back(path: Any) -> Any:
        if str(path).endswith("/DE"):
            shutil.rmtree(path)
        return really(path)

    monkeypatch.setattr(os, "scandir", take_back)
    found = land_files(Run(warehouse.home, ACCOUNTS, "test", AT), settle_seconds=0)
    assert (found["landed"], found["waiting"], found["refused"]) == (1, 0, 0)


def test_unknown_columns_and_codes_load_with_a_warning_that_a_reader_sees(warehouse: Warehouse) -> None:
    header, first, second = lines({"reason": "Eaten_By_Robot"}, {"reimbursement-id": "1002"})
    warehouse.drop("new.txt", text(f"mood\t{header}\tcolour", f"glad\t{first}\tred", f"sad\t{second}\tblue"))
    assert warehouse.load() == []
    assert warehouse.verdicts() == {"new.txt": "LOADED"}
    warnings = dict(warehouse.query("select rule, what || ' | ' || rows from meta.gate_results where severity = 'warning' and not passed"))
    assert set(warnings) == {"unknown_columns", "reason_is_known"}
    assert "mood, colour" in warnings["unknown_columns"]
    assert "reason is a code not seen before" in warnings["reason_is_known"]
    assert '"_line": 2, "reason": "Eaten_By_Robot"' in warnings["reason_is_known"]
    kept = warehouse.query("select reimbursement_id, reason, fnsku from raw.reimbursements order by 1")
    assert kept == [("1001", "Eaten_By_Robot", "X001LAMP01"), ("1002", "Lost_Warehouse", "X001LAMP01")]


def test_a_file_dated_in_the_future_is_refused_for_it_would_outlast_every_later_one(warehouse: Warehouse) -> None:
    warehouse.drop("tomorrow.txt", reimbursements({}), at=AT + timedelta(days=1))
    assert "the file was last modified in the future (2026-11-21 06:00 UTC); set its time" in warehouse.load()[0]
    assert warehouse.query("select count(*) from raw.reimbursements") == [(0,)]


def test_an_id_that_a_spreadsheet_shortened_is_refused(tmp_path: Path) -> None:
    judgement = judge(document_of(reimbursements({"reimbursement-id": "8.11E+09"}), tmp_path, report="reimbursements"), NA, tmp_path / "work")
    assert judgement.verdict is Verdict.QUARANTINED
    assert "line 2: a spreadsheet has shortened an id" in judgement.reason
    assert "reimbursement_id='8.11E+09'" in judgement.reason


def test_a_web_page_is_named_as_one(warehouse: Warehouse) -> None:
    warehouse.drop("report.html", "<!DOCTYPE html>\n<title>Sign in, please</title>\n")
    assert "line 1: this is a web page, not a report; sign in to Seller Central" in warehouse.load()[0]


def test_a_csv_with_the_first_line_of_excel_is_read(warehouse: Warehouse) -> None:
    text = "sep=,\n" + reimbursements({}).replace("\t", ",")
    warehouse.drop("excel.csv", text)
    assert warehouse.load() == []
    assert warehouse.query("select _line from raw.reimbursements") == [(3,)]


def test_an_inbox_folder_that_is_a_link_is_named_and_left(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    warehouse.home.inbox.mkdir(parents=True)
    (warehouse.home.inbox / NA.id).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match=r"inbox/acme-na is a link or a file; make it a folder"):
        warehouse.load()
    assert (warehouse.home.inbox / NA.id).is_symlink()


def test_a_file_that_may_not_be_read_is_named_and_left_and_hinders_no_other(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = warehouse.drop("a locked.txt", reimbursements({}))
    warehouse.drop("b fine.txt", reimbursements({}))
    copy = landing._copy

    def deny(path: Path, *rest: object) -> str:
        if path == locked:
            raise PermissionError(13, "Permission denied")
        return copy(path, *rest)

    # Root may read everything, so the system's error is simulated.
    monkeypatch.setattr(landing, "_copy", deny)
    assert warehouse.load() == ["acme-na: a locked.txt, the file cannot be read (Permission denied); give the pipeline the right to read it."]
    assert locked.exists()
    assert warehouse.verdicts() == {"a locked.txt": "QUARANTINED", "b fine.txt": "LOADED"}
