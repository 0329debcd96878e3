"""The seeds about Amazon's rules: each row names its source, and no two rules hold at once."""

from __future__ import annotations

import csv
from datetime import date
from itertools import combinations

import pytest

from seller_warehouse.core.home import DBT_PROJECT

OUR_OWN_WORDS = {"claim_statuses"}
"""Seeds for words in sellers' own logs, without a published source."""
FACTS = sorted({p.stem for p in (DBT_PROJECT / "seeds").glob("*.csv")} - OUR_OWN_WORDS)


def seed(name: str) -> list[dict[str, str]]:
    with (DBT_PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def held(row: dict[str, str], first: str, before: str) -> tuple[date, date]:
    """The days on which a rule holds, the last one excluded; blank is open."""
    return date.fromisoformat(row[first] or "0001-01-01"), date.fromisoformat(row[before] or "9999-12-31")


@pytest.mark.parametrize("name", FACTS)
def test_every_row_of_facts_names_its_source(name: str) -> None:
    assert [row for row in seed(name) if not (row.get("source") or "").strip()] == []


@pytest.mark.parametrize(
    ("name", "kind", "days"),
    [
        ("claim_windows", ("policy_region", "category", "subcase"), ("filed_from", "filed_before")),
        ("valuation_rules", ("policy_region", "category"), ("effective_from", "effective_before")),
    ],
)
def test_one_rule_holds_at_a_time(name: str, kind: tuple[str, ...], days: tuple[str, str]) -> None:
    same = [(a, b) for a, b in combinations(seed(name), 2) if all(a[k] == b[k] for k in kind)]
    assert same
    assert [(a, b) for a, b in same if held(a, *days)[0] < held(b, *days)[1] and held(b, *days)[0] < held(a, *days)[1]] == []


def test_every_region_of_a_marketplace_has_windows_and_a_value() -> None:
    regions = {row["policy_region"] for row in seed("marketplaces")}
    for category in ("FC_OPERATIONS", "CUSTOMER_RETURN", "REEVALUATION"):
        # No window is known for returns in the Emirates, Saudi Arabia and India.
        unknown = {"AE", "SA", "IN"} if category == "CUSTOMER_RETURN" else set()
        assert {row["policy_region"] for row in seed("claim_windows") if row["category"] == category} == regions - unknown, category
    assert {row["policy_region"] for row in seed("valuation_rules")} == regions


def test_australia_is_judged_by_its_own_page() -> None:
    assert [row["policy_region"] for row in seed("marketplaces") if row["country_code"] == "AU"] == ["AU"]
    now = [row for row in seed("claim_windows") if row["policy_region"] == "AU" and not row["filed_before"] and row["category"] != "REEVALUATION"]
    assert {(row["category"], row["close_count"], row["close_unit"]) for row in now} == {
        ("FC_OPERATIONS", "18", "MONTH"), ("CUSTOMER_RETURN", "18", "MONTH"), ("REMOVAL", "18", "MONTH"), ("INBOUND", "6", "MONTH"),
    }  # fmt: skip
    assert [row["value_basis"] for row in seed("valuation_rules") if row["policy_region"] == "AU"] == ["SALE_PRICE"]
    assert [row["cap_amount"] for row in seed("unit_value_caps") if row["currency_code"] == "AUD"] == ["6500"]
