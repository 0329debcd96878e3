"""One ``dbt build`` over the build database, in one process: staging, intermediate, marts, and every test."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

import pycountry
import yaml
from filelock import FileLock

from seller_warehouse.core.accounts import ConfigurationError
from seller_warehouse.core.home import DBT_PROJECT, PACKAGE, REPOSITORY, Home, fingerprint
from seller_warehouse.core.problems import FULL_WORDS, known_problem
from seller_warehouse.marts.exchange_rates import RatesUnreadable, store_rates

log = logging.getLogger(__name__)


class BuildFailed(Exception):
    """The dbt build failed: the first line of the message is a sentence, the others are dbt's output."""


def build_marts(home: Home, *, as_of: date, select: str | None = None) -> None:
    """Build and test every model for the day ``as_of``, from what was known at ``as_known_at()``.

    Raises BuildFailed with dbt's errors; the last publication is not touched.
    """
    known_at = as_known_at()
    environment = {
        # dbt's manifest and run results take a second to write, and nothing reads them.
        "DBT_WRITE_JSON": "false",
        **os.environ,
        # Relative to the home, where dbt runs: the path is part of dbt's parse cache, which so works for every home.
        "SELLER_WAREHOUSE_DATABASE": home.warehouse.name,
        "SELLER_WAREHOUSE_BUILD_AS_OF_DATE": as_of.isoformat(),
        "SELLER_WAREHOUSE_BUILD_AS_KNOWN_AT": f"{known_at:%Y-%m-%d %H:%M:%S.%f}" if known_at else "",
    }
    settings = policy_settings()
    try:
        store_rates(home)
    except RatesUnreadable as problem:
        raise BuildFailed(str(problem)) from problem
    command = [str(Path(sys.executable).with_name("dbt")), "build", "--profiles-dir", str(DBT_PROJECT), "--project-dir", str(DBT_PROJECT)]
    command += ["--target-path", str(home.root / "dbt" / "target"), "--log-path", str(home.root / "dbt" / "logs")]
    command += ["--log-level-file", "info"]
    # Otherwise a seed keeps its old table, and a release that adds a column to the seed fails.
    command += ["--full-refresh"]
    # dbt unit tests check the models' code, not the data; the test suite runs them.
    command += ["--exclude-resource-type", "unit_test", "--vars", json.dumps(settings)]
    command += ["--select", select] if select else []
    output: list[str] = []
    parsed, shared = home.root / "dbt" / "target" / "partial_parse.msgpack", DBT_PROJECT / "target" / f"parsed-{code_version()}.msgpack"
    if not parsed.exists():
        with suppress(OSError):  # Without it dbt parses the project.
            parsed.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(shared, parsed)
    with FileLock(f"{home.warehouse}.lock") as lock:
        held = lock._context.lock_file_fd
        assert held is not None
        process = subprocess.Popen(
            command, cwd=home.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            # dbt survives a kill of this process; it keeps the lock, so that the next command waits for its end.
            pass_fds=[held],
        )  # fmt: skip
        try:
            assert process.stdout
            for line in process.stdout:
                output.append(line.rstrip())
                log.info("%s", line.rstrip())
            code = process.wait()
        finally:
            process.kill()
            process.wait()
    if code:
        # On a full disk dbt cannot write its log either, and prints tracebacks about that instead of the error.
        full = FULL_WORDS.search("\n".join(output))
        reason = known_problem(full[0], home) if full else _first_error(output)
        raise BuildFailed(f"dbt build failed: {reason}; nothing was published\n" + "\n".join(output[-40:]))
    _share(parsed, shared)


def _share(parsed: Path, shared: Path) -> None:
    """Keep the parsed project for the first build of other homes; parsing takes a third of a first build."""
    if shared.exists() or not parsed.exists():
        return
    with suppress(OSError):  # An image's folder may not be written.
        shared.parent.mkdir(exist_ok=True)
        fresh = shared.with_name(f"{shared.name}.{os.getpid()}")
        shutil.copyfile(parsed, fresh)
        os.replace(fresh, shared)
        for old in shared.parent.glob("parsed-*"):
            if old != shared:
                old.unlink(missing_ok=True)


