"""The models' amounts equal exact arithmetic for every amount and rate, and never overflow."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import duckdb
import jinja2
import pycountry
import pytest
from babel.numbers import get_currency_precision
from hypothesis import given, settings
from hypothesis import strategies as st

from seller_warehouse.core.home import DBT_PROJECT

MACROS = "\n".join((DBT_PROJECT / "macros" / f"{name}.sql").read_text(encoding="utf-8") for name in ("converted_amount", "units"))
LARGEST = Decimal("99999999999999.9999")
AMOUNTS = st.decimals(-LARGEST, LARGEST, places=4)
RATES = st.decimals(Decimal("0.00000001"), Decimal(100_000), places=8)
UNITS = st.integers(1, 999_999_999)


def macro(name: str, *arguments: str) -> str:
    """The SQL that a macro makes in DuckDB."""
    module = jinja2.Environment().from_string(MACROS).make_module({"adapter": None})
    return str(getattr(module, f"duckdb__{name}")(*arguments))


def made_of(sql: str, columns: dict[str, str], rows: Sequence[Sequence[object]]) -> list[object]:
    """The result of SQL for each row of typed values."""
    written = ", ".join(str((number, *map(str, row))) for number, row in enumerate(rows))
    typed = ", ".join(f"cast({name} as {of_type}) as {name}" for name, of_type in columns.items())
    query = f"select {sql} from (select place, {typed} from (values {written}) as given(place, {', '.join(columns)})) order by place"
    return [found for (found,) in duckdb.execute(query).fetchall()]


def rounded(value: Fraction, digits: int) -> Decimal:
    """To so many digits, half a unit away from zero; exactly."""
    units = abs(value) * 10**digits
    whole = (2 * units.numerator + units.denominator) // (2 * units.denominator)
    return (Decimal(whole) if value >= 0 else -Decimal(whole)).scaleb(-digits)


CONVERTED = macro("converted_amount", "amount", "from_rate", "to_rate", "minor_units")
CONVERTED_TYPES = {"amount": "decimal(18, 4)", "from_rate": "decimal(18, 8)", "to_rate": "decimal(18, 8)", "minor_units": "integer"}


@settings(max_examples=20, deadline=None)
@given(rows=st.lists(st.tuples(AMOUNTS, RATES, RATES, st.sampled_from([0, 2, 3, 4])), min_size=1, max_size=50))
def test_any_amount_is_converted_at_any_rate_to_the_minor_unit_or_is_null_where_no_amount_holds_it(
    rows: list[tuple[Decimal, Decimal, Decimal, int]],
) -> None:
    exact = [rounded(Fraction(amount) * Fraction(to_rate) / Fraction(from_rate), digits) for amount, from_rate, to_rate, digits in rows]
    assert made_of(CONVERTED, CONVERTED_TYPES, rows) == [e if abs(e) <= LARGEST else None for e in exact]


@pytest.mark.parametrize(
    ("amount", "currency", "rate", "reporting", "reporting_rate", "expected"),
    [
        ("1234", "JPY", "160", "EUR", "1", "7.71"),
        ("12.50", "EUR", "1", "JPY", "160.36", "2005"),
        ("100000", "INR", "98.5", "KRW", "1650", "1675127"),
        ("100", "EUR", "1", "HUF", "392.15", "39215"),
        ("100", "EUR", "1", "CLP", "1085.5", "108550"),
        ("250", "TRY", "48.75", "USD", "1.12", "5.74"),
        ("999999999", "VND", "30450", "EUR", "1", "32840.72"),
        ("10", "EUR", "1", "KWD", "0.35555", "3.556"),
        ("-10", "EUR", "1", "KWD", "0.35555", "-3.556"),
        ("1", "EUR", "1", "VND", "99999.5", "100000"),
    ],
)
def test_amounts_of_currencies_without_hundredths_or_with_large_rates(
    amount: str, currency: str, rate: str, reporting: str, reporting_rate: str, expected: str
) -> None:
    """By hand: 1234 / 160 = 7.7125; 100,000 / 98.5 * 1,650 = 1,675,126.9; 250 / 48.75 * 1.12 = 5.7436; 999,999,999 / 30,450 = 32,840.7225."""
    digits = minor_units().get(reporting, 2)
    assert made_of(CONVERTED, CONVERTED_TYPES, [(amount, rate, reporting_rate, digits)]) == [Decimal(expected)]
    assert pycountry.currencies.get(alpha_3=currency)


SHARE = macro("amount_of_units", "amount", "first_unit", "last_unit", "all_units")
SHARE_TYPES = {"amount": "decimal(18, 4)", "first_unit": "integer", "last_unit": "integer", "all_units": "integer"}


@settings(max_examples=20, deadline=None)
@given(amounts=st.lists(AMOUNTS, min_size=1, max_size=30), units=UNITS, data=st.data())
def test_the_shares_of_all_units_add_up_to_any_amount(amounts: list[Decimal], units: int, data: st.DataObject) -> None:
    border = data.draw(st.integers(0, units))
    first = made_of(SHARE, SHARE_TYPES, [(amount, 0, border, units) for amount in amounts])
    rest = made_of(SHARE, SHARE_TYPES, [(amount, border, units, units) for amount in amounts])
    assert [Fraction(str(a)) + Fraction(str(b)) for a, b in zip(first, rest, strict=True)] == [Fraction(a) for a in amounts]


TIMES = macro("amount_times", "amount", "factor")


@settings(max_examples=20, deadline=None)
@given(rows=st.lists(st.tuples(AMOUNTS, st.integers(-999_999_999, 999_999_999)), min_size=1, max_size=50))
def test_an_amount_times_units_is_exact_or_null(rows: list[tuple[Decimal, int]]) -> None:
    exact = [Fraction(amount) * factor for amount, factor in rows]
    found = made_of(TIMES, {"amount": "decimal(18, 4)", "factor": "integer"}, rows)
    assert [None if f is None else Fraction(str(f)) for f in found] == [e if abs(e) <= LARGEST else None for e in exact]


PAID = macro("units_paid_in_full", "amount", "price", "units", "90")
POSITIVE = st.decimals(Decimal("0.0001"), LARGEST, places=4)


@settings(max_examples=20, deadline=None)
@given(rows=st.lists(st.tuples(POSITIVE, POSITIVE, UNITS), min_size=1, max_size=50))
def test_units_paid_in_full_are_exact_and_at_most_what_a_whole_number_holds(rows: list[tuple[Decimal, Decimal, int]]) -> None:
    """A unit counts as paid from 90 % of its price on; the price is that of all units."""
    exact = [(Fraction(amount) * units * 100 + Fraction(price) * 10) // (Fraction(price) * 100) for amount, price, units in rows]
    types = {"amount": "decimal(18, 4)", "price": "decimal(18, 4)", "units": "integer"}
    assert made_of(PAID, types, rows) == [min(e, 2_147_483_647) for e in exact]


def minor_units() -> dict[str, int]:
    with (DBT_PROJECT / "seeds" / "currency_minor_units.csv").open(encoding="utf-8", newline="") as stream:
        return {row["currency_code"]: int(row["minor_units"]) for row in csv.DictReader(stream)}


def test_minor_units_are_those_of_iso_4217() -> None:
    """CLDR, which Babel holds, follows what people use instead where its digits are fewer: 0 where ISO says 2 or 3."""
    seed, codes = minor_units(), {c.alpha_3 for c in pycountry.currencies}
    assert seed.keys() <= codes
    differing = {c: (seed.get(c, 2), get_currency_precision(c)) for c in codes if seed.get(c, 2) != get_currency_precision(c)}
    assert all(cldr == 0 and iso in (2, 3) for iso, cldr in differing.values()), differing


def test_rounding_is_half_away_from_zero() -> None:
    assert rounded(Fraction("0.125"), 2) == Decimal("0.125").quantize(Decimal("0.01"), ROUND_HALF_UP)
