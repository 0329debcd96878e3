"""The history of raw: its contents depend on the documents, never on their order."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seller_warehouse.core.documents import Document, Verdict
from seller_warehouse.core.home import Home
from seller_warehouse.ingest import history, warehouse
from seller_warehouse.ingest.history import Change, implausibly_short_sql, load
from seller_warehouse.ingest.landing import land
from seller_warehouse.ingest.parse import prepare
from seller_warehouse.ingest.warehouse import open_warehouse
from seller_warehouse.reports import SPECS
from tests.support import AT, NA, document_of, reimbursements, stock

LEDGER_HEADER = "Date FNSKU ASIN MSKU Title EventType ReferenceID Quantity FulfillmentCenter Disposition Reason Country".split()


def ledger(*rows: tuple[int, int]) -> str:
    """A ledger of (day of November 2026, quantity); ReconciledQuantity and UnreconciledQuantity are blank."""
    header = [*LEDGER_HEADER, "ReconciledQuantity", "UnreconciledQuantity"]
    lines = [f"11/{day:02}/2026\tX1\tB1\tS1\tLamp\tAdjustments\t7\t{quantity}\tONT8\tSELLABLE\tM\tUS\t\t" for day, quantity in rows]
    return "\n".join(["\t".join(header), *lines]) + "\n"


class Store:
    """A build database in a folder, and documents to load into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder)
        # Every order of the same documents is loaded: they are read once.
        self.prepared = cache(lambda document: prepare(document, NA, document.path.parent))

    def document(self, content: str, retrieved_at: datetime, report: str = "inventory_ledger", **manifest: object) -> Document:
        received = document_of(content, self.folder / "documents", report=report, retrieved_at=retrieved_at, **manifest)
        return land(self.home, received, received.path)

    def load(self, *documents: Document, name: str = "warehouse") -> list[tuple[Verdict, str, Change]]:
        outcomes = []
        # The tables of all reports would take longer to make than what is loaded.
        reports = patch.object(warehouse, "SPECS", {r: SPECS[r] for r in ("inventory_ledger", *(d.report for d in documents))})
        with reports, open_warehouse(self.folder / f"{name}.duckdb") as connection:
            for document in documents:
                connection.execute("begin")
                outcomes.append(load(connection, document, self.prepared(document), self.home, NA))
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


def held_rows(store: Store, *days_of_rows: dict[int, int], step: int = 1, **asked: object) -> list[list[tuple]]:
    """Rows held per day after documents with these rows per day, each retrieved ``step`` days after the other."""
    asked = asked or {"window_start": date(2026, 11, 1), "window_end": date(2026, 11, 9), "source": "sp_api"}
    documents = [
        store.document(ledger(*[(d, -n) for d, count in rows.items() for n in range(1, count + 1)]), day(10 + i * step), **asked)
        for i, rows in enumerate(days_of_rows)
    ]
    outcomes = store.load(*documents)
    held = store.query("select day(_event_date), count(*) from raw.inventory_ledger where _valid_to is null group by all order by all")
    return [held, [u for _, _, change in outcomes for u in change.shrunk]]


@pytest.mark.parametrize(("held", "missing"), [(1, 1), (2, 2), (3, 3), (4, 3), (10, 3), (14, 4), (20, 6), (51, 11), (99, 18), (1000, 128)])
def test_the_border_between_a_restatement_and_a_cut_answer(held: int, missing: int) -> None:
    """By hand: a tenth, and three times the root of 0.09 times the rows: 2 + 4.02 of 20, 5.1 + 6.43 of 51, 9.9 + 8.96 of 99, 100 + 28.46 of 1,000."""
    judged = duckdb.sql(f"select {implausibly_short_sql(str(missing), str(held))}, {implausibly_short_sql(str(missing + 1), str(held))}")
    assert judged.fetchall() == [(False, True)] if held > 3 else [(False, False)]


def test_a_small_seller_keeps_the_days_that_a_cut_answer_emptied_and_takes_the_others(store: Store) -> None:
    full = dict.fromkeys(range(1, 10), 2)
    cut = {1: 2, 2: 2, 3: 2, 4: 3, 5: 1}
    # 9 of 18 rows are missing on five days, where 1.8 + 3.82 may be; day 4 has one more.
    held, kept = held_rows(store, full, cut)
    assert held == [(d, 3 if d == 4 else 2) for d in range(1, 10)]
    assert kept == [f"2026-11-0{d}" for d in range(5, 10)]


