"""The CI workflow runs what .ci/run runs."""

from __future__ import annotations

import re

import yaml

from seller_warehouse.core.home import REPOSITORY

COMMANDS = [
    job["command"] for job in yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text())["jobs"]["check"]["strategy"]["matrix"]["include"]
]


def test_every_folder_of_tests_is_in_one_job() -> None:
    named = [folder for command in COMMANDS for folder in re.findall(r"tests/(\w+)", command)]
    folders = sorted({path.parent.name for path in (REPOSITORY / "tests").glob("*/test_*.py")})
    assert sorted([*named, "soak"]) == folders


def test_the_jobs_call_what_the_check_of_a_clean_checkout_calls() -> None:
    local = [line for line in (REPOSITORY / ".ci/run").read_text().splitlines() if line.startswith("make ")]
    assert {" ".join(command.split()[:2]) for command in COMMANDS} == {" ".join(line.split()[:2]) for line in local}
