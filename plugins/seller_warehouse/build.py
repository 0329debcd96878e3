"""One ``dbt build`` over the build database, in one process: staging, intermediate, marts, and every test."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
from datetime import date
from functools import cache
from pathlib import Path

from filelock import FileLock

from seller_warehouse.paths import DBT_PROJECT, REPOSITORY, Home

log = logging.getLogger(__name__)


class BuildFailed(Exception):
    """dbt could not build the marts, or one of its tests failed; the message ends with dbt's own words."""


def build_marts(home: Home, *, as_of: date, select: str | None = None) -> None:
    """Build and test every model for the day ``as_of``.

    Raises BuildFailed with dbt's errors; the last publication is not touched.
    """
    command = [str(Path(sys.executable).with_name("dbt")), "build", "--profiles-dir", str(DBT_PROJECT), "--project-dir", str(DBT_PROJECT)]
    command += ["--target-path", str(home.root / "dbt" / "target"), "--log-path", str(home.root / "dbt" / "logs")]
    command += ["--log-level-file", "info"]
    # Unit tests judge the models' code, not the data: the test suite runs them.
    command += ["--exclude-resource-type", "unit_test", "--vars", json.dumps({"as_of_date": as_of.isoformat()})]
    command += ["--select", select] if select else []
    environment = {**os.environ, "SELLER_WAREHOUSE_DATABASE": str(home.warehouse)}
    output: list[str] = []
    with FileLock(f"{home.warehouse}.lock"):
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout
        for line in process.stdout:
            output.append(line.rstrip())
            log.info("%s", line.rstrip())
        code = process.wait()
    if code:
        raise BuildFailed("dbt build failed; nothing was published.\n" + "\n".join(output[-40:]))


@cache
def code_version() -> str:
    """A fingerprint of the code that makes the marts: the models, the specs, the pipeline."""
    digest = hashlib.sha256()
    for folder in (DBT_PROJECT, REPOSITORY / "plugins", REPOSITORY / "expectations"):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".sql", ".yml", ".csv") and "target" not in path.parts:
                digest.update(str(path.relative_to(REPOSITORY)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
