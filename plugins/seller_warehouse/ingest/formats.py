"""How the text of a value is judged and rewritten, as DuckDB expressions over a column of text.

The gate asks whether a value is what its column promises, the load rewrites dates and amounts in one spelling.
Both use these expressions, so a value that passes the gate can always be rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from seller_warehouse.core.report_spec import ISO, Agreement, Column, Kind
from seller_warehouse.core.sql import identifier, text_literal

WHOLE_NUMBER = "-?[0-9]{1,9}"
GROUP_BLANKS = " \u00a0\u202f"
"""What parts the thousands in French, Polish or Swedish: a blank, or one of two at which no line breaks."""


def amount_pattern(decimal_mark: str) -> str:
    """The regular expression of an amount: thousands in well-formed groups, at most four decimals. Blanks part groups where commas are decimal marks.

    DECIMAL(18,4) holds four decimals and fourteen digits, so that a hundred of the largest amounts can still be summed. No real one
    has more than twelve, while a barcode in the wrong column has thirteen.
    """
    mark, group = (",", f"[.{GROUP_BLANKS}]") if decimal_mark == "," else (r"\.", ",")
    return rf"[-+]?([0-9]{{1,12}}|[0-9]{{1,3}}({group}[0-9]{{3}}){{1,3}})({mark}[0-9]{{1,4}})?"


def ambiguous_amount_sql(column: str, decimal_mark: str) -> str:
    """True where a value would read differently under the other decimal mark and nothing in it decides."""
    other = r"\." if decimal_mark == "," else ","
    return f"regexp_full_match({column}, '[-+]?[0-9]{{1,3}}{other}[0-9]{{3}}')"


_FOREIGN = "０１２３４５６７８９٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९٫．，＋－−＾Ｅｅ"
_PLAIN = "0123456789" * 4 + "..,+--^EE"
_UNSEEN = " \t\u00a0\u2007\u2009\u202f\u3000\u200b\u200e\u200f\u061c\u2060\ufeff'\"="
"""Blanks, marks of direction, and what spreadsheets put in front of text; none of them makes a number an id."""

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
"""What is left of an id that was taken for a number: it has an exponent, a decimal, or zeros after the 15 digits that Excel keeps."""

_NO_OWN_CODE = (
    _TENFOLD,
    rf"{_MANTISSA}({_DECIMALS})?(E|أس|اس)[+][0-9]{{1,3}}",
    rf"{_MANTISSA}{_DECIMALS}(E|أس|اس)(0[0-9]{{1,2}}|[6-9]|1[35689]|2[0-2])",
    rf"{_MANTISSA}[.,][0-9]{{2,}}(E|أس|اس)([5-9]|1[0-9]|2[0-2])",
)
"""The same among the seller's own SKUs, where ``4.5E27`` may be a lamp: bases are E5, E10 to E12, E14, E17, E26, E27, E39 and E40."""


def damaged_id_sql(column: Column) -> str:
    """True where a spreadsheet or a program has shortened an id, in any locale and spelling (``1.23457E+11``, ``8,11E09``, ``8.11x10^9``).

    A column of several ids is searched, in any other one the whole value counts.
    """
    plain = f"translate({identifier(column.name)}, {text_literal(_FOREIGN + _UNSEEN)}, {text_literal(_PLAIN)})"
    damage = "|".join(_NO_OWN_CODE if column.holds_own_codes else _NO_ID)
    around = ("(^|[,;|])", "($|[,;|])") if column.name.endswith("ids") else ("^", "$")
    return f"regexp_matches({plain}, {text_literal(f'{around[0]}({damage}){around[1]}')}, 'i')"


def normalised_amount_sql(column: str, decimal_mark: str) -> str:
    """An amount with a decimal point and without thousands separators."""
    if decimal_mark == ",":
        return f"replace(translate({column}, '.{GROUP_BLANKS}', ''), ',', '.')"
    return f"replace({column}, ',', '')"


FIRST_YEAR = 1995
"""Amazon sold its first book in that year; a date before it is a mistake."""

