"""The finance marts equal what was really paid, posted, taken back and replaced in the simulated world, to the cent."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from currency_converter import CurrencyConverter

from sandbox.truth import ReimbursementTruth
from sandbox.world import Seller, SettlementInfo
from seller_warehouse.core.home import Home
from seller_warehouse.marts.build import build_marts
from tests.support import Warehouse
from tests.world import Simulated

CATEGORIES = {
    "Lost_Warehouse": "WAREHOUSE_LOST", "Lost_warehouse": "WAREHOUSE_LOST", "Damaged_Warehouse": "WAREHOUSE_DAMAGED",
    "Damaged:Warehouse": "WAREHOUSE_DAMAGED", "Lost_Inbound": "INBOUND_LOST", "CustomerReturn": "CUSTOMER_RETURN",
    "CustomerServiceIssue": "CUSTOMER_SERVICE", "REMOVAL_ORDER_LOST": "REMOVAL", "MULTICHANNEL_ORDER_LOST": "MCF",
    "Lost_Outbound": "OUTBOUND", "INCORRECT_FEES_ITEMS": "FEE_CORRECTION", "WEIGHT_AND_DIMENSIONS_CHANGE": "FEE_CORRECTION",
    "MULTICHANNEL_ORDER_LATE": "MCF",
}  # fmt: skip
COLUMNS = (
    "reported", "settled", "matched", "in_transit", "not_yet_posted", "before_settlements", "not_held", "unexplained_reported", "carried_in",
    "not_yet_reported", "unexplained_settled",
)  # fmt: skip


def month(day: date) -> date:
    return day.replace(day=1)


def sums(rows: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], Decimal]:
    """Sums of the last value of each row, grouped by the other values, without zeros."""
    found: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for *key, amount in rows:
        found[tuple(key)] += amount
    return {key: amount for key, amount in found.items() if amount}


def lines(simulated: Simulated) -> Iterator[tuple[str, Seller, ReimbursementTruth]]:
    """Every reimbursement that the reports could have shown, by account."""
    for account, seller in simulated.world.sellers.items():
        for line in seller.truth(simulated.known_at).reimbursements:
            yield account, seller, line


def never(simulated: Simulated) -> Iterator[tuple[str, Seller, ReimbursementTruth]]:
    """Those that the reports show only later."""
    for account, seller in simulated.world.sellers.items():
        known = {id(line) for line in seller.truth(simulated.known_at).reimbursements}
        later = seller.truth(simulated.known_at + timedelta(days=3650)).reimbursements
        yield from ((account, seller, line) for line in later if id(line) not in known)


def held(simulated: Simulated, seller: Seller, line: ReimbursementTruth) -> list[SettlementInfo]:
    """The settlements in a line's currency that had been made by then."""
    return [s for s in seller.settlements(simulated.known_at) if s.currency == line.currency_code]


def is_settled(simulated: Simulated, seller: Seller, line: ReimbursementTruth) -> bool:
    """Whether one of them pays it."""
    at = line.posted_at
    return at is not None and any(s.start <= at < s.end for s in held(simulated, seller, line))


def unsettled(simulated: Simulated, seller: Seller, line: ReimbursementTruth) -> tuple[str, ...]:
    """State of a line that no settlement pays: posted before the first, after the last, or in a missing one in between."""
    settlements = held(simulated, seller, line)
    if line.posted_at is None or line.posted_at >= max(s.end for s in settlements):
        return "in_transit", "not_yet_posted"
    return ("before_settlements",) if line.posted_at < min(s.start for s in settlements) else ("not_held",)


