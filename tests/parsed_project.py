"""dbt's parsed project, made once for the homes of all tests: parsing takes a third of the processor time of a small build."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from filelock import FileLock

from seller_warehouse.core.home import DBT_PROJECT, fingerprint

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
                command = [str(Path(sys.executable).with_name("dbt")), "parse", "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
                command += ["--target-path", f"{folder}/target", "--log-path", f"{folder}/logs", "--vars", variables]
                environment = {**os.environ, "SELLER_WAREHOUSE_DATABASE": "warehouse.duckdb"}
                subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
                parsed.parent.mkdir(exist_ok=True)
                (Path(folder) / "target" / parsed.name).replace(parsed)
    return parsed
