"""How the text of a value is judged and rewritten, as DuckDB expressions over a column of text.

The gate asks whether a value is what its column promises, the load rewrites dates and amounts in one spelling.
Both use these expressions, so a value that passes the gate can always be rewritten.
"""

from __future__ import annotations

from collections.abc import Iterable

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


def is_ambiguous_amount(column: str, decimal_mark: str) -> str:
    """True where a value would read differently under the other decimal mark and nothing in it decides."""
    other = r"\." if decimal_mark == "," else ","
    return f"regexp_full_match({column}, '[-+]?[0-9]{{1,3}}{other}[0-9]{{3}}')"


def is_damaged_id(column: Column) -> str:
    """True where a spreadsheet has shortened an id in any locale (``1.23457E+11``, ``2,00012e14``), or has written a decimal or zeros to it.

    In the seller's own SKUs only a signed exponent counts, since ``4.5E27`` may be a lamp. Excel keeps 15 digits, and the rest are zeros.
    """
    name = identifier(column.name)
    if column.holds_own_codes:
        damage = [r"[0-9]([.,٫][0-9]+)?E[+][0-9]{1,3}"]
    else:
        damage = [r"[0-9][.,٫][0-9]+E[+-]?[0-9]{1,3}", r"[0-9]E[+][0-9]{1,3}", r"[0-9]{6,}[.,]0+", r"[1-9][0-9]{14}0{7,}"]
    return " or ".join(f"regexp_full_match({name}, '{d}', 'i')" for d in damage)


def amount_text(column: str, decimal_mark: str) -> str:
    """An amount with a decimal point and without thousands separators."""
    if decimal_mark == ",":
        return f"replace(translate({column}, '.{GROUP_BLANKS}', ''), ',', '.')"
    return f"replace({column}, ',', '')"


def as_date(column: str, date_format: str) -> str:
    """The calendar day as printed, null where the text is none in that format, or none of these centuries.

    A format with a year of four digits also fits a year of two, as a day in antiquity.
    """
    if date_format == ISO:
        valid = f"regexp_matches({column}, '^(19|20|21)[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}[^(]*$') and try_cast({column} as timestamptz) is not null"
        return f"case when {valid} then try_cast(substr({column}, 1, 10) as date) end"
    day = f"try_strptime({column}, {text_literal(date_format)})"
    return f"case when year({day}) between 1900 and 2199 then cast({day} as date) end"


def is_broken(agreement: Agreement, date_formats: dict[str, str], key: Iterable[str]) -> str:
    """A condition that holds where a row breaks an agreement of its dates, and of those that all rows of its ``key`` share.

    It may hold windows, so it is no filter.
    """
    days = {name: f"({as_date(identifier(name), date_formats[name])})" for name in (*agreement.columns, *agreement.of_key)}
    of_key = ", ".join(map(identifier, key))
    days |= {name: f"max({days[name]}) over (partition by {of_key})" for name in agreement.of_key}
    return agreement.broken.format(**days)


def date_text(column: str, date_format: str) -> str:
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


def is_valid(column: Column, date_format: str, decimal_mark: str) -> str:
    """A condition that holds where a filled value is what its column promises."""
    name = identifier(column.name)
    match column.kind:
        case Kind.INTEGER:
            return f"regexp_full_match({name}, '{WHOLE_NUMBER}')"
        case Kind.AMOUNT:
            return f"regexp_full_match({name}, '{amount_pattern(decimal_mark)}')"
        case Kind.DATE:
            return f"({as_date(name, date_format)}) is not null"
        case _:
            return "true"


def one_spelling(column: Column, date_format: str, decimal_mark: str) -> str:
    """The value as ``raw`` keeps it: dates in ISO 8601, amounts with a point, all else as sent; blank stays blank."""
    name = identifier(column.name)
    if column.kind is Kind.AMOUNT:
        return amount_text(name, decimal_mark)
    if column.kind is Kind.DATE and date_format != ISO:
        return f"case when {name} = '' then '' else {date_text(name, date_format)} end"
    return name