@pytest.mark.parametrize(
    "after", [{1: 1, 2: 2}, {1: 2}, {3: 1}, {1: 1, 2: 1}], ids=["one of two rows", "a whole day", "all, and a new one", "one of each day"]
)
def test_a_restatement_of_a_few_rows_goes_through(store: Store, after: dict[int, int]) -> None:
    held, kept = held_rows(store, {1: 2, 2: 1}, after) if after == {3: 1} else held_rows(store, {1: 2, 2: 2}, after)
    assert (held, kept) == (sorted(after.items()), [])


def test_what_an_answer_is_short_of_a_week_later_is_gone(store: Store) -> None:
    full, cut = dict.fromkeys(range(1, 10), 2), {1: 2, 2: 2}
    assert held_rows(store, full, cut)[0] == sorted(full.items())
    again = {"window_start": date(2026, 11, 1), "window_end": date(2026, 11, 9), "source": "sp_api"}
    short = ledger(*[(d, -n) for d in (1, 2) for n in (1, 2)])
    store.load(store.document(short + "\n", day(17), **again))
    assert len(store.known_now()) == 18
    store.load(store.document(short + "\n\n", day(18), **again))
    assert len(store.known_now()) == 4


def test_a_file_of_two_rows_does_not_close_the_fifty_between_them(store: Store) -> None:
    store.load(store.document(ledger(*[(1 + n % 9, -n) for n in range(1, 51)]), day(10)))
    ((verdict, reason, change),) = store.load(store.document(ledger((1, -1), (9, -9)), day(11)))
    # Days 1 and 9 hold 5 rows each and are its edges.
    assert (verdict, change.removed) == (Verdict.QUARANTINED, 0)
    assert "line 2: it begins on 2026-11-01 and ends on 2026-11-09 (line 3); 40 of 50 rows held from 2026-11-01 to 2026-11-09" in reason
    assert len(store.known_now()) == 50


def test_a_file_that_was_believed_and_its_forced_copy_end_the_same_in_any_order(store: Store) -> None:
    """Nothing was held when the second came; the first turns up late, and beside it the second would close 4 of 6 rows."""
    first = store.document(ledger(*[(d, -n) for d in (2, 3) for n in (1, 2)], (1, -1), (4, -4)), day(5))
    second = store.document(ledger((1, -1), (4, -4)), day(6))
    third = store.document(ledger((1, -1), (2, -1), (4, -4)), day(7))
    forced = store.document(ledger((1, -1), (4, -4)) + "\n", day(8), replaces=True)
    for i, order in enumerate(itertools.islice(itertools.permutations((first, second, third, forced)), 0, None, 5)):
        outcomes = store.load(*order, name=f"order{i}")
        assert store.state(f"order{i}") == store.state("order0")
        assert outcomes[order.index(forced)][0] in (Verdict.LOADED, Verdict.UNCHANGED)
    assert store.known_now("order0") == [("2026-11-01", "-1"), ("2026-11-04", "-4")]
    closed = store.query("select date, quantity, _valid_to from raw.inventory_ledger where _valid_to is not null order by all", "order0")
    # The third lacks 3 of the 6 rows, which is not most, and few enough for a restatement.
    assert closed == [
        (f"2026-11-0{d}", f"-{n}", day(at).replace(tzinfo=None)) for d, n, at in ((2, 1, 8), (2, 2, 7), (3, 1, 7), (3, 2, 7))
    ]  # fmt: skip


def test_a_dropped_snapshot_is_judged_by_the_one_before_it_in_any_order(store: Store) -> None:
    skus = "ABCDEFGH"
    documents = [
        store.document(stock(*skus), day(3), "fba_inventory"), store.document(stock("A", "B"), day(4), "fba_inventory"),
        store.document(stock(*skus[:5]), day(5), "fba_inventory"), store.document(stock("C", "D"), day(6), "fba_inventory", source="sp_api"),
        store.document(stock("C"), day(7), "fba_inventory"),
    ]  # fmt: skip
    for i, order in enumerate(itertools.islice(itertools.permutations(documents), 0, None, 23)):
        store.load(*order, name=f"order{i}")
        assert store.state(f"order{i}", "fba_inventory") == store.state("order0", "fba_inventory")
    # Refused are the second, with 2 of 8, and the last, with one of the two SKUs that Amazon has told of.
    held = store.query("select day(_valid_from), count(*) from raw.fba_inventory group by all order by all", "order0")
    assert held == [(3, 8), (5, 5), (6, 2)]


