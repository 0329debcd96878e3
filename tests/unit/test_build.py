"""Settings of the marts come from the environment, and a wrong one stops the build with one sentence."""

from __future__ import annotations

import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from seller_warehouse.core.accounts import ConfigurationError
from seller_warehouse.core.home import Home
from seller_warehouse.ingest.warehouse import open_warehouse
from seller_warehouse.marts import build
from seller_warehouse.marts.build import BuildFailed, _share, as_known_at, build_marts, code_version, policy_settings

VARIABLES, CURRENCY = "SELLER_WAREHOUSE_DBT_VARS", "SELLER_WAREHOUSE_REPORTING_CURRENCY"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLES, raising=False)
    monkeypatch.delenv(CURRENCY, raising=False)


def test_nothing_is_set_by_an_empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert policy_settings() == {}
    monkeypatch.setenv(VARIABLES, "")
    monkeypatch.setenv(CURRENCY, "")
    assert policy_settings() == {}


def test_variables_and_the_reporting_currency_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLES, '{"settlement_match_days": 12}')
    monkeypatch.setenv(CURRENCY, "eur")
    assert policy_settings() == {"settlement_match_days": 12, "reporting_currency_code": "EUR"}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (VARIABLES, "settlement_match_days: 12", "is no JSON"),
        (VARIABLES, "[12]", "is no JSON object"),
        (VARIABLES, '{"settlement_days": 12}', "names settlement_days; there are .*settlement_match_days"),
        (VARIABLES, '{"as_of_date": "2026-01-01"}', "names as_of_date"),
        (VARIABLES, '{"as_known_at": "2026-01-01"}', "names as_known_at"),
        (VARIABLES, '{"reporting_currency_code": "EURO"}', "'EURO'; it must be a code of ISO 4217"),
        (VARIABLES, '{"settlement_match_days": "soon"}', 'gives settlement_match_days as "soon"; write it as 10'),
        (VARIABLES, '{"accrue_eligible_claims": 1}', "gives accrue_eligible_claims as 1; write it as false"),
        (CURRENCY, "XYZ", "'XYZ'; it must be a code of ISO 4217"),
    ],
)
def test_wrong_setting_stops_the_build(monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=sentence):
        policy_settings()


def test_other_settings_are_another_version_of_the_marts(monkeypatch: pytest.MonkeyPatch) -> None:
    code_version.cache_clear()
    before = code_version()
    monkeypatch.setenv(CURRENCY, "EUR")
    code_version.cache_clear()
    assert code_version() != before
    code_version.cache_clear()


def test_a_release_that_adds_a_column_to_a_seed_builds_in_a_home_that_holds_the_seed_without_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema seeds; create table seeds.marketplaces as select 'ATVPDKIKX0DER' as marketplace_id, 'US' as country_code")
    build_marts(home, as_of=date(2026, 11, 20), select="marketplaces,resource_type:seed")
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        assert connection.execute("select count(*) > 20, count(source) = count(*) from seeds.marketplaces").fetchall() == [(True, True)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", None),
        (" ", None),
        ("2026-10-05T18:00:00+02:00", datetime(2026, 10, 5, 16, tzinfo=UTC)),
        ("2026-10-05T18:00Z", datetime(2026, 10, 5, 18, tzinfo=UTC)),
        ("2026-10-05", datetime(2026, 10, 5, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_time_of_knowledge_is_a_moment_or_the_end_of_a_day_in_utc(monkeypatch: pytest.MonkeyPatch, value: str, expected: datetime | None) -> None:
    monkeypatch.setenv("SELLER_WAREHOUSE_AS_KNOWN_AT", value)
    assert as_known_at() == expected


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("2026-10-05T18:00:00", "has no time zone: .*write 2026-10-05T18"),
        ("yesterday", "is not a time: 'yesterday'; write"),
        ("0001-01-01T00:00+14:00", "is not a time"),
    ],
)
def test_time_of_knowledge_that_is_none_stops_the_build(monkeypatch: pytest.MonkeyPatch, value: str, sentence: str) -> None:
    monkeypatch.setenv("SELLER_WAREHOUSE_AS_KNOWN_AT", value)
    with pytest.raises(ConfigurationError, match=sentence):
        as_known_at()


def test_homes_share_the_project_that_was_parsed_for_all(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with open_warehouse(home.warehouse):
        pass
    build_marts(home, as_of=date(2026, 11, 20), select="dim_calendar")
    log = (home.root / "dbt" / "logs" / "dbt.log").read_text(encoding="utf-8")
    assert "Completed successfully" in log
    assert "Unable to do partial parsing" not in log


def test_a_parsed_project_is_kept_for_other_homes_in_place_of_that_of_older_code(tmp_path: Path) -> None:
    parsed, old, shared = tmp_path / "partial_parse.msgpack", tmp_path / "target" / "parsed-a.msgpack", tmp_path / "target" / "parsed-b.msgpack"
    parsed.write_bytes(b"new")
    old.parent.mkdir()
    old.touch()
    _share(parsed, shared)
    assert {path.name: path.read_bytes() for path in old.parent.iterdir()} == {"parsed-b.msgpack": b"new"}


def test_a_project_whose_folder_cannot_be_written_is_not_kept(tmp_path: Path) -> None:
    parsed, folder = tmp_path / "partial_parse.msgpack", tmp_path / "target"
    parsed.touch()
    folder.touch()
    _share(parsed, folder / "parsed-b.msgpack")
    assert folder.is_file()


def test_a_disk_that_is_full_while_dbt_runs_is_named_though_dbts_own_log_breaks_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, *_: Any, **__: Any) -> None:
            self.stdout = [
                "12:00:00  Failure in model dim_accounts",
                "--- Logging error ---",
                "OSError: [Errno 28] No space left on device",
                *["x"] * 50,
            ]

        def wait(self) -> int:
            return 1

        def kill(self) -> None: ...

    monkeypatch.setattr(build, "subprocess", SimpleNamespace(Popen=Full, PIPE=subprocess.PIPE, STDOUT=subprocess.STDOUT))
    with pytest.raises(BuildFailed, match=r"^dbt build failed: the disk is full; free some space, then run again: nothing is lost; nothing was pub"):
        build_marts(Home(tmp_path), as_of=date(2026, 11, 20))
