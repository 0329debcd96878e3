"""Every query of the cookbook returns the truth about the simulated sellers, computed from their events and never from the marts."""

from __future__ import annotations

import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sandbox.truth import InventoryEventTruth, ReimbursementTruth, ReturnTruth
from sandbox.world import Seller
from sandbox.world_accidents import DAMAGES
from sandbox.world_catalog import MARKETPLACES, ORDERS, SELLABLE, SHIPMENTS
from seller_warehouse.core.home import REPOSITORY
from tests.dbt.test_docs import queries
from tests.dbt.test_finance_truth import CATEGORIES, is_settled, lines, month, sums, unsettled
from tests.dbt.test_mcf_truth import Fate, expected_by
from tests.dbt.test_order_defects_truth import true_rates
from tests.defect_truth import RETURN_WINDOWS, STOCK_DEADLINE, Expected, refunds, stock
from tests.world import DOWNLOAD_EVERY, Simulated, asked_from

Rows = list[tuple[Any, ...]]
Check = Callable[[Rows, Simulated], None]

PAGE = REPOSITORY / "docs" / "cookbook.md"
NOTHING = Decimal(0)


def recipes() -> dict[int, str]:
    """The queries of the page by their number."""
    parts = re.split(r"^### (\d+)\. .+$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {int(number): sql for number, text in zip(parts[1::2], parts[2::2], strict=True) for sql in queries(text)}


RECIPES = recipes()
CHECKS: dict[int, Check] = {}


def check(number: int) -> Callable[[Check], Check]:
    """Register the check of the answer to a question."""

    def register(function: Check) -> Check:
        CHECKS[number] = function
        return function

    return register


def test_there_are_25_questions_each_with_one_query_and_one_check() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [int(n) for n in re.findall(r"^### (\d+)\.", text, flags=re.MULTILINE)] == list(range(1, 26))
    assert len(queries(text)) == len(RECIPES) == 25
    assert set(CHECKS) == set(RECIPES)


@pytest.mark.parametrize("number", RECIPES)
def test_answer_is_what_is_true_of_the_simulated_sellers(number: int, simulated: Simulated, published: Path) -> None:
    with duckdb.connect(str(published), read_only=True) as connection:
        rows = connection.execute(RECIPES[number]).fetchall()
    assert rows
    assert not any(isinstance(value, float) for row in rows for value in row)
    CHECKS[number](rows, simulated)


def is_quotient(found: Decimal, part: Decimal | int, whole: Decimal | int) -> bool:
    """Whether a rate equals the quotient of its parts, to its digits."""
    digit = Decimal(1).scaleb(int(found.as_tuple().exponent))
    return abs(found - Decimal(part) / Decimal(whole)) <= digit / 2


def originals(seller: Seller, at: datetime) -> dict[str, ReimbursementTruth]:
    """What reversals may take back, by id."""
    return {p.reimbursement_id: p for p in seller.truth(at).reimbursements if not p.is_reversal}


def category(seller: Seller, at: datetime, line: ReimbursementTruth) -> str:
    return CATEGORIES[originals(seller, at)[line.original_reimbursement_id].reason if line.original_reimbursement_id else line.reason]


def events(simulated: Simulated) -> Iterator[tuple[str, InventoryEventTruth, date, Expected]]:
    """Every loss and damage in a warehouse: account, what happened, the last day for a claim, and where its units are."""
    for account, seller in simulated.world.sellers.items():
        expected = stock(seller, simulated.known_at)
        yield from ((account, e, e.ledger_date + STOCK_DEADLINE, expected[e.event_id]) for e in seller.truth(simulated.known_at).inventory_events)


def returns(simulated: Simulated) -> Iterator[tuple[str, ReturnTruth, date, Expected]]:
    """The same of returned units and of refunds."""
    for account, seller in simulated.world.sellers.items():
        for item, since, expected in refunds(seller, simulated.known_at):
            windows = RETURN_WINDOWS.get(MARKETPLACES[item.marketplace_id].country)
            yield account, item, since + windows[1] if windows else date.max, expected


@dataclass(frozen=True)
class Defect:
    """Units of one loss, damage, refund or return."""

    key: tuple[str, str, str]
    """Account, kind, currency."""
    deadline: date
    units: Expected
    worth: Decimal | None
    """The value of a unit to the seller; None if Amazon has no price."""


def everything(simulated: Simulated) -> list[Defect]:
    """All defects. Stock is worth its cost, or half of it if it could not be sold; sold units are worth the proceeds of the sale."""
    found = []
    for account, event, deadline, units in events(simulated):
        worth = cost(simulated, account, event.seller_sku, event.currency_code)
        worth *= Decimal("0.5") if DAMAGES.get(event.code, SELLABLE) != SELLABLE else 1
        found.append(Defect((account, kind(units), event.currency_code), deadline, units, worth))
    truth = simulated.world.truth(simulated.known_at)
    multi_channel = {(account, o.order_id) for account, t in truth.items() for o in t.orders if o.is_multi_channel}
    for account, item, deadline, units in returns(simulated):
        is_priced = item.order_is_shown and (account, item.order_id) not in multi_channel
        found.append(Defect((account, kind(units), item.currency_code), deadline, units, item.unit_proceeds if is_priced else None))
    return found


def worths(defects: list[Defect], of: str) -> list[Decimal | None]:
    """The value of the units of each in one bucket."""
    return [None if d.worth is None else getattr(d.units, of) * d.worth for d in defects]


def known(amounts: list[Decimal | None]) -> Decimal | None:
    """The sum of the known values."""
    return sum((a for a in amounts if a is not None), NOTHING) if set(amounts) != {None} else None


def grouped(defects: Iterable[Defect]) -> dict[tuple[str, str, str], list[Defect]]:
    found: dict[tuple[str, str, str], list[Defect]] = defaultdict(list)
    for defect in defects:
        found[defect.key].append(defect)
    return found


def kind(expected: Expected) -> str:
    ((name, _),) = expected.kinds
    return name


def cost(simulated: Simulated, account: str, sku: str, currency: str) -> Decimal:
    """What a unit costs the seller today."""
    seller = simulated.world.sellers[account]
    market = next(m for m in seller.profile.markets if m.currency == currency)
    return next(p for p in seller._records.products if p.sku == sku).cost_in(market, simulated.known_at.date())


def counted(pairs: Iterable[tuple[tuple[Any, ...], int]]) -> dict[tuple[Any, ...], int]:
    found: Counter[tuple[Any, ...]] = Counter()
    for key, units in pairs:
        found[key] += units
    return {key: units for key, units in found.items() if units}


@check(1)
def _(rows: Rows, simulated: Simulated) -> None:
    truth = simulated.world.truth(simulated.known_at)
    assert sums(rows) == sums((account, of.year, currency, cash) for account, t in truth.items() for (currency, of), cash in t.cash.items())


@check(2)
def _(rows: Rows, simulated: Simulated) -> None:
    cash = {(account, *key): amount for account, t in simulated.world.truth(simulated.known_at).items() for key, amount in t.cash.items()}
    assert sums(row[:4] for row in rows) == sums((*key, amount) for key, amount in cash.items())
    before: dict[tuple[str, str], Decimal] = {}
    for account, currency, of, amount, change in rows:
        last = before.get((account, currency))
        assert change == (None if last is None else amount - last), (account, currency, of)
        before[account, currency] = amount


@check(3)
def _(rows: Rows, simulated: Simulated) -> None:
    skus = sums((account, line.currency_code, line.sku, line.cash) for account, _, line in lines(simulated))
    best: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for (account, currency, _), amount in skus.items():
        best[account, currency].append(amount)
    found: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for account, currency, _, sku, amount in rows:
        assert skus[account, currency, sku] == amount
        found[account, currency].append(amount)
    assert found == {key: sorted(amounts, reverse=True)[:3] for key, amounts in best.items()}


@check(4)
def _(rows: Rows, simulated: Simulated) -> None:
    at = simulated.known_at
    in_kind = counted(((a, category(s, at, line)), line.inventory_units) for a, s, line in lines(simulated))
    units = counted(((a, category(s, at, line)), line.cash_units + line.inventory_units) for a, s, line in lines(simulated))
    assert {row[:2]: row[2] for row in rows if row[2]} == in_kind
    assert {row[:2]: row[3] for row in rows if row[3]} == units
    assert in_kind
    assert all(is_quotient(row[4], row[2], row[3]) for row in rows if row[3])


@check(5)
def _(rows: Rows, simulated: Simulated) -> None:
    paid = [(a, p.currency_code, "SELLER" if p.case_id else "AMAZON", p) for a, _, p in lines(simulated) if not p.is_reversal]
    assert {row[:3]: row[4] for row in rows if row[4]} == sums((*key, p.cash) for *key, p in paid)
    assert {row[2] for row in rows} == {"SELLER", "AMAZON"}


@check(6)
def _(rows: Rows, simulated: Simulated) -> None:
    at = simulated.known_at
    keyed = [((a, line.currency_code, category(s, at, line)), line) for a, s, line in lines(simulated)]
    back = sums((*key, -line.cash) for key, line in keyed if line.is_reversal)
    gross = sums((*key, line.cash) for key, line in keyed if not line.is_reversal)
    assert {row[:3]: (row[3], row[4]) for row in rows} == {key: (gross[key], amount) for key, amount in back.items()}
    assert all(is_quotient(row[5], row[4], row[3]) for row in rows)


@check(7)
def _(rows: Rows, simulated: Simulated) -> None:
    expected = []
    for account, seller, line in lines(simulated):
        if line.original_reimbursement_id and (line.cash < 0 or line.inventory_units < 0):
            paid = originals(seller, simulated.known_at)[line.original_reimbursement_id].approval_at.date()
            back = line.approval_at.date()
            if back - paid <= timedelta(days=42):
                expected.append((account, line.original_reimbursement_id, line.sku, paid, back, line.currency_code, line.cash, line.inventory_units))
    assert Counter(rows) == Counter(expected)
    assert 0 < len(rows) < sum(line.is_reversal for *_, line in lines(simulated))


@check(8)
def _(rows: Rows, simulated: Simulated) -> None:
    asins = {(a, p.sku): p.asin for a, s in simulated.world.sellers.items() for p in s._records.products}
    expected = sums((a, asins[a, line.sku], line.currency_code, line.cash) for a, _, line in lines(simulated))
    assert {(account, asin, currency): amount for account, asin, currency, _, amount in rows if amount} == expected


def test_family_adds_up_the_skus_of_a_parent(simulated: Simulated, published: Path, tmp_path: Path) -> None:
    """The simulated sellers name no parent ASINs: here all of a seller's products have the same one."""
    shutil.copy(published.resolve(), tmp_path / "families.duckdb")
    with duckdb.connect(str(tmp_path / "families.duckdb")) as connection:
        connection.execute("update marts.fct_reimbursements set parent_asin = 'B0FAMILY'")
        rows = connection.execute(RECIPES[8]).fetchall()
    expected = sums((a, "B0FAMILY", line.currency_code, line.cash) for a, _, line in lines(simulated))
    assert {(account, asin, currency): amount for account, asin, currency, _, amount in rows} == expected
    skus = Counter((account, currency) for account, currency, _ in {(a, line.currency_code, line.sku) for a, _, line in lines(simulated)})
    assert {(account, currency): n for account, _, currency, n, _ in rows} == skus


@check(9)
def _(rows: Rows, simulated: Simulated) -> None:
    sold = []
    for account, seller in simulated.world.sellers.items():
        for row in seller.rows(ORDERS, asked_from(seller), simulated.known_at, simulated.known_at):
            v = row.values
            if v["order-status"] != "Cancelled" and v.get("item-price") is not None:
                sold.append((account, month(v["purchase-date"].astimezone(UTC).date()), v["currency"], v["item-price"]))
    cash = [(a, month(line.approval_at.date()), line.currency_code, line.cash) for a, _, line in lines(simulated)]
    assert {row[:3]: row[3] for row in rows if row[3]} == sums(sold)
    assert {row[:3]: row[4] for row in rows if row[4]} == sums(cash)
    assert len({row[:3] for row in rows}) == len(rows)
    assert all(is_quotient(row[5], row[4] or 0, row[3]) for row in rows if row[3])


@check(10)
def _(rows: Rows, simulated: Simulated) -> None:
    expected = []
    for account, _, line in lines(simulated):
        if CATEGORIES.get(line.reason) == "WAREHOUSE_LOST" and not line.is_reversal and line.cash_units:
            short = line.cash_units * cost(simulated, account, line.sku, line.currency_code) - line.cash
            if short > 0:
                expected.append((account, line.reimbursement_id, line.approval_at.date(), line.sku, line.currency_code, short))
    assert Counter((*row[:5], row[7]) for row in rows) == Counter(expected)
    assert [row[7] for row in rows] == sorted((row[7] for row in rows), reverse=True)


@check(11)
def _(rows: Rows, simulated: Simulated) -> None:
    expected: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 5)
    for account, event, _, e in events(simulated):
        if event.kind == "LOST":
            found = (event.units, e.cash + e.inventory, e.reconciled, e.eligible + e.in_progress, e.ineligible)
            expected[account, event.seller_sku] = [a + b for a, b in zip(expected[account, event.seller_sku], found, strict=True)]
    assert {row[:2]: list(row[2:]) for row in rows} == expected
    assert [row[2] for row in rows] == sorted((row[2] for row in rows), reverse=True)