def test_a_list_of_the_sellers_own_is_never_taken_for_cut(store: Store) -> None:
    def log(count: int) -> str:
        rows = "".join(f"C1,S{n},1,2026-11-01,open\n" for n in range(count))
        return f"case-id,seller-sku,units,filed-date,status\n{rows}"

    store.load(store.document(log(10), day(4), "claims"), store.document(log(1), day(5), "claims"))
    assert store.query("select count(*) from raw.claims where _valid_to is null") == [(1,)]


def test_an_older_file_that_turns_up_late_changes_what_newer_ones_are_judged_by(store: Store) -> None:
    """The second is cut beside the first, of which nothing was known when it came; it keeps day 3, which the two do not even share."""
    asked = {"source": "sp_api", "window_start": date(2026, 11, 1)}
    first = store.document(ledger((1, -1), (1, -2), (1, -3), (1, -4)), day(4), window_end=date(2026, 11, 1), **asked)
    second = store.document(ledger((3, -1), (3, -2)), day(5), **asked | {"window_start": date(2026, 11, 3)}, window_end=date(2026, 11, 3))
    third = store.document(ledger((3, -1)), day(6), window_end=date(2026, 11, 3), **asked)
    for i, order in enumerate(itertools.permutations((first, second, third))):
        store.load(*order, name=f"order{i}")
        assert store.known_now(f"order{i}") == [("2026-11-01", f"-{n}") for n in range(1, 5)] + [("2026-11-03", "-1"), ("2026-11-03", "-2")]
        assert store.state(f"order{i}") == store.state("order0")


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


def test_a_document_that_was_cut_stays_so_when_only_one_of_its_days_is_folded_again(store: Store) -> None:
    """The second has lost days 3 to 9; of day 9 alone, which the late third shares with the fourth, that would not show."""
    asked = {"source": "sp_api", "window_end": date(2026, 11, 9)}
    all_days, ninth = {"window_start": date(2026, 11, 1), **asked}, {"window_start": date(2026, 11, 9), **asked}
    full = ledger(*[(d, -n) for d in range(1, 10) for n in (1, 2)])
    documents = [
        store.document(full, day(10), **all_days),
        store.document(ledger(*[(d, -n) for d in (1, 2) for n in (1, 2)]), day(11), **all_days),
        store.document(ledger((9, -1), (9, -3)), day(12), **ninth),
        store.document(ledger((9, -1), (9, -4)), day(13), **ninth),
    ]
    for i, order in enumerate(itertools.permutations(documents)):
        store.load(*order, name=f"order{i}")
        assert store.state(f"order{i}") == store.state("order0")
    assert store.known_now("order0")[-2:] == [("2026-11-09", "-1"), ("2026-11-09", "-4")]


@st.composite
def extracts(draw: st.DrawFn) -> list[tuple[str, datetime, bool]]:
    """Extracts of a world that Amazon restates: each is a stretch of days, as known at its time, some of them twice, and some forced."""
    truth = {d: draw(st.lists(st.integers(-3, -1), max_size=3)) for d in range(1, 8)}
    files = []
    for retrieved in range(10, 10 + draw(st.integers(2, 5))):
        for d in draw(st.sets(st.integers(1, 7), max_size=3)):
            truth[d] = draw(st.lists(st.integers(-3, -1), max_size=3))
        first = draw(st.integers(1, 7))
        rows = [(d, q) for d in range(first, draw(st.integers(first, 7)) + 1) for q in truth[d]]
        if rows:
            files.append((ledger(*rows), day(retrieved), draw(st.integers(0, 4)) == 0))
    again = draw(st.lists(st.sampled_from(files), max_size=2)) if files else []
    return [*files, *again]


@pytest.mark.parametrize("few_rows", [history.FEW_ROWS, 0], ids=["as it is", "where the guard holds often"])
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(files=extracts(), data=st.data())
def test_any_split_order_and_duplicates_give_the_same_raw_tables(
    few_rows: int, files: list[tuple[str, datetime, bool]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    any_order_is_the_same(few_rows, files, data, tmp_path_factory)


def any_order_is_the_same(
    few_rows: int, files: list[tuple[str, datetime, bool]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(history, "FEW_ROWS", few_rows)
        changed.setattr(history, "CONFIRMED_AFTER_DAYS", 2 if few_rows == 0 else history.CONFIRMED_AFTER_DAYS)
        store = Store(tmp_path_factory.mktemp("store"))
        documents = [store.document(content, at, replaces=replaces) for content, at, replaces in files]
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
