"""Other simulated worlds than the one of the suite: their marts say what is true as well. Seeded and counted by ``make soak COUNT=n SEED=n``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.dbt.conftest import simulate
from tests.dbt.test_order_defects_truth import check_rates

COUNT, SEED = int(os.environ.get("SOAK_COUNT", "1")), int(os.environ.get("SOAK_SEED", "1"))


@pytest.mark.parametrize("round_", range(COUNT))
def test_order_defect_rates_of_another_world_are_true(round_: int, tmp_path: Path) -> None:
    check_rates(simulate(1000 * SEED + round_, tmp_path))
