"""The list of deliberate mistakes (tests/soak) names existing models and tests."""

from __future__ import annotations

import pytest

from seller_warehouse.core.home import DBT_PROJECT
from tests.mutations import Mutation, mutations, reach, unit_tests

LISTED = [m for listed in mutations().values() for m in listed]


@pytest.mark.parametrize("mutation", LISTED, ids=lambda m: m.rule)
def test_the_text_of_a_mistake_occurs_once_in_its_file(mutation: Mutation) -> None:
    assert mutation.path(DBT_PROJECT).read_text(encoding="utf-8").count(mutation.text) == 1
    assert mutation.mistake != mutation.text


@pytest.mark.parametrize("mutation", LISTED, ids=lambda m: m.rule)
def test_a_mistake_is_guarded_by_a_test_that_can_see_it(mutation: Mutation) -> None:
    data_tests = {p.stem for p in (DBT_PROJECT / "tests").glob("*.sql")}
    assert mutation.guard in data_tests or unit_tests()[mutation.guard] in reach(mutation)


def test_no_rule_is_listed_twice() -> None:
    assert len({(m.file, m.text, m.mistake) for m in LISTED}) == len(LISTED)
