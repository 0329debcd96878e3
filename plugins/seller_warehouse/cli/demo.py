"""``make demo``: 18 months of three simulated sellers, from the sandbox of Amazon's API to published marts, then one daily run.

The sandbox's clock jumps to the next moment that somebody waits for; Amazon's quotas and pauses hold in simulated time. So the demo takes only as
long as the work, and prints the same figures each time. After an interruption it continues from what has landed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import httpx

from sandbox.server import CLIENT_ID, CLIENT_SECRET
from sandbox.world import World
from seller_warehouse.amazon.client import connection_id
from seller_warehouse.cli.airflow_processes import Api, connected_airflow, running_airflow
from seller_warehouse.cli.airflow_run import Airflow, Drive, backfill, run_dags, with_airflow
from seller_warehouse.cli.console import LOADED, NOT_PUBLISHED, QUARANTINED, Progress, interrupt_on_signals, worst
from seller_warehouse.core.accounts import Account, load_accounts
from seller_warehouse.core.clock import clock_from_environment
from seller_warehouse.core.home import DEMO_ACCOUNTS, REPOSITORY, Home, shown
from seller_warehouse.core.ports import DASHBOARD, DEFAULTS
from seller_warehouse.core.simulated_clock import SandboxClock
from seller_warehouse.ingest.landing import landed_documents

SEED, WORLD_START, WORLD_END = 1, date(2025, 4, 1), date(2027, 6, 1)
FIRST_DAY = datetime(2026, 11, 9, 10, tzinfo=UTC)
"""Start of the backfill."""
DAILY_RUN = datetime(2026, 11, 20, 6, tzinfo=UTC)
"""Start of the daily run, on the day for which the marts are built."""
SANDBOX = ["--profile", "demo", "--seed", f"{SEED}", "--start", f"{WORLD_START}", "--until", f"{WORLD_END}"]
PAUSE_HOURS = 72
"""One round for the whole history: pauses take no real time here."""
START_SECONDS = 120
SAVED_BEFORE = timedelta(minutes=5)
"""Age of the seller's files in the inbox when the daily run begins, so that they count as settled."""

SUMMARY = {
    "Documents by verdict, of every run (meta.loads)": """
        select account_id, source, verdict, count(*) as documents, sum(row_count) as "rows" from sw.meta.loads group by all order by all
    """,
    "How far the data goes (meta.freshness)": """
        select account_id, report, first_date, data_through_date, reaches_back, missing_days, is_complete from sw.meta.freshness order by all
    """,
    "Units by status today (fct_defect_status_daily)": """
        select account_id, event_type, defect_type, coalesce(sum(units) filter (defect_status = 'ELIGIBLE_FOR_CLAIM'), 0) as eligible,
            coalesce(sum(units) filter (defect_status = 'IN_PROGRESS'), 0) as in_progress,
            coalesce(sum(units) filter (defect_status = 'RESOLVED'), 0) as resolved
        from sw.marts.fct_defect_status_daily where status_date = (select as_of_date from sw.meta.publication) group by all order by all
    """,
    "Claims to file first (claims_to_file)": """
        select account_id, claim_deadline_date, defect_type, coalesce(amazon_order_id, transaction_id) as reference, eligible_units as units,
            estimated_recovery_amount as worth, currency_code
        from sw.marts.claims_to_file order by claim_deadline_date, account_id, claim_rank limit 8
    """,
    "Cash reimbursed, net of reversals, by month (fct_reimbursements_monthly)": """
        select account_id, currency_code, month, sum(gross_cash_amount) as gross, sum(reversed_cash_amount) as reversed,
            sum(net_cash_amount) as net, sum(inventory_units) as replaced_units
        from sw.marts.fct_reimbursements_monthly group by all order by all desc limit 16
    """,
    "Order defect rate today, where there are orders (fct_order_defect_rate_daily)": """
        select account_id, marketplace_id, fulfillment_channel, order_count, defective_order_count, order_defect_rate, rate_status,
            defects_until_target, amazon_rate
        from sw.marts.fct_order_defect_rate_daily
        where order_count > 0 and report_date = (select as_of_date from sw.meta.publication) order by all
    """,
    "What Amazon changed after it was first seen (fct_restatements)": """
        select account_id, report, count(*) as changes, sum(rows_added) as rows_added, sum(rows_removed) as rows_removed
        from sw.marts.fct_restatements group by all order by all
    """,
}
"""Title and query of each table of the summary, over the published file attached as ``sw``."""


@contextmanager
def sandbox(home: Home) -> Iterator[Path]:
    """Run the sandbox of Amazon's API as a separate process; yields its folder.

    Raises RuntimeError if it does not start.
    """
    folder = home.sandbox
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "url").unlink(missing_ok=True)
    # Amazon's clock never goes back, so an interrupted demo continues after the newest landed document.
    newest = max((d.retrieved_at for d in landed_documents(home) if d.source == "sp_api"), default=FIRST_DAY - timedelta(minutes=1))
    command = [sys.executable, "-m", "sandbox", "--home", str(folder), "--with-parent", *SANDBOX]
    command += ["--shows", (newest + timedelta(minutes=1)).isoformat()]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "plugins")}
    with (folder / "sandbox.log").open("ab") as log, subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process:
        try:
            until = time.monotonic() + START_SECONDS
            while not (folder / "url").exists():
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"the sandbox did not start; read {shown(folder / 'sandbox.log')}")
                time.sleep(0.1)
            yield folder
        finally:
            process.terminate()


