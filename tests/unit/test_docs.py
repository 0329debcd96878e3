"""The page about rules that Amazon does not publish lists every variable and every doubtful row of a seed, and nothing else."""

from __future__ import annotations

import csv
import re

import pytest
import yaml

from seller_warehouse.core.home import DBT_PROJECT, REPOSITORY

PAGE = REPOSITORY / "docs" / "policy.md"
SET_BY_THE_RUN = {"as_of_date", "as_known_at"}
DOUBTFUL = ("C", "D")


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its head."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]
    assert len(rows) > 2, heading
    return rows[2:]


def seed(name: str) -> list[dict[str, str]]:
    with (DBT_PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_variable_is_on_the_page_with_its_default_and_no_other() -> None:
    project = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    listed = {variable.strip("`"): yaml.safe_load(default.strip("`")) for _, variable, default, *_ in table("Variables")}
    assert listed == {name: default for name, default in project["vars"].items() if name not in SET_BY_THE_RUN}


def test_every_variable_says_why_and_how_to_change_it() -> None:
    assert [row for row in table("Variables") if len(row) != 5 or not all(row)] == []


def test_every_claim_window_that_is_not_amazons_own_is_on_the_page_and_no_other() -> None:
    listed = {(rule, region) for rules, regions, *_ in table("Claim windows") for rule in re.findall(r"`(.+?)`", rules) for region in regions.split()}
    assert listed == {(row["rule_id"], row["policy_region"]) for row in seed("claim_windows") if row["confidence"] in DOUBTFUL}


@pytest.mark.parametrize("name", sorted(p.stem for p in (DBT_PROJECT / "seeds").glob("*.csv")))
def test_every_seed_with_doubtful_rows_is_on_the_page(name: str) -> None:
    if any(row.get("confidence") in DOUBTFUL for row in seed(name)):
        assert re.search(rf"`{name}(\.csv)?`", PAGE.read_text(encoding="utf-8"))


def test_every_seed_on_the_page_exists() -> None:
    named = {n for _, where, *_ in table("Other seeds and settings") for n in re.findall(r"seed `(\w+)`", where)}
    assert named <= {p.stem for p in (DBT_PROJECT / "seeds").glob("*.csv")}
