"""The DAGs load, are documented, and say what to do when they fail."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from seller_warehouse.cli.airflow_processes import environment
from seller_warehouse.core.home import REPOSITORY, Home
from seller_warehouse.orchestration.pools import MAX_ACCOUNTS

DAGS = sorted((REPOSITORY / "dags").glob("*.py"))


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = Home(tmp_path_factory.mktemp("home"))
    home.airflow.mkdir(parents=True)
    env = environment(home, 8080)
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=env, check=True, capture_output=True)
    return env


def test_airflow_finds_both_dags_and_no_import_error(airflow_home: dict[str, str]) -> None:
    commands = ("reserialize", "list-import-errors -o json", "list -o plain")
    # In one process: Airflow takes seconds to import.
    script = (
        "import sys; from airflow.__main__ import main\nfor words in sys.argv[1:]: sys.argv[1:] = ['dags', *words.split()]; main(); print('DONE')"
    )
    done = subprocess.run([sys.executable, "-c", script, *commands], env=airflow_home, check=True, capture_output=True, text=True)
    _, errors, listed, _ = done.stdout.split("DONE\n")
    assert errors.strip().endswith(("[]", "No data found"))
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


def test_containers_map_over_as_many_accounts_as_a_machine() -> None:
    given = yaml.safe_load((REPOSITORY / "docker-compose.yaml").read_text())["services"]["scheduler"]["environment"]
    names = ("AIRFLOW__CORE__MAX_MAP_LENGTH", "AIRFLOW__TRIGGERER__CAPACITY")
    assert [given[n] for n in names] == [str(MAX_ACCOUNTS)] * 2
    assert MAX_ACCOUNTS >= 2000
