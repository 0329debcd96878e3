"""Storms of extracts of a world that Amazon restates, in any order: many more than ``make test`` draws."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from seller_warehouse.ingest import history
from tests.soak.test_storms import COUNT, SEED
from tests.unit.test_warehouse import any_order_is_the_same, extracts


@pytest.mark.parametrize("few_rows", [history.FEW_ROWS, 0], ids=["as it is", "where the guard holds often"])
@seed(SEED)
@settings(max_examples=20 * COUNT, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(files=extracts(), data=st.data())
def test_any_split_order_and_duplicates_give_the_same_raw_tables(
    few_rows: int, files: list, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    any_order_is_the_same(few_rows, files, data, tmp_path_factory)
