"""The DAGs are there, read well, and say what to do when they fail."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seller_warehouse.airflow_processes import environment
from seller_warehouse.paths import REPOSITORY, Home

CLOCK_CALLS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.monotonic"}
DAGS = sorted((REPOSITORY / "dags").glob("*.py"))
MODULES = sorted((REPOSITORY / "plugins" / "seller_warehouse").rglob("*.py"))
KNOW_AIRFLOW = {"operators", "airflow_settings"}
"""What runs inside Airflow."""
TELL_TIME = {"clock", "__main__", "console", "follow", "airflow_processes", "demo", "up", "operators"}
"""The clock itself, and what shows progress or waits for processes."""


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = Home(tmp_path_factory.mktemp("home"))
    home.airflow.mkdir(parents=True)
    env = environment(home, 8080)
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=env, check=True, capture_output=True)
    return env


def test_airflow_finds_both_dags_and_no_import_error(airflow_home: dict[str, str]) -> None:
    def airflow(*words: str) -> str:
        done = subprocess.run([sys.executable, "-m", "airflow", *words], env=airflow_home, check=True, capture_output=True, text=True)
        return done.stdout

    airflow("dags", "reserialize")
    assert airflow("dags", "list-import-errors", "-o", "json").strip().endswith(("[]", "No data found"))
    listed = airflow("dags", "list", "-o", "plain")
    assert {line.split()[0] for line in listed.splitlines()[1:] if line} >= {"collect_inbox", "build_marts"}


def test_every_dag_has_a_page_that_says_what_to_do_when_it_fails(monkeypatch: pytest.MonkeyPatch, airflow_home: dict[str, str]) -> None:
    for name, value in airflow_home.items():
        if name.startswith("AIRFLOW"):
            monkeypatch.setenv(name, value)
    script = (
        "import json, sys; sys.path.insert(0, 'dags'); import importlib\n"
        "found = {}\n"
        "for n in sys.argv[1:]:\n"
        "    m = importlib.import_module(n)\n"
        "    d = getattr(m, n)()\n"
        "    tasks = {t.task_id: [t.pool, t.retries, t.trigger_rule.value] for t in d.tasks}\n"
        "    found[n] = [d.doc_md, sorted(d.tags), d.catchup, d.max_active_runs, tasks]\n"
        "print(json.dumps(found))"
    )
    out = subprocess.run(
        [sys.executable, "-c", script, *(p.stem for p in DAGS)],
        cwd=REPOSITORY,
        env=os.environ | airflow_home,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    dags = json.loads(out.splitlines()[-1])
    assert set(dags) == {p.stem for p in DAGS} >= {"collect_inbox", "build_marts"}
    for doc, tags, catchup, active, _ in dags.values():
        assert "**Rerun:**" in doc
        assert "seller-warehouse" in tags
        assert (catchup, active) == (False, 1)
    collect, build = dags["collect_inbox"][4], dags["build_marts"][4]
    assert {t: collect[t][0] for t in ("land_files", "load_documents")} == {"land_files": "warehouse", "load_documents": "warehouse"}
    assert collect["load_documents"][2] == "all_done"
    assert build["dbt_build"][:2] == ["warehouse", 0]


@pytest.mark.parametrize("path", DAGS, ids=lambda p: p.stem)
def test_a_dag_file_is_wiring_only_and_named_like_its_dag(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not path.stem.startswith("dbt_")
    assert len(path.read_text().splitlines()) <= 80
    assert [n.name for n in tree.body if isinstance(n, ast.FunctionDef)] == [path.stem]
    assert not [n for n in ast.walk(tree) if isinstance(n, (ast.For, ast.While, ast.If, ast.Try))]


@pytest.mark.parametrize("path", [p for p in MODULES if p.stem not in KNOW_AIRFLOW], ids=lambda p: p.stem)
def test_pure_modules_do_not_know_airflow(path: Path) -> None:
    """A command reaches for it where it needs it, inside a function."""
    imported = [n for n in ast.parse(path.read_text()).body if isinstance(n, (ast.Import, ast.ImportFrom))]
    names = [a.name for n in imported for a in n.names] + [n.module or "" for n in imported if isinstance(n, ast.ImportFrom)]
    assert not [n for n in names if n.split(".")[0] == "airflow"]


@pytest.mark.parametrize("path", [p for p in MODULES if p.stem not in TELL_TIME], ids=lambda p: p.stem)
def test_logic_never_asks_the_machine_for_the_time(path: Path) -> None:
    calls = [n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    attributes = [f for f in calls if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name)]
    assert not [f for f in attributes if isinstance(f.value, ast.Name) and f"{f.value.id}.{f.attr}" in CLOCK_CALLS]
