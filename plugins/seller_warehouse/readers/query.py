"""Build SQL for a reader's selection from a published table: every name is checked against the table, every value is bound."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from seller_warehouse.core.sql import identifier
from seller_warehouse.readers.published import PublishedColumn

OPERATORS = {
    "eq": "{} = {}",
    "ne": "{} is distinct from {}",
    "lt": "{} < {}",
    "le": "{} <= {}",
    "gt": "{} > {}",
    "ge": "{} >= {}",
    "in": "{} in ({})",
    "contains": "contains(lower({}), lower({}))",
    "null": "({} is null) = {}",
}


class InvalidQuery(Exception):
    """A name does not exist or a value cannot be compared; the message lists the alternatives."""


@dataclass(frozen=True)
class Condition:
    """An SQL condition with its values in order."""

    sql: str
    values: tuple[Any, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"{self.sql} and {other.sql}", (*self.values, *other.values))


EVERYTHING = Condition("true")


@dataclass(frozen=True)
class Selection:
    """Rows and columns of one table in a fixed order; ties keep file order."""

    table: str
    columns: tuple[PublishedColumn, ...]
    condition: Condition
    order: str

    @property
    def count(self) -> str:
        """The query for the number of rows; its parameters are the values of ``condition``."""
        return f"select count(*) from {self._from}"

    def page(self, limit: int, offset: int) -> str:
        """The query for ``limit`` rows after the first ``offset``; its parameters are the values of ``condition``. Times become text, UTC."""
        # Sort row numbers only: for a late page, sorting whole rows would take hundreds of times the memory.
        numbers = f"select t.rowid from {self._from} order by {self.order} limit {limit} offset {offset}"
        return f"select {', '.join(map(_shown, self.columns))} from {self._table} where t.rowid in ({numbers}) order by {self.order}"

    @property
    def _table(self) -> str:
        return f"{'.'.join(map(identifier, self.table.split('.')))} as t"

    @property
    def _from(self) -> str:
        return f"{self._table} where {self.condition.sql}"


def select(table: str, known: Iterable[PublishedColumn], *, where: list[str], columns: str | None, order: str | None) -> Selection:
    """The rows for which every ``column:operator:value`` of ``where`` holds. Raises InvalidQuery.

    ``columns`` and ``order`` are comma-separated names, by default all of ``known`` and file order. In ``order`` a leading ``-`` means descending;
    nulls are last in both directions.
    """
    by_name = {column.name: column for column in known}

    def named(name: str) -> PublishedColumn:
        if name not in by_name:
            raise InvalidQuery(f"{table} has no column {name!r}; it has {', '.join(by_name)}")
        return by_name[name]

    condition = EVERYTHING
    for text in where:
        name, operator, value = [*text.split(":", 2), "", ""][:3]
        condition &= _condition(text, named(name), operator, value)
    keys = [f"{_name(named(key.removeprefix('-')))}{' desc' if key.startswith('-') else ''} nulls last" for key in _listed(order)]
    shown = tuple(map(named, dict.fromkeys(_listed(columns)))) or tuple(by_name.values())
    return Selection(table, shown, condition, ", ".join([*keys, "t.rowid"]))


def _condition(text: str, column: PublishedColumn, operator: str, value: str) -> Condition:
    if operator not in OPERATORS:
        raise InvalidQuery(f"where={text}: there is no operator {operator!r}; write column:operator:value with one of {', '.join(OPERATORS)}")
    kind = "BOOLEAN" if operator == "null" else column.data_type.split("(")[0]
    if operator == "contains" and kind != "VARCHAR":
        raise InvalidQuery(f"where={text}: contains looks into text, and {column.name} is {column.data_type}")
    meant, read = _KINDS[kind]
    try:
        values = [read(v) for v in (_listed_values(value) if operator == "in" else [value])]
    except (ValueError, OverflowError, csv.Error):
        raise InvalidQuery(f"where={text}: {value!r} is not {meant}") from None
    return Condition(OPERATORS[operator].format(_name(column), ", ".join("?" * len(values))), tuple(values))


def _listed_values(text: str) -> list[str]:
    return next(csv.reader([text], strict=True)) or [""]


def _boolean(text: str) -> bool:
    return bool(("false", "true").index(text))


def _whole_number(text: str) -> int:
    return int(_decimal(text, r"-?[0-9]{1,18}"))


def _decimal(text: str, pattern: str = r"-?[0-9]{1,18}(\.[0-9]{1,18})?") -> Decimal:
    # At most as many digits as DuckDB compares exactly, and no NaN or exponent.
    if not re.fullmatch(pattern, text):
        raise ValueError(text)
    return Decimal(text)


def _timestamp(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


_WHOLE_NUMBER: tuple[str, Callable[[str], Any]] = ("a whole number", _whole_number)
_KINDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "VARCHAR": ("text; put a value with a comma or quotes into double quotes", str),
    "BOOLEAN": ("true or false", _boolean),
    "INTEGER": _WHOLE_NUMBER,
    "BIGINT": _WHOLE_NUMBER,
    "DECIMAL": ("a number such as 12.50", _decimal),
    "DATE": ("a date such as 2026-11-20", date.fromisoformat),
    "TIMESTAMP": ("a time such as 2026-11-20T06:00:00Z", _timestamp),
}
"""For each type of a published column: what a value must be, and its parser."""


def _listed(names: str | None) -> list[str]:
    return names.split(",") if names else []


def _name(column: PublishedColumn) -> str:
    # Qualified, since otherwise an order would use the text of a time in the select list.
    return f"t.{identifier(column.name)}"


def _shown(column: PublishedColumn) -> str:
    if column.data_type == "TIMESTAMP":
        return f"replace({_name(column)}::varchar, ' ', 'T') || 'Z' as {identifier(column.name)}"
    return _name(column)
