"""Each event is alerted once, with the right figures, and nothing else is."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from io import StringIO
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import duckdb
import pytest

from seller_warehouse.alerts.channels import channel_urls, channels_of
from seller_warehouse.alerts.delivery import DASHBOARD_URL, DeliveryFailed, send_alerts, send_new
from seller_warehouse.core.accounts import Account, ConfigurationError, marketplaces
from seller_warehouse.core.home import DBT_PROJECT, REPOSITORY, Home
from seller_warehouse.ingest.warehouse import open_warehouse
from seller_warehouse.marts.build import policy_settings
from seller_warehouse.reports import SPECS
from tests.receiver import Receiver, receiving

pytestmark = pytest.mark.usefixtures("reimbursements_alone")

TODAY = date(2026, 11, 20)
API = Account(id="na", name="NA", region="na", marketplaces=("ATVPDKIKX0DER",), source="sp_api")
FILES = Account(id="eu", name="EU", region="eu", marketplaces=("A1PA6795UKMFR9",), source="files")
SHOWN = "http://127.0.0.1:8501"

TABLES = {
    "marts.fct_order_defect_rate_daily": "account_id varchar, marketplace_id varchar, fulfillment_channel varchar, report_date date, "
    "window_start_date date, order_count integer, defective_order_count integer, order_defect_rate decimal(9,6), worst_case_rate decimal(9,6), "
    "target_rate decimal(9,6), rate_status varchar, defects_until_target integer",
    "marts.claims_to_file": "claim_rank integer, account_id varchar, defect_id varchar, claim_deadline_date date, defect_type varchar, "
    "defect_date date, amazon_order_id varchar, transaction_id varchar, eligible_units integer, estimated_recovery_amount decimal(18,4), "
    "currency_code varchar",
    "marts.fct_settlement_reconciliation": "account_id varchar, month date, currency_code varchar, in_transit_amount decimal(18,4), "
    "unexplained_reported_amount decimal(18,4), unexplained_settled_amount decimal(18,4)",
    "meta.set_aside": 'account_id varchar, mart varchar, "key" varchar, why varchar, remedy varchar, rule varchar',
    "raw.accounts": "account_id varchar, source varchar",
    "raw.report_types": "report varchar, reaches_back varchar",
    "seeds.marketplaces": "marketplace_id varchar, country_code varchar",
    "meta.freshness": "account_id varchar, report varchar, first_date date, data_through_date date, missing_history_days integer",
    "staging.stg_pipeline__loads": "account_id varchar, report varchar, document_id varchar, source varchar, marketplace_id varchar, run_id varchar, "
    "file_name varchar, retrieved_at timestamp, loaded_at timestamp, verdict varchar, reason varchar",
}
"""The tables and columns that the model of events reads."""


@dataclass(frozen=True)
class Model:
    """The compiled model of events, with the days still to be set, and the statement at the end of a run that adds to it."""

    events: str
    set_aside: str

    def sql(self, claim_days: int, late_days: int) -> str:
        return self.events.replace("<claim_days>", str(claim_days)).replace("<late_days>", str(late_days))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    target: Path = tmp_path_factory.mktemp("dbt")
    model, between = (DBT_PROJECT / "models" / "meta" / "alert_events.sql").read_text(encoding="utf-8"), "-- at the end of a run"
    command = [
        str(Path(sys.executable).with_name("dbt")), "compile", "--inline", f"{model}\n{between}\n{{{{ set_aside_events('meta.set_aside') }}}}",
        "--vars", "{alert_claim_days: <claim_days>, alert_late_days: <late_days>}",
        "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target-path", str(target), "--log-path", str(target),
    ]  # fmt: skip
    environment = os.environ | {"SELLER_WAREHOUSE_DATABASE": str(target / "seller_warehouse.duckdb")}
    ran = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    return Model(*next((target / "compiled").rglob("*inline*")).read_text().split(between))


@dataclass
class Told:
    """A home with handwritten marts, and the alerts of its events."""

    home: Home
    receiver: Receiver
    model: Model
    accounts: dict[str, Account] = field(default_factory=lambda: {a.id: a for a in (API, FILES)})
    publications: int = 0

    def publish(self, *, claim_days: int = 7, late_days: int = 2, **tables: list[dict[str, Any]]) -> None:
        """Publish the events of tables, named without the schema; other tables are empty."""
        self.publications += 1
        file = self.home.published / f"{self.publications:03}" / "seller_warehouse.duckdb"
        file.parent.mkdir(parents=True)
        given = {
            "accounts": [{"account_id": a.id, "source": a.source} for a in self.accounts.values()],
            "report_types": [{"report": s.name, "reaches_back": s.reaches_back} for s in SPECS.values()],
            "marketplaces": [{"marketplace_id": m, "country_code": c.country_code} for m, c in marketplaces().items()],
            **tables,
        }
        with duckdb.connect(str(file)) as connection:
            for schema in sorted({table.split(".")[0] for table in TABLES}):
                connection.execute(f"create schema {schema}")
            for table, columns in TABLES.items():
                connection.execute(f"create table {table} ({columns})")
                insert(connection, table, given.get(table.split(".")[1].removeprefix("stg_pipeline__"), []))
            connection.execute(f"create table meta.alert_events as {self.model.sql(claim_days, late_days)}")
            connection.execute(f"insert into meta.alert_events by name {self.model.set_aside}")
        self.home.marts.unlink(missing_ok=True)
        self.home.marts.symlink_to(file)

    def load(self, *loads: dict[str, Any]) -> None:
        """Record verdicts in the build database, published or not."""
        with open_warehouse(self.home.warehouse) as connection:
            insert(connection, "meta.loads", list(loads))

    def tell(self, today: date = TODAY, *urls: str) -> list[tuple[str, list[str]]]:
        """The messages that arrive when alerts are sent on a day."""
        at = datetime.combine(today, time(7), UTC)
        send_alerts(self.home, self.accounts, channels_of(urls or [self.receiver.url]), DASHBOARD_URL, today=today, at=at)
        return self.receiver.taken()

    def remembered(self, columns: str) -> list[tuple]:
        with open_warehouse(self.home.warehouse) as connection:
            return connection.execute(f"select {columns} from meta.alerts order by raised_at, key").fetchall()


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    for names, alike in groupby(rows, tuple):
        values = [list(row.values()) for row in alike]
        marks = ", ".join([f"({', '.join('?' * len(names))})"] * len(values))
        connection.execute(f"insert into {table} ({', '.join(names)}) values {marks}", list(chain(*values)))


@pytest.fixture
def told(tmp_path: Path, model: Model) -> Iterator[Told]:
    with receiving() as receiver:
        yield Told(Home(tmp_path / "home"), receiver, model)


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def rate(report_date: date, status: str, **other: Any) -> dict[str, Any]:
    """Three defects of 400 orders at risk, five bad, two good; a fourth and fifth or eighth at worst."""
    defects = {"GOOD": 2, "AT_RISK": 3, "BAD": 5, "NONE": 0}[status]
    return {
        "account_id": "na", "marketplace_id": "ATVPDKIKX0DER", "fulfillment_channel": "AFN", "report_date": report_date,
        "window_start_date": report_date - timedelta(days=74), "order_count": 400, "defective_order_count": defects,
        "order_defect_rate": defects / 400, "worst_case_rate": (defects + 3) / 400, "target_rate": 0.01, "rate_status": status,
        "defects_until_target": max(0, 3 - defects), **other,
    }  # fmt: skip


def rates(*statuses: str, last: date = TODAY, **other: Any) -> dict[str, list[dict[str, Any]]]:
    """One status a day, the last on ``last``."""
    first = last - timedelta(days=len(statuses) - 1)
    return {"fct_order_defect_rate_daily": [rate(first + timedelta(days=n), status, **other) for n, status in enumerate(statuses)]}


def claim(defect: str, deadline: date, amount: str | None = "12.50", currency: str = "USD", **other: Any) -> dict[str, Any]:
    return {
        "claim_rank": 1, "account_id": "na", "defect_id": defect, "claim_deadline_date": deadline, "defect_type": "WAREHOUSE_LOST",
        "defect_date": day(-50), "transaction_id": f"t-{defect}", "eligible_units": 2, "estimated_recovery_amount": amount,
        "currency_code": currency, **other,
    }  # fmt: skip


def document(number: int, verdict: str, at: date = TODAY, **other: Any) -> dict[str, Any]:
    moment = datetime.combine(at, time(6))
    return {
        "account_id": "na", "report": "orders", "document_id": f"d{number}", "source": "file", "marketplace_id": "", "run_id": f"r{at}",
        "file_name": f"orders-{number}.txt", "retrieved_at": moment, "loaded_at": moment, "verdict": verdict,
        "reason": f"orders-{number}.txt, line 3: no date" if verdict == "QUARANTINED" else "", **other,
    }  # fmt: skip


def difference(month: date, reported: str, settled: str = "0", **other: Any) -> dict[str, Any]:
    return {
        "account_id": "na", "month": month, "currency_code": "USD", "in_transit_amount": "99.99", "unexplained_reported_amount": reported,
        "unexplained_settled_amount": settled, **other,
    }  # fmt: skip


# The order defect rate


def test_a_rate_near_the_target_is_alerted_with_its_figures_and_a_link(told: Told) -> None:
    told.publish(**rates("GOOD", "AT_RISK"))
    assert told.tell() == [
        (
            "na: order defect rate at or near the target",
            [
                "US AFN: AT_RISK, 0.75% (3 of 400 orders) on 2026-11-20, at worst 1.50%; the target is below 1.00%, 0 further defects may come",
                f"{SHOWN}/order-defects?account=na",
            ],
        )
    ]


def test_an_episode_is_alerted_once_however_long_it_lasts_and_whatever_is_restated(told: Told) -> None:
    told.publish(**rates("GOOD", "AT_RISK"))
    assert len(told.tell()) == 1
    told.publish(**rates("GOOD", "AT_RISK", "NONE", "AT_RISK", last=day(2)))
    assert told.tell(day(2)) == []
    # A late defect makes the days before one risk, a denied claim makes the first of them good.
    told.publish(**rates("GOOD", "AT_RISK", "AT_RISK", "AT_RISK", last=day(1)))
    assert told.tell(day(1)) == []
    told.publish(**rates("GOOD", "AT_RISK", "AT_RISK", last=day(1)))
    assert told.tell(day(1)) == []


def test_a_rate_is_alerted_again_when_it_worsens_and_after_it_was_good_but_not_when_it_improves(told: Told) -> None:
    told.publish(**rates("AT_RISK"))
    assert len(told.tell()) == 1
    told.publish(**rates("AT_RISK", "BAD", last=day(1)))
    [(_, lines)] = told.tell(day(1))
    assert lines[0].startswith("US AFN: BAD, 1.25% (5 of 400 orders) on 2026-11-21, at worst 2.00%;")
    told.publish(**rates("AT_RISK", "BAD", "AT_RISK", last=day(2)))
    assert told.tell(day(2)) == []
    told.publish(**rates("AT_RISK", "BAD", "AT_RISK", "GOOD", last=day(3)))
    assert told.tell(day(3)) == []
    told.publish(**rates("AT_RISK", "BAD", "AT_RISK", "GOOD", "AT_RISK", last=day(4)))
    assert len(told.tell(day(4))) == 1


def test_an_episode_that_begins_bad_is_not_alerted_again_when_it_improves(told: Told) -> None:
    told.publish(**rates("BAD"))
    assert len(told.tell()) == 1
    told.publish(**rates("BAD", "AT_RISK", last=day(1)))
    assert told.tell(day(1)) == []


def test_channels_and_marketplaces_are_events_of_their_own_in_one_message(told: Told) -> None:
    told.publish(
        fct_order_defect_rate_daily=[
            rate(TODAY, "BAD"), rate(TODAY, "AT_RISK", fulfillment_channel="MFN"), rate(TODAY, "GOOD", marketplace_id="A2EUQ1WTGCTBG2"),
            rate(TODAY, "AT_RISK", marketplace_id=None, fulfillment_channel=None),
        ]
    )  # fmt: skip
    [(_, lines)] = told.tell()
    assert [line.split(",")[0] for line in lines[:-1]] == ["US AFN: BAD", "US MFN: AT_RISK", "unknown marketplace unknown channel: AT_RISK"]


# Claims


def test_each_claim_is_alerted_once_when_it_closes_within_the_days(told: Told) -> None:
    told.publish(claims_to_file=[claim("a", day(0)), claim("b", day(7)), claim("c", day(8)), claim("d", day(-1))])
    assert told.tell() == [
        (
            "na: claims close soon",
            [
                "4 units of 2 claims, 25.00 USD",
                "until 2026-11-20: 2 units, 12.50 USD, WAREHOUSE_LOST t-a",
                "until 2026-11-27: 2 units, 12.50 USD, WAREHOUSE_LOST t-b",
                f"{SHOWN}/eligible?account=na",
            ],
        )
    ]
    # The next day only what has come into the days since.
    [(_, lines)] = told.tell(day(1))
    assert lines[0] == "2 units of 1 claim, 12.50 USD"
    assert "t-c" in lines[1]


def test_the_days_before_a_deadline_can_be_set(told: Told) -> None:
    told.publish(claims_to_file=[claim("a", day(2)), claim("b", day(3))], claim_days=2)
    [(_, lines)] = told.tell()
    assert lines[0] == "2 units of 1 claim, 12.50 USD"


def test_worth_is_added_within_a_currency_and_account_alone(told: Told) -> None:
    rows = [
        claim("a", TODAY), claim("b", TODAY, "0.1050"), claim("c", TODAY, "7", "CAD"), claim("d", TODAY, None),
        claim("e", TODAY, "3.33", "EUR", account_id="eu", amazon_order_id="302-1"),
    ]  # fmt: skip
    told.publish(claims_to_file=rows)
    (_, eu), (_, na) = told.tell()
    assert eu[:2] == ["2 units of 1 claim, 3.33 EUR", "until 2026-11-20: 2 units, 3.33 EUR, WAREHOUSE_LOST 302-1"]
    assert na[0] == "8 units of 4 claims, 7.00 CAD + 12.6050 USD"
    assert "until 2026-11-20: 2 units, of unknown value, WAREHOUSE_LOST t-d" in na


def test_a_first_run_with_hundreds_of_claims_sends_one_message_that_names_ten(told: Told) -> None:
    told.publish(claims_to_file=[claim(f"{n:03}", day(3), "1", claim_rank=n) for n in range(300)])
    [(_, lines)] = told.tell()
    assert lines[0] == "600 units of 300 claims, 300.00 USD"
    assert [line.rsplit(" ", 1)[1] for line in lines[1:11]] == [f"t-{n:03}" for n in range(10)]
    assert lines[11:] == ["and 290 more", f"{SHOWN}/eligible?account=na"]
    assert len(told.remembered("key")) == 300
    assert told.tell() == []


# Refused documents


def test_a_refused_file_is_alerted_once_also_where_nothing_is_published(told: Told) -> None:
    told.load(document(1, "QUARANTINED"))
    assert told.tell() == [("na: a document was refused", ["orders-1.txt, line 3: no date", f"{SHOWN}/health?account=na"])]
    assert told.tell(day(1)) == []
    told.load(document(2, "QUARANTINED", day(1)))
    assert [lines[0] for _, lines in told.tell(day(1))] == ["orders-2.txt, line 3: no date"]


@pytest.mark.parametrize(
    "later",
    [{"file_name": "corrected.txt"}, {"report": "reimbursements", "file_name": "orders-1.txt"}, {"document_id": "d1", "retrieved_at": TODAY}],
    ids=["report", "file", "document judged again"],
)
def test_a_refusal_is_over_when_the_report_the_file_or_the_document_is_taken_later(told: Told, later: dict[str, Any]) -> None:
    told.load(document(1, "QUARANTINED"), document(2, "LOADED", day(1), **later))
    assert told.tell(day(1)) == []


def test_a_file_that_another_account_an_earlier_run_or_the_same_run_took_is_still_refused(told: Told) -> None:
    newer = {"retrieved_at": day(1), "loaded_at": datetime.combine(TODAY, time(6))}
    told.load(
        document(3, "LOADED", day(-1)), document(1, "QUARANTINED"), document(2, "LOADED", day(1), account_id="eu"), document(4, "LOADED", **newer)
    )  # fmt: skip
    assert len(told.tell(day(1))) == 1


def test_a_clock_that_was_set_back_hides_no_refusal(told: Told) -> None:
    told.load(document(1, "LOADED"), document(2, "QUARANTINED", day(-1)))
    assert [lines[0] for _, lines in told.tell()] == ["orders-2.txt, line 3: no date"]
    told.load(document(3, "LOADED", day(-2)))
    assert told.tell(day(1)) == []


def test_a_report_that_amazon_fails_every_day_is_told_once_until_a_run_passes_without(told: Told) -> None:
    refused = [document(n, "QUARANTINED", day(n), source="sp_api", reason=f"FATAL {n}") for n in range(3)]
    others = [document(n + 10, "LOADED", day(n), source="sp_api") for n in range(3)]
    told.load(refused[0], others[0])
    assert [lines[0] for _, lines in told.tell()] == ["FATAL 0"]
    told.load(refused[1], others[1], refused[2], others[2])
    assert told.tell(day(2)) == []
    told.load(document(20, "NO_DATA", day(3), source="sp_api"))
    assert told.tell(day(3)) == []
    told.load(document(21, "QUARANTINED", day(4), source="sp_api", reason="FATAL again"))
    assert [lines[0] for _, lines in told.tell(day(4))] == ["FATAL again"]


def test_a_file_in_the_folder_of_no_account_is_alerted_without_one(told: Told) -> None:
    told.load(document(1, "QUARANTINED", account_id=""))
    [(title, lines)] = told.tell()
    assert (title, lines[-1]) == ("no account: a document was refused", f"{SHOWN}/health")


# Late data


@pytest.mark.parametrize(
    ("account", "report", "in_time"),
    [("na", "orders", 3), ("na", "listings", 3), ("na", "settlements", 16), ("eu", "orders", 9), ("eu", "settlements", 16)],
)
def test_a_report_is_late_two_days_after_its_answer_was_due(told: Told, account: str, report: str, in_time: int) -> None:
    told.publish(loads=[document(1, "LOADED", account_id=account, report=report)])
    assert told.tell(day(in_time)) == []
    told.publish(loads=[document(1, "LOADED", account_id=account, report=report)], late_days=1)
    assert told.tell(day(in_time)) != []
    told.publish(loads=[document(1, "LOADED", day(1), account_id=account, report=report)])
    assert told.tell(day(in_time + 1)) == []
    assert len(told.tell(day(in_time + 2))) == 1


def test_late_reports_of_an_account_are_one_message_and_are_alerted_once_until_there_is_an_answer(told: Told) -> None:
    loads = [document(1, "LOADED"), document(2, "NO_DATA", day(1)), document(3, "QUARANTINED", day(5)), document(4, "LOADED", report="listings")]
    told.publish(loads=loads, freshness=[{"account_id": "na", "report": "orders", "data_through_date": day(-1)}])
    assert told.tell(day(5)) == [
        (
            "na: data is older than promised",
            [
                "listings: last answer on 2026-11-20, expected every day",
                "orders: last answer on 2026-11-21, expected every day; data through 2026-11-19",
                f"{SHOWN}/health?account=na",
            ],
        )
    ]
    assert told.tell(day(6)) == []
    told.publish(loads=[*loads, document(5, "UNCHANGED", day(7))])
    assert told.tell(day(7)) == []
    assert [lines[0] for _, lines in told.tell(day(11))] == ["orders: last answer on 2026-11-27, expected every day"]


def test_reports_that_only_the_seller_has_and_removed_accounts_are_never_late(told: Told) -> None:
    told.publish(loads=[document(1, "LOADED", report="sourcing_costs"), document(2, "LOADED", account_id="gone")])
    assert told.tell(day(400)) == []


def test_an_account_that_was_removed_since_the_publication_is_not_late(told: Told) -> None:
    told.publish(loads=[document(1, "LOADED"), document(2, "LOADED", account_id="eu")])
    del told.accounts["na"]
    assert [title for title, _ in told.tell(day(20))] == ["eu: data is older than promised"]


# Settlements


def test_an_unexplained_amount_is_alerted_once_and_again_when_it_changes(told: Told) -> None:
    told.publish(fct_settlement_reconciliation=[difference(date(2026, 9, 1), "-7.79", "5"), difference(date(2026, 10, 1), "0")])
    assert told.tell() == [
        (
            "na: settlements differ from reimbursements",
            [
                "2026-09: -7.79 USD reported and posted to no settlement, 5.00 USD posted and in no report",
                f"{SHOWN}/finance?account=na",
            ],
        )
    ]
    assert told.tell() == []
    told.publish(fct_settlement_reconciliation=[difference(date(2026, 9, 1), "0", "5")])
    assert [lines[0][:17] for _, lines in told.tell()] == ["2026-09: 0.00 USD"]
    told.publish(fct_settlement_reconciliation=[difference(date(2026, 9, 1), "0")])
    assert told.tell() == []


def test_what_a_backfill_has_not_reached_is_alerted_only_when_it_has(told: Told) -> None:
    tables = {
        **rates("AT_RISK"), "claims_to_file": [claim("a", TODAY)], "fct_settlement_reconciliation": [difference(date(2026, 9, 1), "7")],
    }  # fmt: skip
    held = [{"account_id": "na", "report": r, "first_date": day(-40), "missing_history_days": 500} for r in ("orders", "reimbursements")]
    told.publish(**tables, freshness=held)
    assert told.tell() == []
    told.publish(**tables, freshness=[{**h, "missing_history_days": 0} for h in held])
    assert len(told.tell()) == 3


# Rows set aside


def test_a_row_that_is_set_aside_is_alerted_once(told: Told) -> None:
    aside = {"account_id": "na", "mart": "fct_orders", "why": "a value is missing", "remedy": "look the row up", "rule": "never_null_orders"}
    told.publish(set_aside=[{**aside, "key": '{"amazon_order_id":"1"}'}])
    message = 'fct_orders: a value is missing; look the row up: {"amazon_order_id":"1"}'
    assert told.tell() == [("na: rows were set aside", [message, f"{SHOWN}/health?account=na"])]
    told.publish(set_aside=[{**aside, "key": f'{{"amazon_order_id":"{number}"}}'} for number in (1, 2)])
    assert [lines[0] for _, lines in told.tell()] == [message.replace('"1"', '"2"')]


# Delivery


def test_what_a_channel_did_not_take_is_sent_by_the_next_run_with_the_figures_of_then(told: Told) -> None:
    told.publish(claims_to_file=[claim("a", TODAY), claim("b", TODAY)], **rates("AT_RISK"))
    told.receiver.status = HTTPStatus.INTERNAL_SERVER_ERROR
    with pytest.raises(DeliveryFailed, match=r"^json-\w+ did not take it: .*error=500.*tried again by the next run"):
        told.tell()
    assert told.remembered("raised_at::varchar, sent_at, channels, error like '%error=500%'") == [("2026-11-20 07:00:00", None, None, True)] * 3
    told.receiver.status = HTTPStatus.OK
    told.publish(claims_to_file=[claim("b", day(1), "9")])
    [(_, lines)] = told.tell(day(1))
    assert lines[0] == "2 units of 1 claim, 9.00 USD"
    sent = told.remembered("account_id, title, message, sent_at::varchar, error")
    assert sent.count(("na", "claims close soon", "until 2026-11-21: 2 units, 9.00 USD, WAREHOUSE_LOST t-b", "2026-11-21 07:00:00", None)) == 1
    assert [s[3] for s in sent].count(None) == 2
    assert told.tell(day(1)) == []


def test_one_failing_channel_keeps_no_message_from_another_and_repeats_none(told: Told) -> None:
    with receiving() as broken:
        told.publish(claims_to_file=[claim("a", TODAY)], **rates("AT_RISK"))
        broken.status = HTTPStatus.FORBIDDEN
        with pytest.raises(DeliveryFailed):
            told.tell(TODAY, broken.url, told.receiver.url)
        assert len(told.receiver.taken()) == 2
        broken.status = HTTPStatus.OK
        assert told.tell(TODAY, broken.url, told.receiver.url) == []
        assert len(broken.taken()) == 2
        assert told.tell(TODAY, broken.url, told.receiver.url) == []
        assert broken.taken() == []


def test_without_a_channel_events_are_remembered_and_the_first_channel_gets_what_is_still_so(told: Told) -> None:
    told.publish(claims_to_file=[claim("a", TODAY)], **rates("AT_RISK"))
    at = datetime.combine(TODAY, time(7), UTC)
    for _ in range(2):
        assert send_alerts(told.home, told.accounts, [], DASHBOARD_URL, today=TODAY, at=at) == {"events": 2, "messages": 0}
    assert told.remembered("sent_at, channels, error") == [(None, None, "no channel")] * 2
    told.publish(**rates("AT_RISK", "AT_RISK", last=day(1)))
    assert [title for title, _ in told.tell(day(1))] == ["na: order defect rate at or near the target"]
    assert len(told.remembered("key")) == 2


def test_no_secret_of_a_channel_is_said_stored_or_logged(told: Told, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> None:
    told.load(document(1, "QUARANTINED"))
    logged = StringIO()
    # Not caplog, which also captures loggers that do not propagate.
    monkeypatch.setattr(logging.root, "handlers", [logging.StreamHandler(logged)])
    monkeypatch.setattr(logging.root, "level", logging.DEBUG)
    url = told.receiver.url.replace("json://", "json://user:pass-77c1e5d0@")
    told.receiver.status = HTTPStatus.BAD_GATEWAY
    with pytest.raises(DeliveryFailed) as failed:
        told.tell(TODAY, url)
    with pytest.raises(ConfigurationError, match="SELLER_WAREHOUSE_ALERT_URLS: entry 2 is not a URL") as wrong:
        channels_of([url, "slak://token-8f3ab1c2"])
    [stored] = told.remembered("channels, error")
    everything = f"{failed.value} {wrong.value} {stored} {capfd.readouterr()} {logged.getvalue()}"
    assert everything.count("error=502") == 2
    assert "token-8f3ab1c2" not in everything
    assert "pass-77c1e5d0" not in everything


def test_what_apprise_says_of_a_failure_is_passed_on_without_the_parts_of_the_address() -> None:
    # A messenger has its token where a webhook has its host; nothing listens on the discard port.
    [channel] = channels_of(["json://127.0.0.1:9/"])
    assert channel.send("title", "body").endswith("did not take it: A Connection error occurred sending JSON notification to ***")


def test_settings_come_from_the_environment_and_a_wrong_one_is_named(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (channel_urls({"SELLER_WAREHOUSE_ALERT_URLS": " json://a\n mailto://b "}), channel_urls({})) == (["json://a", "mailto://b"], [])
    told.load(document(1, "QUARANTINED"))
    environment = {"SELLER_WAREHOUSE_ALERT_URLS": told.receiver.url, "SELLER_WAREHOUSE_DASHBOARD_URL": "https://shop.example/"}
    send_new(told.home, told.accounts, environment, today=TODAY, at=datetime.combine(TODAY, time(7), UTC))
    assert [lines[-1] for _, lines in told.receiver.taken()] == ["https://shop.example/health?account=na"]
    monkeypatch.setenv("SELLER_WAREHOUSE_ALERT_DAYS", "3")
    monkeypatch.setenv("SELLER_WAREHOUSE_ALERT_LATE_DAYS", "0")
    assert policy_settings() == {"alert_claim_days": 3, "alert_late_days": 0}
    monkeypatch.setenv("SELLER_WAREHOUSE_ALERT_DAYS", "soon")
    with pytest.raises(ConfigurationError, match="SELLER_WAREHOUSE_ALERT_DAYS is 'soon'; it must be a whole number of days"):
        policy_settings()