@check(12)
def _(rows: Rows, simulated: Simulated) -> None:
    last = simulated.known_at.date() + timedelta(days=30)
    closing = grouped(d for d in everything(simulated) if d.units.eligible and d.deadline <= last)
    assert {row[:3]: row[3:] for row in rows} == {
        key: (
            sum(claims for d in found for _, claims in d.units.kinds),
            sum(d.units.eligible for d in found),
            min(d.deadline for d in found),
            known(worths(found, "eligible")),
        )
        for key, found in closing.items()
    }


@check(13)
def _(rows: Rows, simulated: Simulated) -> None:
    lost = grouped(d for d in everything(simulated) if d.units.denied or d.units.expired)
    assert {row[:3]: row[3:5] for row in rows} == {
        key: (sum(d.units.denied for d in found), sum(d.units.expired for d in found)) for key, found in lost.items()
    }
    for row in rows:
        # Without the settlement of its sale, only the price of an order is known.
        if row[1].startswith("WAREHOUSE") or not simulated.world.sellers[row[0]].profile.settled_from:
            assert row[5:] == tuple(known(worths(lost[row[:3]], of)) for of in ("denied", "expired")), row


@check(14)
def _(rows: Rows, simulated: Simulated) -> None:
    claims = [(account, c) for account, truth in simulated.world.truth(simulated.known_at).items() for c in truth.claims]
    assert set(rows) == {(account, c.case_id, c.filed, c.order_id, c.units) for account, c in claims if c.decided is None}


