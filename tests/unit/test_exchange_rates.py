"""Exchange rates are those of the European Central Bank's file, digit by digit."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date
from decimal import Decimal

import pytest
from currency_converter import CURRENCY_FILE

from seller_warehouse.marts.exchange_rates import RatesUnreadable, store_rates
from tests.support import Warehouse


def dropped(warehouse: Warehouse, content: str) -> None:
    warehouse.home.root.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(warehouse.home.exchange_rates, "w") as archive:
        archive.writestr("eurofxref-hist.csv", content)


def held(warehouse: Warehouse) -> list[tuple]:
    return warehouse.query("select * from raw.exchange_rates order by all")


def test_every_rate_of_the_bundled_file_is_held_to_the_last_digit(warehouse: Warehouse) -> None:
    with zipfile.ZipFile(CURRENCY_FILE) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("eurofxref-hist.csv").decode())))
    expected = [
        (date.fromisoformat(row["Date"]), currency, Decimal(units))
        for row in rows
        for currency, units in row.items()
        if currency not in ("Date", "", None) and units != "N/A"
    ]
    store_rates(warehouse.home)
    assert held(warehouse) == sorted(expected)
    types = warehouse.query("select data_type from duckdb_columns() where (schema_name, table_name) = ('raw', 'exchange_rates')")
    assert types == [("DATE",), ("VARCHAR",), ("DECIMAL(18,8)",)]


def test_dropped_file_takes_the_place_of_the_bundled_one_until_it_is_removed(warehouse: Warehouse) -> None:
    dropped(warehouse, "Date, USD, GBP, \n2026-11-19, 1.1234, N/A, \n2026-11-18, 1.1, 0.85, \n")
    for _ in range(2):
        store_rates(warehouse.home)
        assert held(warehouse) == [
            (date(2026, 11, 18), "GBP", Decimal("0.85")), (date(2026, 11, 18), "USD", Decimal("1.1")), (date(2026, 11, 19), "USD", Decimal("1.1234")),
        ]  # fmt: skip
    warehouse.home.exchange_rates.unlink()
    store_rates(warehouse.home)
    assert len(held(warehouse)) > 200_000


@pytest.mark.parametrize(
    "content", ["no zip", "Date;USD\n2026-11-19;1.1\n", "Date,USD\n2026-11-19,1.1,0.8\n", "Date,USD\n19.11.2026,1.1\n", "Date,USD\n2026-11-19,-\n"]
)
def test_file_that_is_another_is_refused_and_the_rates_stay(warehouse: Warehouse, content: str) -> None:
    store_rates(warehouse.home)
    before = held(warehouse)
    if content == "no zip":
        warehouse.home.exchange_rates.write_text(content)
    else:
        dropped(warehouse, content)
    with pytest.raises(RatesUnreadable, match=r"eurofxref-hist.zip .*drop the original file there"):
        store_rates(warehouse.home)
    assert held(warehouse) == before
