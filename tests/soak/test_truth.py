"""Other simulated worlds than that of the suite: their marts equal the truth as well. Seeded and counted by ``make soak COUNT=n SEED=n``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.dbt.test_defects_truth import check_days, test_defects_are_what_happened
from tests.dbt.test_finance_truth import (
    test_cash_and_units_of_each_month_currency_and_reason_are_those_that_were_paid,
    test_cash_of_each_month_is_the_worlds_own_total,
    test_reconciliation_tells_where_every_cent_is,
)
from tests.dbt.test_mcf_truth import (
    built,
    test_case_is_the_filed_one_with_its_decision,
    test_every_multi_channel_order_that_was_shipped_has_a_row,
    test_status_follows_from_what_had_happened,
    test_units_and_cash_of_every_order_are_those_that_were_paid,
    test_units_that_came_back_are_those_that_were_returned,
)
from tests.dbt.test_order_defects_truth import check_rates
from tests.world import Simulated, simulate

__all__ = [
    "built",
    "test_case_is_the_filed_one_with_its_decision",
    "test_cash_and_units_of_each_month_currency_and_reason_are_those_that_were_paid",
    "test_cash_of_each_month_is_the_worlds_own_total",
    "test_defects_are_what_happened",
    "test_every_multi_channel_order_that_was_shipped_has_a_row",
    "test_reconciliation_tells_where_every_cent_is",
    "test_status_follows_from_what_had_happened",
    "test_units_and_cash_of_every_order_are_those_that_were_paid",
    "test_units_that_came_back_are_those_that_were_returned",
]

COUNT, SEED = int(os.environ.get("SOAK_COUNT", "1")), int(os.environ.get("SOAK_SEED", "1"))


# Session scope, so that all parametrised tests of a world run while it exists.
@pytest.fixture(scope="session", params=range(COUNT))
def simulated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """The world of a round, instead of the suite's."""
    return simulate(1000 * SEED + request.param, tmp_path_factory.mktemp("simulated"))


def test_order_defect_rates_are_true(simulated: Simulated) -> None:
    check_rates(simulated)


@pytest.mark.skipif(COUNT < 2, reason="takes two minutes: make soak COUNT=2 runs it")
def test_defects_were_right_on_the_days_before(simulated: Simulated, tmp_path: Path) -> None:
    check_days(simulated, tmp_path, (200, 47, 20))