@check(15)
def _(rows: Rows, simulated: Simulated) -> None:
    orders: Counter[tuple[str, str, str]] = Counter()
    cancelled: Counter[tuple[str, str, str]] = Counter()
    for account, truth in simulated.world.truth(simulated.known_at).items():
        for o in truth.orders:
            if not o.is_multi_channel:
                orders[account, o.marketplace_id, o.channel] += 1
                cancelled[account, o.marketplace_id, o.channel] += o.status == "Cancelled"
    assert {row[:3]: row[3:5] for row in rows} == {key: (n, cancelled[key]) for key, n in orders.items()}
    assert any(cancelled.values())
    assert all(is_quotient(row[5], row[4], row[3]) for row in rows)


@check(16)
def _(rows: Rows, simulated: Simulated) -> None:
    paid = [d for d in everything(simulated) if d.units.cash]
    assert {row[:3]: row[3] for row in rows} == counted((d.key, d.units.cash) for d in paid)
    assert {row[:3]: row[4] for row in rows} == sums((*d.key, d.units.amount) for d in paid)
    assert all(is_quotient(row[5], row[4], row[3]) for row in rows)


@check(17)
def _(rows: Rows, simulated: Simulated) -> None:
    defects = everything(simulated)
    eligible = grouped(d for d in defects if d.units.eligible)
    paid = counted((d.key[:2], d.units.cash + d.units.inventory) for d in defects)
    unpaid = counted((d.key[:2], d.units.denied + d.units.expired) for d in defects)
    assert {(account, of, currency): units for account, _, of, currency, units, *_ in rows} == {
        key: sum(d.units.eligible for d in found) for key, found in eligible.items()
    }
    for account, _, of, currency, _, potential, paid_units, known_units, paid_rate, expected_amount in rows:
        amounts = worths(eligible[account, of, currency], "eligible")
        assert potential == (None if None in amounts else known(amounts))
        assert paid_units == paid[account, of]
        assert known_units == paid_units + unpaid.get((account, of), 0)
        assert is_quotient(paid_rate, paid_units, known_units)
        expected = None if potential is None else (potential * paid_units / known_units).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert expected_amount == expected
    assert {row[5] is None for row in rows} == {True, False}