def _first_error(output: list[str]) -> str:
    """The first error in dbt's output, on one line; dbt prints its kind first and the details on the following, indented lines."""
    lines = [re.sub(r"\x1b\[[0-9;]*m|^[0-9:]{8}\s*", "", line).strip() for line in output]
    at = next((n for n, line in enumerate(lines) if re.match(r"(\w+ Error|Failure) in |Encountered an error|\w+ Error$", line)), None)
    if at is None:
        return next((line for line in reversed(lines) if line), "dbt printed nothing")
    error = [line for line in lines[at : at + 5] if line]
    return " ".join(error[: next((n for n, line in enumerate(error) if n and line.startswith("compiled code at")), 3)])


def as_known_at() -> datetime | None:
    """The time (UTC) of SELLER_WAREHOUSE_AS_KNOWN_AT: the marts are built from what was known then; None means everything known now.

    A date means the end of that day in UTC. Raises ConfigurationError for a time without a zone, and for any other text.
    """
    text = os.environ.get("SELLER_WAREHOUSE_AS_KNOWN_AT", "").strip()
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time.max, UTC)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo:
            return moment.astimezone(UTC)
        problem = "has no time zone"
    except (ValueError, OverflowError):
        problem = "is not a time"
    raise ConfigurationError(
        f"SELLER_WAREHOUSE_AS_KNOWN_AT {problem}: {text!r}; write 2026-10-05T18:00:00+02:00, or 2026-10-05 for the end of that day in UTC"
    )


DAYS = {"SELLER_WAREHOUSE_ALERT_DAYS": "alert_claim_days", "SELLER_WAREHOUSE_ALERT_LATE_DAYS": "alert_late_days"}
"""Settings that are a number of days, with the dbt variable of each."""


def policy_settings() -> dict[str, Any]:
    """The dbt variables from the environment: SELLER_WAREHOUSE_DBT_VARS (a JSON object), SELLER_WAREHOUSE_REPORTING_CURRENCY and ``DAYS``.

    Raises ConfigurationError for an unknown variable, an unknown currency, and days that are not a number.
    """
    text, currency = (os.environ.get(f"SELLER_WAREHOUSE_{name}") or "" for name in ("DBT_VARS", "REPORTING_CURRENCY"))
    try:
        settings = json.loads(text or "{}")
    except ValueError as problem:
        raise ConfigurationError(f'SELLER_WAREHOUSE_DBT_VARS is no JSON ({problem}); write {{"settlement_match_days": 12}}') from problem
    if not isinstance(settings, dict):
        raise ConfigurationError('SELLER_WAREHOUSE_DBT_VARS is no JSON object; write {"settlement_match_days": 12}')
    usual = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    known = usual.keys() - {"as_of_date", "as_known_at"}
    if unknown := settings.keys() - known:
        raise ConfigurationError(f"SELLER_WAREHOUSE_DBT_VARS names {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    if currency:
        settings["reporting_currency_code"] = currency.strip().upper()
    for name, variable in DAYS.items():
        days = os.environ.get(name) or settings.get(variable)
        if days is not None:
            if not re.fullmatch("[0-9]{1,3}", str(days)):
                raise ConfigurationError(f"{name} is {days!r}; it must be a whole number of days")
            settings[variable] = int(days)
    for name, value in settings.items():
        kind = type(usual[name])
        if type(value) not in ((int, float) if kind is float else (kind,)):
            raise ConfigurationError(f"SELLER_WAREHOUSE_DBT_VARS gives {name} as {json.dumps(value)}; write it as {json.dumps(usual[name])}")
    code = settings.get("reporting_currency_code")
    if code and not pycountry.currencies.get(alpha_3=code):
        raise ConfigurationError(f"the reporting currency is {code!r}; it must be a code of ISO 4217 such as EUR")
    return settings


@cache
def code_version() -> str:
    """A fingerprint of everything that changes a result: models, suites, specs, the code that loads and publishes, and the policy settings."""
    folders = (DBT_PROJECT, REPOSITORY / "expectations", *(PACKAGE / name for name in ("core", "reports", "ingest", "marts")))
    read = (path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".sql", ".yml", ".csv") and "target" not in path.parts)
    return hashlib.sha256((json.dumps(policy_settings(), sort_keys=True) + fingerprint(read)).encode()).hexdigest()[:16]
