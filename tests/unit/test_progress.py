"""Requests of ``make run`` to Airflow at moments that a real one cannot reproduce: a server answers as Airflow would."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from seller_warehouse.amazon.planner import Window
from seller_warehouse.amazon.report_queue import ReportQueue
from seller_warehouse.cli.airflow_processes import Api
from seller_warehouse.cli.console import Progress
from seller_warehouse.cli.progress import DONE, landing_lines, wait_until_published
from seller_warehouse.core.home import Home


@contextmanager
def airflow(answer: Callable[[str], tuple[int, dict[str, Any]]]) -> Iterator[Api]:
    """An API whose answers are code and JSON to a path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, body = answer(self.path)
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Api(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_an_answer_that_fails_to_come_is_asked_for_again_and_a_refusal_is_not() -> None:
    codes = iter([503, 200, 404])
    with airflow(lambda _: (next(codes), {"state": "running"})) as api:
        assert api.get("/") == {"state": "running"}
        with pytest.raises(httpx.HTTPStatusError, match="404"):
            api.get("/")
    assert list(codes) == []


def test_a_build_that_a_killed_run_left_to_this_scheduler_is_followed_though_nothing_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The killed run had loaded; its build published before this run's ``load_documents`` found nothing left to do."""
    over = False

    def answer(path: str) -> tuple[int, dict[str, Any]]:
        builds = {"yesterday": "success", "left": "success" if over else "running"}
        if path.endswith("/taskInstances?limit=100&offset=0&order_by=map_index"):
            return 200, {"task_instances": [{"task_id": "publish_marts", "state": "success", "map_index": -1}]}
        if path.startswith("/api/v2/dags/build_marts/dagRuns?"):
            asked = [s for s in DONE if f"state={s}" in path] or builds.values()
            return 200, {"dag_runs": [{"dag_run_id": name} for name, state in builds.items() if state in asked]}
        return 200, {"state": builds[path.rsplit("/", 1)[1]]}

    with airflow(answer) as api:
        earlier = api.run_ids("build_marts", *DONE)
        over = True
        assert wait_until_published(api, Home(tmp_path), earlier, [{"load_documents": "skipped"}], Progress())
    assert earlier == {"yesterday"}
    assert capsys.readouterr().out.count("build_marts.publish_marts: success") == 1


def test_progress_names_each_report_that_is_not_over_where_accounts_are_few() -> None:
    window = Window(marketplace_id="")

    def queue(account_id: str, report: str, planned: int, left: int) -> ReportQueue:
        return ReportQueue(
            run_id="one", account_id=account_id, report=report, planned=planned, todo=[window] * left, landed=planned - left, requests=1, rows=600
        )

    queues = [queue("a", "orders", 19, 12), queue("a", "listings", 1, 0), queue("b", "reimbursements", 4, 2)]
    plan = [{"account_id": "a", "reports": 2, "windows": 20, "of": 25}, {"account_id": "b", "reports": 1, "windows": 4, "of": 4}]
    # Two windows of reimbursements wait for two pauses of four hours each, the one before the first and the one between them.
    total = "land_reports: 10 of 24 windows, 5 in later rounds; 3 requests, 1,800 rows, Amazon's pauses leave 8:00:00 at least"
    assert landing_lines("land_reports", plan, queues) == [total, "land_reports: a: orders 7 of 19", "land_reports: b: reimbursements 2 of 4"]
    many = [{"account_id": f"{n}", "reports": 1, "windows": 1, "of": 1} for n in range(6)]
    assert len(landing_lines("land_reports", many, queues)) == 1