@check(18)
def _(rows: Rows, simulated: Simulated) -> None:
    grades = (((account, item.sku, item.disposition), item.units) for account, item, *_ in returns(simulated) if item.returned_date)
    assert {row[:3]: row[3] for row in rows} == counted(grades)


@check(19)
def _(rows: Rows, simulated: Simulated) -> None:
    shipped: Counter[tuple[str, date]] = Counter()
    came_back: Counter[tuple[str, date]] = Counter()
    for account, seller in simulated.world.sellers.items():
        truth = seller.truth(simulated.known_at)
        returned = {r.order_id for r in truth.returns if r.returned_date}
        for o in truth.orders:
            if o.channel == "AFN" and o.status == "Shipped" and not o.is_multi_channel and not o.is_replacement:
                key = account, month(o.purchased_at.astimezone(UTC).date())
                shipped[key] += 1
                came_back[key] += o.order_id in returned
    assert {row[:2]: row[2:4] for row in rows} == {key: (n, came_back[key]) for key, n in shipped.items()}
    assert all(is_quotient(row[4], row[3], row[2]) for row in rows)


@check(20)
def _(rows: Rows, simulated: Simulated) -> None:
    today = simulated.known_at.date()
    expected = expected_by(simulated, today)
    orders: dict[tuple[str, str], set[str]] = defaultdict(set)
    units: Counter[tuple[str, str]] = Counter()
    for account, seller in simulated.world.sellers.items():
        for row in seller.rows(SHIPMENTS, asked_from(seller), simulated.known_at, simulated.known_at):
            v = row.values
            if not str(v["sales-channel"]).startswith("Non-Amazon"):
                continue
            late = (today - v["estimated-arrival-date"].astimezone(UTC).date()).days
            fate = expected.fates.get((account, v["amazon-order-id"], v["sku"]), Fate())
            left = int(v["quantity-shipped"]) - fate.paid_units - fate.returned_units
            if 7 <= late <= expected.claim_days[account, v["amazon-order-id"]] and left and not fate.case_state:
                key = account, "UP_TO_30_DAYS" if late <= 30 else "UP_TO_60_DAYS" if late <= 60 else "LONGER"
                orders[key].add(v["amazon-order-id"])
                units[key] += left
    assert {row[:2]: row[2:4] for row in rows} == {key: (len(found), units[key]) for key, found in orders.items()}