def test_cash_and_units_of_each_month_currency_and_reason_are_those_that_were_paid(simulated: Simulated) -> None:
    expected: dict[str, list[tuple[Any, ...]]] = {"gross_cash_amount": [], "reversed_cash_amount": [], "cash_units": [], "inventory_units": []}
    reasons = {(account, line.reimbursement_id): line.reason for account, _, line in lines(simulated)}
    for account, _, line in lines(simulated):
        reason = reasons[account, line.original_reimbursement_id] if line.original_reimbursement_id else line.reason
        key = account, line.currency_code, month(line.approval_at.date()), CATEGORIES[reason], line.sku
        expected["reversed_cash_amount" if line.is_reversal else "gross_cash_amount"].append((*key, line.cash))
        expected["cash_units"].append((*key, Decimal(line.cash_units)))
        expected["inventory_units"].append((*key, Decimal(line.inventory_units)))
    for column, rows in expected.items():
        found = simulated.warehouse.query(
            f"select account_id, currency_code, month, attributed_reason_category, seller_sku, {column}::decimal(18, 4) "
            "from marts.fct_reimbursements_monthly"
        )
        assert sums(found) == sums(rows)
        assert len(sums(rows)) > 10


def test_cash_of_each_month_is_the_worlds_own_total(simulated: Simulated) -> None:
    found = simulated.warehouse.query("select account_id, currency_code, month, net_cash_amount from marts.fct_reimbursements_monthly")
    truth = simulated.world.truth(simulated.known_at)
    assert sums(found) == sums((account, *key, amount) for account, t in truth.items() for key, amount in t.cash.items())


def test_units_in_kind_are_valued_at_what_they_cost_on_the_day(simulated: Simulated) -> None:
    expected = []
    for account, seller, line in lines(simulated):
        market = next(m for m in seller.profile.markets if m.currency == line.currency_code)
        product = next(p for p in seller._records.products if p.sku == line.sku)
        value = line.inventory_units * product.cost_in(market, line.approval_at.date())
        expected.append((account, line.currency_code, month(line.approval_at.date()), line.sku, value))
    found = simulated.warehouse.query(
        "select account_id, currency_code, month, seller_sku, inventory_value_memo_amount from marts.fct_reimbursements_monthly"
    )
    assert sums(found) == sums(expected)
    # Costs change on 2026-07-01.
    assert {of_month < date(2026, 7, 1) for _, _, of_month, _ in sums(expected)} == {True, False}


def test_lines_are_posted_when_the_settlement_paid_them(simulated: Simulated) -> None:
    found = simulated.warehouse.query(
        "select account_id, currency_code, asin, settlement_posted_date, cash_amount from marts.fct_reimbursements where cash_amount <> 0"
    )
    asins = {(account, p.sku): p.asin for account, seller in simulated.world.sellers.items() for p in seller._records.products}
    assert sums(found) == sums(
        (a, line.currency_code, asins[a, line.sku], line.posted_at.date() if line.posted_at and is_settled(simulated, s, line) else None, line.cash)
        for a, s, line in lines(simulated)
    )
    bases = simulated.warehouse.query("select distinct settlement_match_basis from marts.fct_reimbursements where settlement_match_basis is not null")
    assert {b for (b,) in bases} >= {"ORDER", "SKU"}


def test_reconciliation_tells_where_every_cent_is(simulated: Simulated) -> None:
    expected: dict[str, list[tuple[Any, ...]]] = {c: [] for c in COLUMNS}
    for account, seller, line in lines(simulated):
        approved = account, line.currency_code, month(line.approval_at.date()), line.cash
        expected["reported"].append(approved)
        if not line.posted_at or not is_settled(simulated, seller, line):
            for column in unsettled(simulated, seller, line):
                expected[column].append(approved)
            continue
        posted = account, line.currency_code, month(line.posted_at.date()), line.cash
        expected["settled"].append(posted)
        if posted == approved:
            expected["matched"].append(posted)
        else:
            expected["in_transit"].append(approved)
            expected["carried_in"].append(posted)
    for account, seller, line in never(simulated):
        if line.posted_at and is_settled(simulated, seller, line):
            for column in ("settled", "not_yet_reported"):
                expected[column].append((account, line.currency_code, month(line.posted_at.date()), line.cash))
    for column in COLUMNS:
        name = f"{column}_cash_amount" if column in ("reported", "settled") else f"{column}_amount"
        found = simulated.warehouse.query(f"select account_id, currency_code, month, {name} from marts.fct_settlement_reconciliation")
        assert sums(found) == sums(expected[column]), column
    assert all(expected[c] for c in ("matched", "in_transit", "not_yet_posted", "before_settlements", "carried_in"))


