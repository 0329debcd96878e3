"""DuckDB expressions that validate and normalise the text of a value.

The gate checks that a value is valid for its column, the load normalises dates and amounts. Both use these expressions, so every value that passes
the gate can be normalised.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date

from seller_warehouse.core.report_spec import ISO, Agreement, Column, Kind
from seller_warehouse.core.sql import identifier, text_literal

WHOLE_NUMBER = "-?[0-9]{1,9}"
GROUP_BLANKS = " \u00a0\u202f"
"""Thousands separators in French, Polish or Swedish: a blank or one of two no-break spaces."""


def amount_pattern(decimal_mark: str) -> str:
    """The regular expression of an amount: well-formed groups of thousands, at most four decimals. With a decimal comma, blanks may separate groups.

    At most twelve digits before the decimal mark: DECIMAL(18,4) has fourteen, so that a hundred of the largest amounts can be summed. No real amount
    has more, while a barcode in the wrong column has thirteen.
    """
    mark, group = (",", f"[.{GROUP_BLANKS}]") if decimal_mark == "," else (r"\.", ",")
    return rf"[-+]?([0-9]{{1,12}}|[0-9]{{1,3}}({group}[0-9]{{3}}){{1,3}})({mark}[0-9]{{1,4}})?"


def ambiguous_amount_sql(column: str, decimal_mark: str) -> str:
    """SQL condition: the value would be another amount under the other decimal mark, and nothing in it decides."""
    other = r"\." if decimal_mark == "," else ","
    return f"regexp_full_match({column}, '[-+]?[0-9]{{1,3}}{other}[0-9]{{3}}')"


_FOREIGN = "０１２３４５６７８９٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९٫．，＋－−＾Ｅｅ"
_PLAIN = "0123456789" * 4 + "..,+--^EE"
_UNSEEN = " \t\u00a0\u2007\u2009\u202f\u3000\u200b\u200e\u200f\u061c\u2060\ufeff'\"="
"""Blanks, direction marks, and what spreadsheets put in front of text; they do not turn a damaged id into a valid one."""

_MANTISSA, _DECIMALS = "[-+]?[0-9]{1,3}", "[.,][0-9]+"
_TENFOLD = rf"{_MANTISSA}({_DECIMALS})?[x×*·⋅]10(\^[-+]?[0-9]{{1,3}}|[⁺⁻]?[⁰¹²³⁴-⁹]+)"
_NO_ID = (
    _TENFOLD,
    rf"{_MANTISSA}{_DECIMALS}(E|أس|اس)[-+]?[0-9]{{1,3}}",
    rf"{_MANTISSA}(E|أس|اس)[+][0-9]{{1,3}}",
    r"[1-9]E(0[0-9]|1[0-9]|2[0-2])",
    r"[0-9]{6,}[.,]0+",
    r"[1-9][0-9]{14}0{7,}",
)
"""Patterns of an id that was converted to a number: an exponent, a decimal, or zeros after the 15 digits that Excel keeps."""

_NO_OWN_CODE = (
    _TENFOLD,
    rf"{_MANTISSA}({_DECIMALS})?(E|أس|اس)[+][0-9]{{1,3}}",
    rf"{_MANTISSA}{_DECIMALS}(E|أس|اس)(0[0-9]{{1,2}}|[6-9]|1[35689]|2[0-2])",
    rf"{_MANTISSA}[.,][0-9]{{2,}}(E|أس|اس)([5-9]|1[0-9]|2[0-2])",
)
"""The same for the seller's own SKUs, where ``4.5E27`` may be a lamp: bases are E5, E10 to E12, E14, E17, E26, E27, E39 and E40."""


def damaged_id_sql(column: Column) -> str:
    """SQL condition: a spreadsheet or program has shortened an id, in any locale and notation (``1.23457E+11``, ``8,11E09``, ``8.11x10^9``).

    In a column of id lists each id is checked, otherwise the whole value. A cheap check of the letters, a hundredth of the cost, clears nearly every
    value first: a damaged id has an exponent, punctuation, a foreign digit or 22 digits, and never begins with a letter.
    """
    name, holds_several = identifier(column.name), column.name.endswith("ids")
    plain = f"translate({name}, {text_literal(_FOREIGN + _UNSEEN)}, {text_literal(_PLAIN)})"
    damage = "|".join(_NO_OWN_CODE if column.holds_own_codes else _NO_ID)
    around = ("(^|[,;|])", "($|[,;|])") if holds_several else ("^", "$")
    is_clear = f"regexp_full_match({name}, '[0-9A-DF-WYZa-df-wyz_ -]{{0,21}}')"
    if not holds_several:
        is_clear = f"({name} >= 'A' and {name} < '{{') or {is_clear}"
    return f"case when {is_clear} then false else regexp_matches({plain}, {text_literal(f'{around[0]}({damage}){around[1]}')}, 'i') end"