def connections(accounts: dict[str, Account], folder: Path) -> dict[str, dict[str, Any]]:
    """The Airflow connections of the sandbox by name; only their addresses differ from real ones."""
    url = (folder / "url").read_text()
    extra = {"endpoint": url, "token_url": f"{url}/auth/o2/token", "verify": str(folder / "cert.pem")}
    application = {"conn_type": "generic", "login": CLIENT_ID, "password": CLIENT_SECRET}
    return {connection_id(a): {**application, "extra": {**extra, "refresh_token": f"Atzr|sandbox-{a.id}"}} for a in accounts.values()}


def drop_files(home: Home, at: datetime) -> int:
    """Put the files that only the seller has into the inbox: order defects, sourcing costs, claims. Returns the number of files."""
    sellers = World("demo", seed=SEED, start=WORLD_START, end=WORLD_END).sellers
    for seller_id, seller in sellers.items():
        files = {"order defects": seller.order_defects_csv(at), "sourcing costs": seller.sourcing_costs_csv(at), "claims": seller.claims_csv(at)}
        for name, content in files.items():
            path = home.inbox / seller_id / f"{name} {at:%Y-%m-%d}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            saved_at = (at - SAVED_BEFORE).timestamp()
            os.utime(path, (saved_at, saved_at))
    return 3 * len(sellers)


def whole_demo(home: Home, account: str | None, months: int) -> Drive:
    """The backfill of one account or all, then a daily run on the next simulated day."""

    def drive(api: Api, accounts: dict[str, Account], print_progress: Progress) -> int:
        clock = clock_from_environment()
        assert isinstance(clock, SandboxClock)
        began = clock.now()
        code = backfill(home, account, months, PAUSE_HOURS, with_recent=True)(api, accounts, print_progress)
        if code == NOT_PUBLISHED:
            return code
        print_progress(
            f"the backfill took {timedelta(hours=round((clock.now() - began).total_seconds() / 3600))} of Amazon's time, most of it pauses"
        )
        day = max(DAILY_RUN, (clock.now() + timedelta(days=1)).replace(hour=6, minute=0, second=0, microsecond=0))
        clock.set(day)
        print_progress(f"the backfill is done; it is now {day:%Y-%m-%d %H:%M} UTC at Amazon, time for the daily run")
        print_progress(f"{drop_files(home, day)} files that only the seller has are in the inbox")
        daily, _ = run_dags(api, home, ["collect_inbox", "land_reports"], {"account": account}, print_progress)
        return worst(code, daily)

    return drive


def print_summary(home: Home, counts: dict[str, Any], minutes: float) -> None:
    """Print the calls that the sandbox answered, and figures from the marts of the last publication."""
    sellers = {seller: calls for seller, calls in counts.items() if seller.startswith("demo-")}
    print("\nCalls that the sandbox answered")
    for seller, calls in sellers.items():
        print(f"  {seller}: " + ", ".join(f"{sum(c.values())} {name}" for name, c in calls.items()))
    throttled = sum(n for calls in sellers.values() for c in calls.values() for outcome, n in c.items() if outcome.startswith("throttled"))
    print(f"  refused for a quota: {throttled}; asked again within a pause: {sum(map(len, counts['cooldown_violations'].values()))}")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.marts.resolve()}' as sw (read_only)")
        for title, query in SUMMARY.items():
            print(f"\n{title}")
            connection.sql(query).show(max_rows=60, max_width=180)
    print(f"\nDone in {minutes:.1f} minutes. Look further: make up, then http://127.0.0.1:{DEFAULTS[DASHBOARD]} in a browser")
    print(f"or open {shown(home.alias)} with any DuckDB and ask: select * from marts.claims_to_file")


def main(arguments: list[str] | None = None) -> int:
    """Start the sandbox, run the passes, print the summary; returns the exit code of the passes."""
    parser = argparse.ArgumentParser(prog="python -m seller_warehouse.cli.demo", description=__doc__)
    parser.add_argument("--months", type=int, default=18, choices=range(1, 19), metavar="1-18", help="how much history")
    parser.add_argument("--account", help="only this account")
    parser.add_argument("--airflow", metavar="URL", help="an Airflow that already runs on this home, with the clock of --sandbox")
    parser.add_argument("--sandbox", type=Path, metavar="DIR", help="the folder of a sandbox that already runs")
    chosen = parser.parse_args(arguments)
    home, started = Home.from_environment(), time.monotonic()
    home.root.mkdir(parents=True, exist_ok=True)
    interrupt_on_signals()
    os.environ["SELLER_WAREHOUSE_ACCOUNTS"] = str(DEMO_ACCOUNTS)
    with nullcontext(chosen.sandbox) if chosen.sandbox else sandbox(home) as folder:
        os.environ["SELLER_WAREHOUSE_CLOCK"] = str(folder / "clock.json")
        known = connections(load_accounts(DEMO_ACCOUNTS), folder)
        if chosen.airflow:
            airflow: Airflow = partial(connected_airflow, url=chosen.airflow, connections=known)
        else:
            os.environ |= {f"AIRFLOW_CONN_{name.upper()}": json.dumps(connection) for name, connection in known.items()}
            airflow = running_airflow
        code = with_airflow(home, DEMO_ACCOUNTS, whole_demo(home, chosen.account, chosen.months), airflow)
        counts = httpx.get(f"{(folder / 'url').read_text()}/sandbox/counts", verify=str(folder / "cert.pem")).json()
    if code in (LOADED, QUARANTINED):
        print_summary(home, counts, (time.monotonic() - started) / 60)
    return code


if __name__ == "__main__":
    sys.exit(main())
