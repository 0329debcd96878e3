"""As many accounts as an agency may have: planned in one task, and landed by one task per account."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from seller_warehouse.cli.airflow_processes import environment
from seller_warehouse.core.home import REPOSITORY, Home

MANY = 2000
"""Number of accounts, about twice as many as Airflow maps over by default."""
MAPPED = """
import sys; sys.path.insert(0, 'dags')
from airflow.models import TaskInstance
from airflow.sdk.definitions import dag
from airflow.utils.session import create_session
from sqlalchemy import func, select
import land_reports

class Enough(BaseException):
    pass

run_task = dag._run_task
def until_landing(*, ti, **rest):
    if ti.task_id == 'reports.land_account':
        raise Enough
    return run_task(ti=ti, **rest)

dag._run_task = until_landing
try:
    land_reports.land_reports().test()
except Enough:
    pass
with create_session() as session:
    of = select(func.count(), func.max(TaskInstance.map_index)).where(TaskInstance.task_id == 'reports.land_account')
    print(*session.execute(of).one())
"""


def test_airflow_maps_one_task_over_each_of_2000_accounts(tmp_path: Path) -> None:
    accounts = [
        {"id": f"seller-{n:04}", "name": f"Seller {n}", "region": "na", "marketplaces": ["ATVPDKIKX0DER"], "source": "sp_api"} for n in range(MANY)
    ]
    (tmp_path / "accounts.yaml").write_text(json.dumps(accounts))
    home = Home(tmp_path / "home")
    home.airflow.mkdir(parents=True)
    env = environment(home, 8080) | {"SELLER_WAREHOUSE_ACCOUNTS": str(tmp_path / "accounts.yaml")}
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=env, check=True, capture_output=True)
    done = subprocess.run([sys.executable, "-c", MAPPED], cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == [f"{MANY} {MANY - 1}"], done.stdout[-3000:] + done.stderr[-3000:]