def normalised_amount_sql(column: str, decimal_mark: str) -> str:
    """SQL: an amount with a decimal point and without thousands separators."""
    if decimal_mark == ",":
        return f"replace(translate({column}, '.{GROUP_BLANKS}', ''), ',', '.')"
    return f"replace({column}, ',', '')"


FIRST_YEAR = 1995
"""Amazon sold its first book in 1995; an earlier date is a mistake."""

_TIME = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?(Z| UTC| GMT|[-+](0[0-9]|1[0-4])(:?[0-5][0-9])?)?)?"
_ISO = f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([T ]{_TIME})?"
_DIRECTIVES = {
    "%Y": "[0-9]{4}", "%y": "[0-9]{2}", "%m": "[0-9]{1,2}", "%d": "[0-9]{1,2}", "%b": "[A-Za-z]{3}",
    "%H": "[0-9]{2}", "%M": "[0-9]{2}", "%S": "[0-9]{2}",
}  # fmt: skip


def last_year(retrieved_at: date) -> int:
    """The last valid year of a document's dates: deadlines and prices may lie ahead, at most in the next year."""
    return retrieved_at.year + 1


def date_pattern(date_format: str) -> str:
    """The regular expression of a date in one format; a year has four digits, or two if the format says so."""
    if date_format == ISO:
        return _ISO
    return "".join(_DIRECTIVES.get(part) or re.escape(part) for part in re.split("(%.)", date_format))


def date_sql(column: str, date_format: str, latest: int | str) -> str:
    """SQL: the calendar day as printed; null if the text is not a date in that format from FIRST_YEAR to the year ``latest`` (a number or SQL).

    Two-digit years are 1969 to 2068.
    """
    is_whole = f"regexp_full_match({column}, {text_literal(date_pattern(date_format))})"
    if date_format == ISO:
        # An invalid time or offset would fail in the staging models.
        is_whole += f" and try_cast({column} as timestamptz) is not null"
        day = f"try_cast(substr({column}, 1, 10) as date)"
    else:
        day = f"cast(try_strptime({column}, {text_literal(date_format)}) as date)"
    return f"case when {is_whole} and year({day}) between {FIRST_YEAR} and {latest} then {day} end"


def broken_agreement_sql(agreement: Agreement, days: Mapping[str, str], key: Iterable[str]) -> str:
    """SQL condition: a row breaks an agreement between its dates and those that all rows of its ``key`` share.

    ``days``: SQL of the day of each column. The condition may contain window functions, so it cannot be used in a filter.
    """
    of_key = ", ".join(map(identifier, key))
    shared = {name: f"max({days[name]}) over (partition by {of_key})" for name in agreement.of_key}
    return agreement.broken.format(**{**days, **shared})


def normalised_date_sql(column: str, date_format: str) -> str:
    """SQL: the date in ISO 8601; ISO text stays as it is, a month stays a month."""
    if date_format == ISO:
        return column
    if "%d" not in date_format:
        written = "%Y-%m"
    elif "%H" in date_format:
        written = "%Y-%m-%dT%H:%M:%S+00:00"
    else:
        written = "%Y-%m-%d"
    return f"strftime(try_strptime({column}, {text_literal(date_format)}), '{written}')"


def number_sql(column: Column, decimal_mark: str) -> str:
    """SQL condition: a non-blank value is valid for its column of whole numbers or amounts."""
    pattern = amount_pattern(decimal_mark) if column.kind is Kind.AMOUNT else WHOLE_NUMBER
    return f"regexp_full_match({identifier(column.name)}, '{pattern}')"


def normalised_sql(column: Column, date_format: str, decimal_mark: str) -> str:
    """SQL: the value as stored in ``raw``: dates in ISO 8601, amounts with a point, everything else as sent; blank stays blank."""
    name = identifier(column.name)
    if column.kind is Kind.AMOUNT:
        return normalised_amount_sql(name, decimal_mark)
    if column.kind is Kind.DATE and date_format != ISO:
        return f"case when {name} = '' then '' else {normalised_date_sql(name, date_format)} end"
    return name
