"""The baseline: plain DuckDB reads each report into one table of text in a database file.

It imports only DuckDB; the pipeline's imports are part of the pipeline's cost.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

QUOTING = {"inventory_ledger": "quote='\"', escape='\"'", "reimbursements": "quote='', escape=''"}
"""DuckDB's options to read each report."""


def read_files(folder: Path) -> None:
    """Read ``files/<report>/`` into the tables of ``plain.duckdb``."""
    with duckdb.connect(str(folder / "plain.duckdb")) as connection:
        for report, quoting in QUOTING.items():
            pattern = f"{folder}/files/{report}/*.txt".replace("'", "''")
            connection.execute(f"create table {report} as select * from read_csv('{pattern}', delim='\t', header=true, all_varchar=true, {quoting})")


if __name__ == "__main__":
    read_files(Path(sys.argv[1]))