_TIME = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?(Z| UTC| GMT|[-+](0[0-9]|1[0-4])(:?[0-5][0-9])?)?)?"
_ISO = f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([T ]{_TIME})?"
_DIRECTIVES = {
    "%Y": "[0-9]{4}", "%y": "[0-9]{2}", "%m": "[0-9]{1,2}", "%d": "[0-9]{1,2}", "%b": "[A-Za-z]{3}",
    "%H": "[0-9]{2}", "%M": "[0-9]{2}", "%S": "[0-9]{2}",
}  # fmt: skip


def last_year(retrieved_at: date) -> int:
    """The last year that a date of a document may lie in: deadlines and prices lie ahead, at most in the next year."""
    return retrieved_at.year + 1


def date_pattern(date_format: str) -> str:
    """The whole text of a date in one format, as a regular expression; a year has two digits where the format says so, and else four."""
    if date_format == ISO:
        return _ISO
    return "".join(_DIRECTIVES.get(part) or re.escape(part) for part in re.split("(%.)", date_format))


def date_sql(column: str, date_format: str, latest: int) -> str:
    """The calendar day as printed; null where the text is none in that format, from FIRST_YEAR to the year ``latest``.

    A year of two digits is the one from 1969 to 2068, and so judged like any other.
    """
    is_whole = f"regexp_full_match({column}, {text_literal(date_pattern(date_format))})"
    if date_format == ISO:
        # A time or an offset that does not exist would stop the staging models.
        is_whole += f" and try_cast({column} as timestamptz) is not null"
        day = f"try_cast(substr({column}, 1, 10) as date)"
    else:
        day = f"cast(try_strptime({column}, {text_literal(date_format)}) as date)"
    return f"case when {is_whole} and year({day}) between {FIRST_YEAR} and {latest} then {day} end"


def broken_agreement_sql(agreement: Agreement, date_formats: dict[str, str], latest: int, key: Iterable[str]) -> str:
    """A condition that holds where a row breaks an agreement of its dates, and of those that all rows of its ``key`` share.

    It may hold windows, so it is no filter.
    """
    days = {name: f"({date_sql(identifier(name), date_formats[name], latest)})" for name in (*agreement.columns, *agreement.of_key)}
    of_key = ", ".join(map(identifier, key))
    days |= {name: f"max({days[name]}) over (partition by {of_key})" for name in agreement.of_key}
    return agreement.broken.format(**days)


def normalised_date_sql(column: str, date_format: str) -> str:
    """The date in ISO 8601: text that is ISO already stays as it is, a month stays a month."""
    if date_format == ISO:
        return column
    if "%d" not in date_format:
        written = "%Y-%m"
    elif "%H" in date_format:
        written = "%Y-%m-%dT%H:%M:%S+00:00"
    else:
        written = "%Y-%m-%d"
    return f"strftime(try_strptime({column}, {text_literal(date_format)}), '{written}')"


def valid_value_sql(column: Column, date_format: str, decimal_mark: str, latest: int) -> str:
    """A condition that holds where a filled value is what its column promises; ``latest`` is the last year of a date."""
    name = identifier(column.name)
    match column.kind:
        case Kind.INTEGER:
            return f"regexp_full_match({name}, '{WHOLE_NUMBER}')"
        case Kind.AMOUNT:
            return f"regexp_full_match({name}, '{amount_pattern(decimal_mark)}')"
        case Kind.DATE:
            return f"({date_sql(name, date_format, latest)}) is not null"
        case _:
            return "true"


def normalised_sql(column: Column, date_format: str, decimal_mark: str) -> str:
    """The value as ``raw`` keeps it: dates in ISO 8601, amounts with a point, all else as sent; blank stays blank."""
    name = identifier(column.name)
    if column.kind is Kind.AMOUNT:
        return normalised_amount_sql(name, decimal_mark)
    if column.kind is Kind.DATE and date_format != ISO:
        return f"case when {name} = '' then '' else {normalised_date_sql(name, date_format)} end"
    return name