def test_settled_months_are_those_of_the_worlds_settlements(simulated: Simulated) -> None:
    rows = [
        (account, info.currency, month(row.values["posted-date"]), row.values["amount"])
        for account, seller in simulated.world.sellers.items()
        for info in seller.settlements(simulated.known_at)
        for row in seller.settlement_rows(info.settlement_id)
        if row.values.get("amount-type") == "FBA Inventory Reimbursement"
    ]
    found = simulated.warehouse.query("select account_id, currency_code, month, settled_cash_amount from marts.fct_settlement_reconciliation")
    assert sums(found) == sums(rows)


@pytest.fixture(scope="module")
def in_dollars(simulated: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The same reimbursements, also shown in US dollars."""
    home = Home(tmp_path_factory.mktemp("in-dollars"))
    shutil.copy(simulated.warehouse.home.warehouse, home.warehouse)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELLER_WAREHOUSE_REPORTING_CURRENCY", "usd")
        build_marts(home, as_of=simulated.known_at.date(), select="fct_reimbursements fct_reimbursements_monthly")
    return Warehouse(home)


def dollars(converter: CurrencyConverter, currency: str, day: date, amount: Decimal) -> Decimal | None:
    """The result of currencyconverter itself; None more than a week after its last rate."""
    last = converter.bounds[currency].last_date
    if currency != "USD" and day > last + timedelta(days=7):
        return None
    return Decimal(converter.convert(amount, currency, "USD", min(day, last))).quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_lines_in_the_reporting_currency_are_those_that_currencyconverter_works_out(in_dollars: Warehouse) -> None:
    converter = CurrencyConverter(decimal=True, fallback_on_missing_rate=True, fallback_on_missing_rate_method="last_known")
    found = in_dollars.query("select currency_code, accounting_date, cash_amount, cash_amount_reporting from marts.fct_reimbursements")
    assert [row for row in found if row[3] != dollars(converter, *row[:3])] == []
    assert {c for c, *_ in found} == {"USD", "CAD", "MXN", "EUR", "GBP", "INR", "JPY"}
    assert any(day.isoweekday() > 5 and currency != "USD" for currency, day, *_ in found)


def test_months_in_the_reporting_currency_add_up_their_lines_or_are_unknown(in_dollars: Warehouse) -> None:
    by = "account_id, date_trunc('month', accounting_date)::date, currency_code, attributed_reason_category, seller_sku"
    totals: dict[tuple[Any, ...], Decimal | None] = {}
    for *line, amount in in_dollars.query(f"select {by}, cash_amount_reporting from marts.fct_reimbursements"):
        before = totals.setdefault(tuple(line), Decimal(0))
        totals[tuple(line)] = None if before is None or amount is None else before + amount
    key = "account_id, month, currency_code, attributed_reason_category, seller_sku"
    found = in_dollars.query(f"select {key}, net_cash_amount_reporting from marts.fct_reimbursements_monthly")
    assert {tuple(of): amount for *of, amount in found} == totals
    assert in_dollars.query("select distinct reporting_currency_code from marts.fct_reimbursements_monthly") == [("USD",)]


def test_warning_names_the_currency_and_the_days_without_a_rate(in_dollars: Warehouse) -> None:
    last = in_dollars.query("select max(rate_date) from raw.exchange_rates")[0][0]
    aside = in_dollars.query("select \"key\" from meta.set_aside where rule = 'assert_amounts_have_rates'")
    warned = {tuple(json.loads(key).values()) for (key,) in aside}
    without = "select account_id, currency_code, min(accounting_date)::varchar from marts.fct_reimbursements"
    without += f" where currency_code <> 'USD' and accounting_date > date '{last + timedelta(days=7)}' group by all"
    assert warned == set(in_dollars.query(without))
