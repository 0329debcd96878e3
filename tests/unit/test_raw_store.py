"""The history of raw: what it holds depends on the documents, never on the order in which they came."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seller_warehouse.documents import Document, Verdict
from seller_warehouse.parse import Prepared, prepare
from seller_warehouse.raw_store import Change, load, open_warehouse
from tests.support import AT, NA, document_of, reimbursements

LEDGER_HEADER = "Date FNSKU ASIN MSKU Title EventType ReferenceID Quantity FulfillmentCenter Disposition Reason Country".split()


def ledger(*rows: tuple[int, int]) -> str:
    """A ledger of (day of November 2026, quantity); ReconciledQuantity and UnreconciledQuantity are blank."""
    header = [*LEDGER_HEADER, "ReconciledQuantity", "UnreconciledQuantity"]
    lines = [f"11/{day:02}/2026\tX1\tB1\tS1\tLamp\tAdjustments\t7\t{quantity}\tONT8\tSELLABLE\tM\tUS\t\t" for day, quantity in rows]
    return "\n".join(["\t".join(header), *lines]) + "\n"


class Store:
    """A build database in a folder, and the documents that may go into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[str, tuple[Document, Prepared]] = {}

    def document(self, content: str, retrieved_at: datetime, report: str = "inventory_ledger", **manifest: object) -> Document:
        document = document_of(content, self.folder / "documents", report=report, retrieved_at=retrieved_at, **manifest)
        self.known[document.document_id] = (document, prepare(document, NA, self.folder / "parsed" / document.document_id))
        return document

    def load(self, *documents: Document, name: str = "warehouse") -> list[tuple[Verdict, str, Change]]:
        outcomes = []
        with open_warehouse(self.folder / f"{name}.duckdb") as connection:
            for document in documents:
                connection.execute("begin")
                outcomes.append(load(connection, *self.known[document.document_id], lambda account, report, document_id: self.known[document_id]))
                connection.execute("commit")
        return outcomes

    def query(self, sql: str, name: str = "warehouse") -> list[tuple]:
        with duckdb.connect(str(self.folder / f"{name}.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def state(self, name: str = "warehouse", report: str = "inventory_ledger") -> tuple:
        return (
            self.query(f"select * from raw.{report} order by all", name),
            self.query("select * from meta.coverage order by all", name),
        )

    def known_now(self, name: str = "warehouse") -> list[tuple]:
        return self.query("select date, quantity from raw.inventory_ledger where _valid_to is null order by all", name)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def day(n: int) -> datetime:
    return datetime(2026, 11, n, 6, tzinfo=UTC)


def test_three_overlapping_extracts_in_all_six_orders_give_one_history(store: Store) -> None:
    first = store.document(ledger((1, -1), (1, -1), (2, -2), (3, -3)), day(4))
    restated = store.document(ledger((1, -1), (2, -5), (2, -2), (3, -3), (4, -1)), day(5))
    last = store.document(ledger((2, -2), (3, -3), (3, -7), (5, -3)), day(6))
    states = []
    for i, order in enumerate(itertools.permutations((first, restated, last))):
        store.load(*order, name=f"order{i}")
        states.append(store.state(f"order{i}"))
    assert all(s == states[0] for s in states)
    # By hand: day 1 is cut in the second file (1 row of 2) and stays; day 2 is inside the second and cut in the third;
    # day 3 is inside the third; day 4 was seen once and is gone in the third, where it lies inside; day 5 is new.
    assert store.known_now("order0") == [
        ("2026-11-01", "-1"), ("2026-11-01", "-1"), ("2026-11-02", "-2"), ("2026-11-02", "-5"),
        ("2026-11-03", "-3"), ("2026-11-03", "-7"), ("2026-11-05", "-3"),
    ]  # fmt: skip


def test_loading_everything_again_changes_nothing(store: Store) -> None:
    documents = [store.document(ledger((1, -1), (2, -2), (3, -1)), day(4)), store.document(ledger((1, -1), (2, -3), (3, -1)), day(5))]
    store.load(*documents)
    before = store.state()
    outcomes = store.load(*documents)
    assert [verdict for verdict, _, _ in outcomes] == [Verdict.UNCHANGED, Verdict.UNCHANGED]
    assert store.state() == before


def test_as_we_knew_it_shows_both_what_was_known_and_what_changed(store: Store) -> None:
    asked = {"window_start": date(2026, 11, 2), "window_end": date(2026, 11, 2)}
    store.load(
        store.document(reimbursements({"amount-total": "30.00", "quantity-reimbursed-cash": "3"}), day(4), "reimbursements", **asked),
        store.document(reimbursements({"amount-total": "20.00", "quantity-reimbursed-cash": "2"}), day(9), "reimbursements", **asked),
    )
    as_of = "select amount_total from raw.reimbursements where _valid_from <= '{0}' and (_valid_to is null or _valid_to > '{0}')"
    assert store.query(as_of.format("2026-11-05")) == [("30.00",)]
    assert store.query(as_of.format("2026-11-10")) == [("20.00",)]
    assert store.query("select amount_total, _valid_from, _valid_to from raw.reimbursements order by 2") == [
        ("30.00", day(4).replace(tzinfo=None), day(9).replace(tzinfo=None)),
        ("20.00", day(9).replace(tzinfo=None), None),
    ]


def test_identical_rows_are_different_units(store: Store) -> None:
    store.load(store.document(ledger((1, -1), (1, -1), (1, -1)), day(4)))
    assert store.query("select _occurrence, count(distinct _row_hash) over () from raw.inventory_ledger order by 1") == [(1, 1), (2, 1), (3, 1)]


def test_a_window_that_was_asked_for_replaces_its_first_and_last_day_too(store: Store) -> None:
    whole = {"window_start": date(2026, 11, 1), "window_end": date(2026, 11, 3), "source": "sp_api"}
    store.load(store.document(ledger((1, -1), (1, -1), (3, -3)), day(4)), store.document(ledger((2, -2)), day(5), **whole))
    assert store.known_now() == [("2026-11-02", "-2")]


def test_a_day_of_twenty_rows_or_more_never_shrinks_to_less_than_half(store: Store) -> None:
    asked = {"window_start": date(2026, 11, 1), "window_end": date(2026, 11, 1), "source": "sp_api"}
    full, cut = store.document(ledger(*[(1, -n) for n in range(1, 21)]), day(4), **asked), store.document(ledger((1, -1)), day(5), **asked)
    assert [outcome[2].shrunk for outcome in store.load(full, cut)] == [(), ("2026-11-01",)]
    assert len(store.known_now()) == 20
    half = store.document(ledger(*[(1, -n) for n in range(1, 11)]), day(6), **asked)
    store.load(half)
    assert len(store.known_now()) == 10


def test_the_same_bytes_dropped_later_do_not_bring_an_old_state_back(store: Store) -> None:
    old, new = ledger((1, -1), (2, -2), (3, -1)), ledger((1, -1), (2, -9), (3, -1))
    documents = [store.document(old, day(4)), store.document(new, day(5)), store.document(old, day(8))]
    for i, order in enumerate(itertools.permutations(documents)):
        store.load(*order, name=f"order{i}")
        assert store.known_now(f"order{i}") == [("2026-11-01", "-1"), ("2026-11-02", "-9"), ("2026-11-03", "-1")]
        assert store.state(f"order{i}") == store.state("order0")


def test_documents_retrieved_at_the_same_instant_have_one_order(store: Store) -> None:
    documents = [store.document(ledger((1, -1), (2, -n), (3, -1)), AT) for n in (1, 2, 3)]
    for i, order in enumerate(itertools.permutations(documents)):
        store.load(*order, name=f"order{i}")
        assert store.state(f"order{i}") == store.state("order0")


def test_a_settlement_is_replaced_by_its_id_and_no_other_is_touched(store: Store) -> None:
    header = (
        "settlement-id settlement-start-date settlement-end-date deposit-date total-amount currency transaction-type order-id merchant-order-id "
        "adjustment-id shipment-id marketplace-name amount-type amount-description amount fulfillment-id posted-date posted-date-time "
        "order-item-code merchant-order-item-id merchant-adjustment-item-id sku quantity-purchased promotion-id"
    ).split()

    def settlement(number: str, *amounts: str) -> str:
        total = dict.fromkeys(header, "") | {"settlement-id": number, "total-amount": amounts[0], "currency": "USD"}
        lines = [dict.fromkeys(header, "") | {"settlement-id": number, "amount": a, "posted-date": "2026-11-01"} for a in amounts[1:]]
        return "\n".join("\t".join(row.values()) for row in (dict(zip(header, header, strict=True)), total, *lines)) + "\n"

    store.load(
        store.document(settlement("1", "5.00", "5.00"), day(4), "settlements"),
        store.document(settlement("2", "7.00", "7.00"), day(5), "settlements"),
        store.document(settlement("1", "5.00", "3.00", "2.00"), day(6), "settlements"),
    )
    assert store.query("select settlement_id, amount from raw.settlements where _valid_to is null and amount <> '' order by all") == [
        ("1", "2.00"), ("1", "3.00"), ("2", "7.00"),
    ]  # fmt: skip


@st.composite
def extracts(draw: st.DrawFn) -> list[tuple[str, datetime]]:
    """Extracts of a world that Amazon restates: each is a stretch of days, as known at its time, some of them twice."""
    truth = {d: draw(st.lists(st.integers(-3, -1), max_size=3)) for d in range(1, 8)}
    files = []
    for retrieved in range(10, 10 + draw(st.integers(2, 5))):
        for d in draw(st.sets(st.integers(1, 7), max_size=3)):
            truth[d] = draw(st.lists(st.integers(-3, -1), max_size=3))
        first = draw(st.integers(1, 7))
        rows = [(d, q) for d in range(first, draw(st.integers(first, 7)) + 1) for q in truth[d]]
        if rows:
            files.append((ledger(*rows), day(retrieved)))
    again = draw(st.lists(st.sampled_from(files), max_size=2)) if files else []
    return [*files, *again]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(files=extracts(), data=st.data())
def test_any_split_order_and_duplicates_give_the_same_raw_tables(
    files: list[tuple[str, datetime]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    documents = [store.document(content, at) for content, at in files]
    shuffled = data.draw(st.permutations(documents))
    store.load(*documents, name="in_order")
    store.load(*shuffled, name="shuffled")
    assert store.state("shuffled") == store.state("in_order")
    store.load(*shuffled, name="in_order")
    assert store.state("in_order") == store.state("shuffled")


def test_history_survives_a_change_of_the_report_columns(store: Store) -> None:
    """A column that a report gains at its end leaves the hash of old rows as it was, so nothing looks restated."""
    with_column = ledger((1, -1), (2, -1), (3, -1)).splitlines()
    wider = "\n".join([with_column[0] + "\tStore", *(line + "\t" for line in with_column[1:])]) + "\n"
    store.load(store.document("\n".join(with_column) + "\n", day(4)), store.document(wider, day(4) + timedelta(hours=1)))
    assert store.query("select count(*), count(_valid_to) from raw.inventory_ledger") == [(3, 0)]
