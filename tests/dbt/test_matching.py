"""The macros that match units and lines, on random pools: what they say is what a pointer does that moves along the line step by step."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from types import SimpleNamespace

import duckdb
import jinja2
from hypothesis import given, settings
from hypothesis import strategies as st

from seller_warehouse.core.home import DBT_PROJECT

FIRST = date(2026, 1, 1)
Demand = tuple[int, int, int]
Supply = tuple[int, int]


def rows_of(call: str, table: str, columns: str, given_tables: dict[str, str]) -> Counter[tuple]:
    """The rows of a CTE that a call of a macro defines, over given tables in SQL."""
    names = ("walked", "matched_oldest_first", "paired_in_order")
    macros = "\n".join((DBT_PROJECT / "macros" / f"{name}.sql").read_text(encoding="utf-8") for name in names)
    dbt = SimpleNamespace(dateadd=lambda part, count, column: f"({column} + interval ({count}) {part})")
    cte = jinja2.Environment().from_string(macros + "{{ " + call + " }}").render(dbt=dbt)
    with duckdb.connect() as connection:
        for name, sql in given_tables.items():
            connection.execute(f"create table {name} as {sql}")
        return Counter(connection.execute(f"with {cte.strip()} select {columns} from {table}").fetchall())


def values(columns: str, rows: list[tuple], types: str) -> str:
    """Rows as SQL, also if there are none."""
    lines = ", ".join(map(str, rows))
    typed = ", ".join(f"cast({c} as {t}) as {c}" for c, t in zip(columns.split(", "), types.split(", "), strict=True))
    empty = ", ".join("null" for _ in columns.split(", "))
    return f"select {typed} from (values {lines or f'({empty})'}) as given({columns})" + ("" if rows else " where false")


def served(demands: list[Demand], supplies: list[Supply], max_age: int | None) -> Counter[tuple]:
    """Demand, supply and units, unit by unit: ``demands`` are day, place and units, ``supplies`` day and units."""
    line = [(day, number) for day, _, number in sorted((d, p, n) for n, (d, p, _) in enumerate(demands)) for _ in range(demands[number][2])]
    found: Counter[tuple] = Counter()
    at = 0
    for day, number in sorted((day, number) for number, (day, _) in enumerate(supplies)):
        for _ in range(supplies[number][1]):
            while max_age is not None and at < len(line) and line[at][0] < day - max_age:
                at += 1
            if at < len(line) and line[at][0] <= day:
                found[f"d{line[at][1]}", f"s{number}"] += 1
                at += 1
    return Counter((demand, supply, units) for (demand, supply), units in found.items())


days = st.integers(0, 12)
demand_lists = st.lists(st.tuples(days, st.integers(0, 2), st.integers(0, 4)), max_size=7)
supply_lists = st.lists(st.tuples(days, st.integers(0, 5)), max_size=7)


@given(st.lists(st.tuples(demand_lists, supply_lists), min_size=1, max_size=12), st.sampled_from([None, 0, 2, 5]))
@settings(max_examples=40, deadline=None)
def test_each_unit_is_matched_once_and_the_oldest_demand_first(pools: list[tuple[list[Demand], list[Supply]]], max_age: int | None) -> None:
    """Ids tell the pools apart, so that a match across pools would be found."""
    demands, supplies, expected = [], [], Counter[tuple]()
    for pool, (demanded, supplied) in enumerate(pools):
        demands += [(f"p{pool}", f"p{pool}d{n}", str(FIRST + timedelta(day)), place, units) for n, (day, place, units) in enumerate(demanded)]
        supplies += [(f"p{pool}", f"p{pool}s{n}", str(FIRST + timedelta(day)), units) for n, (day, units) in enumerate(supplied)]
        expected += Counter({(f"p{pool}{d}", f"p{pool}{s}", units): 1 for d, s, units in served(demanded, supplied, max_age)})
    given_tables = {
        "demands": values("pool_id, demand_id, demand_date, place, units", demands, "varchar, varchar, date, integer, integer"),
        "supplies": values("pool_id, supply_id, supply_date, units", supplies, "varchar, varchar, date, integer"),
    }
    call = f"matched_oldest_first('matched', 'demands', 'supplies'{'' if max_age is None else f', {max_age}'})"
    assert rows_of(call, "matched", "demand_id, supply_id, units", given_tables) == expected


def paired(claims: list[int], postings: list[int], wait: int) -> Counter[tuple]:
    """Claim and posting, numbered by day: two pointers skip a posting that is too early and a claim that has waited too long."""
    found, claim, posting = [], 0, 0
    while claim < len(claims) and posting < len(postings):
        if postings[posting] < claims[claim]:
            posting += 1
        elif postings[posting] > claims[claim] + wait:
            claim += 1
        else:
            found.append((f"c{claim}", f"p{posting}"))
            claim, posting = claim + 1, posting + 1
    return Counter(found)


@given(st.lists(st.tuples(st.lists(days, max_size=9), st.lists(days, max_size=9)), min_size=1, max_size=12), st.sampled_from([0, 2, 5, 30]))
@settings(max_examples=40, deadline=None)
def test_each_posting_pays_the_first_claim_that_it_may_pay(keys: list[tuple[list[int], list[int]]], wait: int) -> None:
    claims, postings, expected = [], [], Counter[tuple]()
    for key, (claimed, posted) in enumerate(keys):
        k = f"k{key}"
        for n, day in enumerate(sorted(claimed)):
            claims.append((k, f"{k}c{n}", str(FIRST + timedelta(day)), str(FIRST + timedelta(day + wait)), n + 1))
        postings += [(k, f"{k}p{n}", str(FIRST + timedelta(day)), n + 1) for n, day in enumerate(sorted(posted))]
        expected += Counter((f"{k}{claim}", f"{k}{posting}") for claim, posting in paired(sorted(claimed), sorted(posted), wait))
    given_tables = {
        "claims": values("match_key, unit_id, first_date, last_date, place", claims, "varchar, varchar, date, date, integer"),
        "postings": values("match_key, unit_id, posted_date, place", postings, "varchar, varchar, date, integer"),
    }
    found = rows_of("paired_in_order('line', 'claims', 'postings')", "line_pairs", "claim_unit_id, posting_unit_id", given_tables)
    assert found == expected
