"""Other simulated worlds than the one of the suite: their marts say what is true as well. Seeded and counted by ``make soak COUNT=n SEED=n``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.dbt.conftest import Simulated, simulate
from tests.dbt.test_defects_truth import check_days, test_defects_are_what_happened
from tests.dbt.test_finance_truth import (
    test_cash_and_units_of_each_month_currency_and_reason_are_those_that_were_paid,
    test_cash_of_each_month_is_the_worlds_own_total,
    test_reconciliation_tells_where_every_cent_is,
)
from tests.dbt.test_order_defects_truth import check_rates

__all__ = [
    "test_cash_and_units_of_each_month_currency_and_reason_are_those_that_were_paid",
    "test_cash_of_each_month_is_the_worlds_own_total",
    "test_defects_are_what_happened",
    "test_reconciliation_tells_where_every_cent_is",
]

COUNT, SEED = int(os.environ.get("SOAK_COUNT", "1")), int(os.environ.get("SOAK_SEED", "1"))


@pytest.fixture(scope="module", params=range(COUNT))
def simulated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """The world of a round, in place of the suite's."""
    return simulate(1000 * SEED + request.param, tmp_path_factory.mktemp("simulated"))


def test_order_defect_rates_are_true(simulated: Simulated) -> None:
    check_rates(simulated)


@pytest.mark.skipif(COUNT < 2, reason="takes two minutes: make soak COUNT=2 runs it")
def test_defects_were_right_on_the_days_before(simulated: Simulated, tmp_path: Path) -> None:
    check_days(simulated, tmp_path, (200, 47, 20))
