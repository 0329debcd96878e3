"""dbt's parsed project, made once for the homes of all tests: parsing takes a third of the processor time of a small build."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from filelock import FileLock

from seller_warehouse.core.home import DBT_PROJECT, Home, fingerprint
from seller_warehouse.marts.build import policy_settings

SETTING = "DBT_PARTIAL_PARSE_FILE_PATH"
"""Where dbt looks for a parsed project; it parses again if the file is missing or has other settings."""


def parsed_project(config: pytest.Config, settings: Mapping[str, Any] = MappingProxyType({})) -> Path:
    """The parsed file of the current project with the environment's ``settings`` (``policy_settings``); kept from run to run.

    Raises CalledProcessError if dbt cannot parse the project.
    """
    cache = config.cache.mkdir("dbt")
    variables = json.dumps(dict(settings))
    sources = (p for p in DBT_PROJECT.rglob("*") if p.is_file() and not {"target", "logs"} & {*p.relative_to(DBT_PROJECT).parts})
    version = hashlib.sha256(f"{fingerprint(sources)} {variables}".encode()).hexdigest()[:16]
    parsed = cache / version / "partial_parse.msgpack"
    with FileLock(cache / "lock"):
        if not parsed.exists():
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                run_dbt(Home(Path(folder)), Path(folder) / "target", "parse", "--vars", variables).check_returncode()
                parsed.parent.mkdir(exist_ok=True)
                (Path(folder) / "target" / parsed.name).replace(parsed)
    return parsed


@contextmanager
def in_euros(config: pytest.Config) -> Iterator[None]:
    """Builds show the reporting currency EUR and accrue eligible claims, from a project parsed once for these settings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELLER_WAREHOUSE_REPORTING_CURRENCY", "EUR")
        patch.setenv("SELLER_WAREHOUSE_DBT_VARS", '{"accrue_eligible_claims": true}')
        patch.setenv(SETTING, str(parsed_project(config, policy_settings())))
        yield


def run_dbt(home: Home, target: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command of dbt, with further environment ``settings``, over a home's build database, which is named as the pipeline names it: the parsed
    project is valid for that name alone."""
    command = [str(Path(sys.executable).with_name("dbt")), *words, "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    command += ["--target-path", str(target), "--log-path", str(target)]
    environment = {**os.environ, "SELLER_WAREHOUSE_DATABASE": home.warehouse.name, **settings}
    return subprocess.run(command, cwd=home.root, env=environment, capture_output=True, text=True, check=False)
