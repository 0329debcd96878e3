"""docker-compose.yaml: its images, secrets, rights, health checks and settings; tests/soak runs its commands."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from seller_warehouse.cli import demo
from seller_warehouse.cli.airflow_processes import PROCESSES, environment
from seller_warehouse.core.home import REPOSITORY, Home

COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yaml").read_text(encoding="utf-8"))
DEMO = yaml.safe_load((REPOSITORY / "docker-compose.demo.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
LASTING = sorted({*SERVICES} - {"init"})
AIRFLOW = [*PROCESSES]
READERS = ["dashboard", "http-service"]
SECRETS = {"POSTGRES_PASSWORD", "AIRFLOW_JWT_SECRET", "AIRFLOW_FERNET_KEY", "SELLER_WAREHOUSE_TOKEN"}


def test_images_are_pinned_and_the_own_one_is_built_without_secrets() -> None:
    pinned = re.compile(r"[\w/.-]+:\d+\.\d+(\.\d+)?-[\w-]+")
    assert pinned.fullmatch(SERVICES["postgres"]["image"])
    lines = [line.split() for line in (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").splitlines() if line]
    assert [pinned.fullmatch(words[1]) is not None for words in lines if words[0] == "FROM"] == [True]
    copied = {words[1] for words in lines if words[0] == "COPY"}
    admitted = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")}
    assert copied == admitted == {
        "requirements.txt", ".streamlit", "dags", "dashboard", "dbt_project", "demo", "expectations", "plugins", "sandbox",
    }  # fmt: skip
    assert not [words for words in lines if words[0] == "ARG"]


def test_no_secret_has_a_default_and_example_and_files_name_the_same_settings() -> None:
    text = (REPOSITORY / "docker-compose.yaml").read_text(encoding="utf-8") + (REPOSITORY / "docker-compose.demo.yaml").read_text(encoding="utf-8")
    uses = re.findall(r"\$\{(\w+)(:[?-])", text)
    assert {name for name, operator in uses if operator == ":-"} == {
        "SELLER_WAREHOUSE_PORT", "SELLER_WAREHOUSE_DASHBOARD_PORT", "SELLER_WAREHOUSE_SERVICE_PORT", "SELLER_WAREHOUSE_REPORTING_CURRENCY",
        "SELLER_WAREHOUSE_DBT_VARS", "SELLER_WAREHOUSE_ALERT_URLS", "SELLER_WAREHOUSE_DASHBOARD_URL",
        "SELLER_WAREHOUSE_ALERT_DAYS", "SELLER_WAREHOUSE_ALERT_LATE_DAYS", "SELLER_WAREHOUSE_SERVICE_NAMES", "SELLER_WAREHOUSE_UMASK",
        "SELLER_WAREHOUSE_LANDING", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
    }  # fmt: skip
    example = dict(line.split("=") for line in (REPOSITORY / ".env.example").read_text(encoding="utf-8").splitlines() if re.match(r"\w+=", line))
    assert set(example) == {name for name, _ in uses} >= SECRETS
    assert not any(example.values())
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert "${" in value or not re.search("PASSWORD|SECRET|KEY|CONN", name), name
    assert "/.env" in (REPOSITORY / ".gitignore").read_text(encoding="utf-8").split()


@pytest.mark.parametrize(("name", "service"), [*SERVICES.items(), ("demo", DEMO["services"]["demo"])])
def test_no_service_can_do_more_than_it_must(name: str, service: dict[str, Any]) -> None:
    assert service["user"].split(":")[0] not in ("", "0", "root")
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "network_mode" not in service
    assert service.get("read_only") or name == "postgres"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert name in ("api-server", *READERS) or "ports" not in service


@pytest.mark.parametrize("name", READERS)
def test_readers_can_change_nothing_and_know_no_secret_of_others(name: str) -> None:
    assert [v["read_only"] for v in SERVICES[name]["volumes"]] == [True]
    assert DEMO["services"][name]["volumes"] == ["data:/data:ro"]
    known = {n for n in SERVICES[name]["environment"] if re.search("PASSWORD|SECRET|KEY|TOKEN|CONN|URLS", n)}
    assert known == ({"SELLER_WAREHOUSE_TOKEN"} if name == "http-service" else set())


@pytest.mark.parametrize("name", LASTING)
def test_lasting_services_have_a_health_check_and_come_back(name: str) -> None:
    assert set(SERVICES[name]["healthcheck"]) == {"test", "interval", "timeout", "retries", "start_period"}
    assert (SERVICES[name].get("restart") == "unless-stopped") == (name != "sandbox")


@pytest.mark.parametrize("name", AIRFLOW)
def test_airflow_waits_for_a_database_that_is_migrated(name: str) -> None:
    assert SERVICES[name]["depends_on"].items() >= {
        "postgres": {"condition": "service_healthy"}, "init": {"condition": "service_completed_successfully"},
    }.items()  # fmt: skip
    assert SERVICES[name]["command"] == ["airflow", *PROCESSES[name]]


def test_the_settings_are_those_of_make_run_where_both_say_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith(("AIRFLOW", "SELLER_WAREHOUSE"))]:
        monkeypatch.delenv(name)
    home = Home(tmp_path)
    own = {n: v for n, v in environment(home, 8080).items() if n.startswith(("AIRFLOW", "SELLER_WAREHOUSE"))}
    places = {"SELLER_WAREHOUSE_HOME", "AIRFLOW_HOME", "AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__CORE__PLUGINS_FOLDER"}
    addresses = {"AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "AIRFLOW__API__HOST", "AIRFLOW__API__BASE_URL", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}
    keys = {"AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET"}
    login = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"}
    for name in AIRFLOW:
        given = SERVICES[name]["environment"]
        assert set(own) <= set(given)
        assert {n for n in own if given[n] != own[n]} == places | addresses | keys | login
        assert given["SELLER_WAREHOUSE_SCHEDULED"] == "1"
        assert given["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] == "False"


def test_the_sandbox_is_that_of_make_demo_and_no_airflow_goes_by_its_clock_unless_told() -> None:
    command = SERVICES["sandbox"]["command"]
    assert command[command.index("--profile") : command.index("--shows")] == demo.SANDBOX
    assert command[-1] == demo.FIRST_DAY.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert SERVICES["sandbox"]["profiles"] == DEMO["services"]["demo"]["profiles"] == ["demo"]
    assert not [name for name, s in SERVICES.items() if "SELLER_WAREHOUSE_CLOCK" in s["environment"]]
    assert {name for name, s in DEMO["services"].items() if s.get("environment", {}).get("SELLER_WAREHOUSE_CLOCK")} == {"init", "demo", *AIRFLOW}
    assert DEMO["name"] != COMPOSE["name"]