@check(21)
def _(rows: Rows, simulated: Simulated) -> None:
    cash: dict[str, list[tuple[str, str, Decimal]]] = defaultdict(list)
    for account, seller, line in lines(simulated):
        where = "settled" if is_settled(simulated, seller, line) else unsettled(simulated, seller, line)[-1]
        for of in ("reported", where):
            cash[of].append((account, line.currency_code, line.cash))
    for place, of in enumerate(("reported", "settled", "not_yet_posted", "before_settlements", "not_held"), 2):
        assert sums((*row[:2], row[place]) for row in rows) == sums(cash[of]), of
        assert cash[of], of
    assert {row[7:] for row in rows} == {(NOTHING, NOTHING)}


@check(22)
def _(rows: Rows, simulated: Simulated) -> None:
    waits: dict[tuple[str, str], list[int]] = defaultdict(list)
    for account, seller, line in lines(simulated):
        if line.cash and line.posted_at and is_settled(simulated, seller, line):
            waits[account, line.currency_code].append((line.posted_at.date() - line.approval_at.date()).days)
    assert {row[:2]: row[2:4] for row in rows} == {key: (len(found), max(found)) for key, found in waits.items()}
    assert all(is_quotient(row[4], sum(waits[row[:2]]), row[2]) for row in rows)


