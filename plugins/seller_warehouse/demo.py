"""``make demo``: the files of two demo accounts, from the inbox to published marts, and what came out."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import duckdb
import yaml

from seller_warehouse.paths import REPOSITORY, Home, shown
from seller_warehouse.run import LOADED, QUARANTINED, one_pass, stop_when_ended

DEMO = REPOSITORY / "demo"

SUMMARY = {
    "Documents by verdict, of every run": """
        select account_id, verdict, count(*) as documents, sum(row_count) as "rows" from sw.meta.loads group by all order by all
    """,
    "Cash reimbursed, net of reversals, by month (fct_reimbursements_monthly)": """
        select account_id, month, currency_code, sum(gross_cash_amount) as gross, sum(reversed_cash_amount) as reversed,
            sum(net_cash_amount) as net, sum(inventory_units) as replaced_units
        from sw.marts.fct_reimbursements_monthly group by all order by all
    """,
    "Orders by channel (fct_orders)": """
        select account_id, fulfillment_channel, count(*) as orders, sum(item_units) as units, count(*) filter (is_multi_channel) as multi_channel,
            count(*) filter (is_replacement) as replacements
        from sw.marts.fct_orders group by all order by all
    """,
    "What Amazon changed afterwards (fct_restatements)": """
        select account_id, report, event_date, rows_added, rows_removed, units_change, cash_amount_change, currency_code
        from sw.marts.fct_restatements order by all
    """,
}
"""Title and query of each table of the summary, over the published file attached as ``sw``."""


def fill_inbox(home: Home) -> int:
    """Copy the demo files into the inbox, dated as they were retrieved; returns how many."""
    retrieved = yaml.safe_load((DEMO / "retrieved_at.yaml").read_text(encoding="utf-8"))
    for name, at in retrieved.items():
        target = home.inbox / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(DEMO / "inbox" / name, part)
        os.utime(part, (at.timestamp(), at.timestamp()))
        part.replace(target)
    return len(retrieved)


def print_summary(marts: Path) -> None:
    """The figures of the last publication, straight from the marts."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{marts.resolve()}' as sw (read_only)")
        for title, query in SUMMARY.items():
            print(f"\n{title}")
            connection.sql(query).show(max_rows=60, max_width=140)


def main() -> int:
    """Fill the inbox, run one pass, print what was published; returns the exit code of the pass."""
    home = Home.from_environment()
    os.environ.setdefault("SELLER_WAREHOUSE_ACCOUNTS", str(DEMO / "accounts.yaml"))
    print(f"{fill_inbox(home)} demo files are in {shown(home.inbox)}", flush=True)
    stop_when_ended()
    code = one_pass(home, Path(os.environ["SELLER_WAREHOUSE_ACCOUNTS"]))
    if code in (LOADED, QUARANTINED):
        print_summary(home.marts)
        print(f"\nLook further: open {shown(home.alias)} with any DuckDB and ask: select * from marts.fct_reimbursements")
    return code


if __name__ == "__main__":
    sys.exit(main())