WRITTEN = {"na": "%m/%d/%Y", "eu": "%d.%m.%Y", "fe": "%Y/%m/%d"}
"""Date format of the sellers' downloads, by region."""


@check(23)
def _(rows: Rows, simulated: Simulated) -> None:
    """The world is loaded at once, but for the weekly downloads of order defects: what one shows and the next does not was taken back."""
    expected = {}
    for account, seller in simulated.world.sellers.items():
        held: dict[date, set[str]] = defaultdict(set)
        gone: list[tuple[date, date]] = []
        start = datetime.combine(seller.start, time(), UTC)
        weeks = (simulated.known_at - start) // DOWNLOAD_EVERY
        for at in (*(start + DOWNLOAD_EVERY * n for n in range(1, weeks + 1)), simulated.known_at):
            shown: dict[date, set[str]] = defaultdict(set)
            for row in seller.order_defects_csv(at).splitlines()[1:]:
                written = row.replace(";", ",").split(",")[1]
                shown[datetime.strptime(written, WRITTEN[seller.profile.region]).replace(tzinfo=UTC).date()].add(row)
            if not shown:
                continue
            first, last = min(shown), max(shown)
            for day in (d for d in {*held, *shown} if first <= d <= last):
                # The first and the last day of a file may be cut: they count only with at least as many rows as are held.
                if first < day < last or len(shown[day]) >= len(held[day]):
                    gone += [(day, at.date())] * len(held[day] - shown[day])
                    held[day] = shown[day]
        if gone:
            late = [(seen - day).days for day, seen in gone]
            expected[account, "order_defects"] = (len(gone), max(late), sum(month(seen) > month(day) for day, seen in gone))
    assert {row[:2]: row[2:] for row in rows} == expected


@check(24)
def _(rows: Rows, simulated: Simulated) -> None:
    weeks = {simulated.known_at.date() - timedelta(weeks=n) for n in range(52)}
    true = {(*group, day): c for (group, day), c in true_rates(simulated).items() if day in weeks and c.orders}
    assert any(c.defective < c.worst_case for c in true.values())
    assert {row[:4]: (row[4], row[5], row[7]) for row in rows} == {key: (c.orders, c.defective, c.worst_case) for key, c in true.items()}
    assert all(abs(row[6] - Decimal(row[5]) / row[4]) < Decimal("0.000001") for row in rows)
    assert all(abs(row[8] - Decimal(row[7]) / row[4]) < Decimal("0.000001") for row in rows)


@check(25)
def _(rows: Rows, simulated: Simulated) -> None:
    true = {group: c for (group, day), c in true_rates(simulated).items() if day == simulated.known_at.date() and c.orders}
    assert {row[:3]: row[3:5] for row in rows} == {group: (c.orders, c.worst_case) for group, c in true.items()}
    for *_, orders, worst, left in rows:
        assert worst + left < Decimal("0.01") * orders <= worst + left + 1
