"""Write ``docs/inputs.md``, the page about every supported file, from the specs and the suites."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import REPOSITORY, write_atomically
from seller_warehouse.core.report_spec import LOCAL, Column, ReplacementScope, ReportSpec
from seller_warehouse.ingest.bounds import MAX_COLUMNS, MAX_FIELD_LETTERS, MAX_HEADER_LETTERS, MAX_JSON_BYTES, MAX_JSON_DEPTH, MAX_LINE_BYTES
from seller_warehouse.ingest.decode import MAX_DOCUMENT_BYTES
from seller_warehouse.ingest.formats import FIRST_YEAR, last_year
from seller_warehouse.ingest.gate import GateContext
from seller_warehouse.ingest.history import CONFIRMED_AFTER_DAYS, FEW_ROWS, RESTATED_SHARE, SHRINK_FROM_ROWS
from seller_warehouse.ingest.workbook import MAX_WORKBOOK_BYTES
from seller_warehouse.reports import SPECS

PAGE = REPOSITORY / "docs" / "inputs.md"

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

Rule = tuple[str, str, str]
"""Severity, name, and what is wrong if the rule is broken."""

# No report uses this account's own date format, so the two can be told apart.
_ACCOUNT = Account(id="any", name="Any", region="eu", marketplaces=("A1F83G8C2ARO7P",), source="files")
_ISO = "YYYY-MM-DD (a time may follow)"
_LATEST_DAY = date(2026, 1, 1)
_WRITTEN = {"%Y": "YYYY", "%y": "YY", "%m": "MM", "%d": "DD", "%b": "Mon", "%H": "hh", "%M": "mm", "%S": "ss", "ISO": _ISO}

INTRODUCTION = f"""# Supported files

`make docs` generates this page from the code that reads the files; do not edit it by hand.

## How to drop a file

Put it into `inbox/<account id>/` in the warehouse's home (`data/`, or the folder in `SELLER_WAREHOUSE_HOME`) and run
`make run`. The file name does not matter: a file is recognised by its **header**. It may be

- tab-separated text as Amazon sends it, or comma- or semicolon-separated text as a spreadsheet saves it (CSV), with double quotes around a
  value that contains the separator; `seller_performance` is JSON;
- an Excel workbook (XLSX) with only one sheet that is not empty;
- plain, compressed with gzip, or the only file in a ZIP; text in UTF-8, UTF-16 or the usual charset where the account sells:
  Windows-1252; Windows-1254 if it sells in Turkey; Windows-1250 or 1256 if Poland or an Arabic country is its first marketplace;
  Shift_JIS if it sells in Japan, unless that would put Japanese characters inside Western words: then it is read as ISO-8859-1. The warning
  `charset` names every charset other than UTF-8 in which a file was read, unless Amazon declared it;
- with columns in any order. Capitals, blanks, hyphens and underscores in a header do not matter: `Event Type` is `event-type`;
- with all required columns, and with at least half of all columns of the report, by which it is recognised.

Amounts have a decimal point, `12.50`. If a marketplace of the account writes `12,50` or `1 250,00`, the contents of each file
decide. If nothing in a file decides (`1.250`), it is refused until `decimal_comma` is set for the account in `accounts.yaml`.
An amount has at most 12 digits and four decimals, a quantity at most 9 digits. The day of a row may not be after
the day the file was last modified. Every date is in the years from {FIRST_YEAR} to the one after that day, also if the year has two digits.

A file has at most {MAX_DOCUMENT_BYTES // 1024**3} GB unpacked, a workbook {MAX_WORKBOOK_BYTES // 1024**2} MB and a JSON file \
{MAX_JSON_BYTES // 1024**2} MB, nested at most {MAX_JSON_DEPTH} deep; a header has at most {MAX_COLUMNS} columns
of {MAX_HEADER_LETTERS} letters, a line {MAX_LINE_BYTES // 1024} KB, and a value {MAX_FIELD_LETTERS:,} letters, as many as a cell of a spreadsheet.
These limits are far above every known report.

### Damaged letters

Text that is not valid UTF-8 may be in another charset, or it may be UTF-8 with damaged bytes. The runs of bytes beyond ASCII show which:
in another charset hardly any run is valid UTF-8 as a whole. If for every two invalid runs there is at least one valid run of three bytes or
more, or one valid letter of a Western language, the file is refused with the line and column of the first damaged
byte. Fewer are chance (`CAFÉ®`): then the file is read in the other charset, and the warning names the line. JSON is always UTF-8.

### Quotes inside values

In text with commas or semicolons, and in lists of your own, a quote inside a value in double quotes is doubled: `"27"" monitor, black"`. Text
after the closing quote of a value (`"Best" Mug`) refuses the file with the line where the value begins. Producers that put every value of a row in
quotes, as Amazon does in the ledgers, often do not double them: in such files a quote ends a value only before a separator or the line end, and the
row is read in the way that gives it as many values as the header, so that `"Monitor 27""` is `Monitor 27"`. A row that can be read in no way
or in two ways is refused.

A value may have several lines only where people write text: in columns marked as free text below, personal columns, and columns that are left out. A
newline anywhere else, or a line inside a value that looks like a row, was swallowed by a stray quote and refuses the file.

A tab-separated report that Amazon does not quote is read as quoted in each of these cases: its header or its first row is quoted; a value that is
not free text is in quotes; quoted titles contain a comma or doubled quotes, as Excel writes them, while no unquoted title contains such signs.

### Spreadsheets

A spreadsheet changes what it opens, so drop reports as Amazon sends them whenever you can. A shortened id (`8.11E+09`,
`8,11E09`, `8.11×10^9`, in the digits of any language) is refused, in every column of ids, SKUs and tracking numbers. A SKU such as
`4.5E27` is accepted, since lamps have such names. In a workbook a number keeps its digits, a date becomes
YYYY-MM-DD; a formula without its value and an error such as `#N/A` are refused. Two changes cannot be seen in a file and give a warning: ids that
are numbers (`sheet_numbers`: leading zeros are lost unless the format of the cell shows them), and dates if the report writes the month first
(`sheet_dates`: the spreadsheet may have taken the day for the month).

### Files often dropped by mistake

| file | refused; drop this instead |
|---|---|
| a settlement in XML | the same settlement as text: Settlement, Flat File V2 |
| the date range report of payments (Transaction, Custom Unified Transaction), in any language | Settlement, Flat File V2, for the \
same days; the FBA reimbursements report for what Amazon paid back |
| a web page | sign in to Seller Central and download the report again |
| a ZIP with several files, a workbook with several sheets | each as a file of its own |
| a ZIP or a workbook with a password | the file unpacked, or saved without it |
| XLS, XLSB, ODS, a workbook in XML | the sheet saved as XLSX, or as CSV in UTF-8 |
| a PDF, a picture, RTF, DOCX | the same report as text or CSV |
| RAR, 7-Zip, bzip2, xz, zstd | the file unpacked |

### Faults in Amazon's own files

- **A tab inside a value** makes a row with one field too many, in every download. In a report that is known for it, the other rows
  load and that row is set aside with the warning `rows_set_aside`, which keeps its line and text in `meta.gate_results`. In any other
  report the file is refused: look at the line, and remove the tab.
- **A settlement whose lines do not add up to its total** is refused. If Seller Central shows the same, name it in
  `accept_unbalanced_settlements` of the account in `accounts.yaml` and drop it again: it loads, and the warning
  `accepted_settlement_adds_up` shows the difference.

## What happens to a file

1. A file that is still being written is left alone until its size and modification time stop changing.
2. Its bytes are kept for good, compressed, in `landing/`, and the file leaves the inbox. It counts as **retrieved when it was last
   modified**, so keep that time when you copy files (`cp -p`).
3. It is read and validated. If it is *refused*, nothing of it is loaded, the data already loaded does not change, and the other files continue: the
   file goes to `quarantine/` with a `reason.json`, and one sentence in the log, in `meta.loads` and at the end of `make run` names
   the line, the rule and the remedy. A *warning* does not stop a file; it is kept in `meta.gate_results`.
4. A file that passed is loaded. History is kept: rows that a newer file no longer has are closed, not deleted.

## Ambiguous dates

`05/10/26` is a day in May or in October. A file writes a column in one way, and the rest of its contents decides which: a date after the
12th in the same column; a second column with the same day (`posted-date` and `posted-date-time` of a settlement, `Date` and
`Date and Time` of the ledger); a range or an order (a settlement's period, `closed-date` after `filed-date`); the rule that the day of a row
is neither in the future nor outside the days requested from Amazon. If nothing decides, settlements and the ledger are read
month first, as Amazon documents them, and other files as the account's first marketplace writes dates, with the warning `day_order`.
The section of each report lists what then refuses a file, because rows would count on a wrong day, and what is a warning, because no day
depends on it or Amazon itself is not always exact.

Other facts that a file states twice are compared as well, and give warnings: units in cash, in kind and in total, amounts per
unit and in total, balances and movements. SKU and FNSKU are not compared (one FNSKU may belong to several SKUs), nor are country and currency
(goods are sold and stored across borders).

Columns marked as personal below are dropped while the file is read and never stored outside `landing/` and `quarantine/`.

## What a file replaces

Amazon restates its reports for months and they have no key, so rows are not matched one by one. A file **is the truth for its
scope**, which the section of each report defines. For most it is **every day from its first to its last date**, including days
in between without a row. Two equal rows are two units, and stay two.

- The **first and the last day** of a dropped file are often cut in the middle. Such a day is taken only if the file has at least as
  many rows for it as are held already. So let files overlap by a day or more. Rows of a day that was not taken and is not held with
  them give the verdict ROWS_LEFT_OUT, which names their lines; the rest of the file loads.
- A dropped file that is **not believed to cover what it spans** is refused by the rule `covers_what_it_replaces`, and nothing that is held
  changes: one that would close more than half of the rows held from its first to its last day, or all rows of more than half of the
  days (a mistyped month or year makes such files); one in which every row names the same SKU, FNSKU, ASIN or order, where others are held (a filter);
  and a snapshot with less than half of the rows of the one before it. Where it is right, drop it into `inbox/<account>/replace/`: it then
  replaces all it spans, its first and last day too, and its manifest says so.
- A **newer file wins** on the days that two files share, whatever the order in which they are dropped: an old file that turns up late
  fills only the days that no newer one covers.
- A day (an order, a settlement) with {SHRINK_FROM_ROWS} rows or more does not **shrink to less than half** by a newer file: that looks like a
  truncated answer. The loaded rows stay, with the warning `unit_shrank`.
- Days with fewer rows are checked over the **whole file**, whatever the seller's size. Of the rows loaded for its days (but the first and last)
  {FEW_ROWS} may always be missing, and of many about {RESTATED_SHARE:.0%} plus a margin for chance: 6 of 20, 11 of 51, 128 of 1,000. If more
  are missing, each day that lost rows stays as it is, with the same warning; the other days load. Another file with as
  many rows of such a day {CONFIRMED_AFTER_DAYS} days later or more is believed: Amazon has then taken the rows back. Lists of your own
  always replace what they name.
- **The same file again** changes nothing and is reported as UNCHANGED. It counts as retrieved at the earliest of its times.
- A file with a header and **no rows** deletes nothing.
"""

EVERY_FILE = """
## What is checked in every file

Refused before its rows are read: an empty file · damaged gzip, ZIP or workbook · a file that is no report (above) · text in no
known charset, in damaged UTF-8 or with NUL bytes · a file that exceeds the sizes above · a header that no report has, or one with a required
column missing or repeated, or with a quote that encloses nothing · an error sentence instead of a report · a row with too many fields, or
with fewer than the report allows · an unclosed quote, or one followed by text · a newline in a value that is not free text · truncated JSON,
or JSON with a repeated key · a link instead of a file · a folder of no known account.

Loaded with a warning: `unknown_columns` (columns that the report is not known to have are left out) · `header_by_position` (the header is
in an unknown language) · `no_final_newline` (the file may have been cut after its last line) · `charset` (wrongly declared, or not
UTF-8) · `rows_set_aside`, `sheet_numbers`, `sheet_dates` (above) · `usual_columns` (columns that Amazon's file has and no mart needs are
missing) · `usual_volume` (fewer than half the rows per day of the last good load).

These rules refuse a file of any report. In the names of rules, here and below, `…` stands for the column's name in the warehouse
(`return_date_is_filled`):

"""


def main() -> None:
    """Write the page."""
    write_atomically(PAGE, page().encode())


def page() -> str:
    """The whole page."""
    rules = {spec.name: _rules(spec) for spec in SPECS.values()}
    shared = [r for r in next(iter(rules.values())) if all(r in of_report for of_report in rules.values())]
    contents = [f"| [{s.title}](#{s.name}) | `{s.name}` | {_code(s.amazon_type) if s.amazon_type else '—'} |" for s in SPECS.values()]
    return "".join(
        [
            INTRODUCTION,
            EVERY_FILE,
            "".join(f"- {line}\n" for line in _in_words(shared, ())),
            "\n## The reports\n\n| report | short name | Amazon's report type |\n|---|---|---|\n" + "\n".join(contents) + "\n",
            *(_section(spec, [r for r in rules[spec.name] if r not in shared]) for spec in SPECS.values()),
        ]
    )


def _section(spec: ReportSpec, rules: list[Rule]) -> str:
    facts = "".join(f"- **{name}:** {text}\n" for name, text in _facts(spec))
    return f'\n<a id="{spec.name}"></a>\n\n### {spec.title}\n\n{facts}{_spellings(spec)}{_checks(spec, rules)}'


def _facts(spec: ReportSpec) -> Iterator[tuple[str, str]]:
    yield (
        "Short name",
        f"`{spec.name}`" + (f", Amazon's `{spec.amazon_type}`" if spec.amazon_type else ", a file of your own or a download without an API"),
    )
    yield "Where to get it", spec.found_at
    yield "What a file replaces", _replaces(spec)
    if spec.requests and spec.requests.restated_days and spec.replacement_scope is not ReplacementScope.SNAPSHOT and not spec.requests.listed_only:
        yield "How often", f"rows still change for about {spec.requests.restated_days} days, so take at least that many days again each time"
    if spec.read_json:
        yield "Values read from the JSON", _headers(spec.kept)
        return
    yield "Required columns", _headers(c for c in spec.columns if c.required)
    usual = [c for c in spec.kept if c.usual]
    if usual:
        yield "Usual columns, a warning without", _headers(usual)
    optional = [c for c in spec.kept if not (c.required or c.usual)]
    if optional:
        yield "Optional columns", _headers(optional)
    if free := [c for c in spec.kept if c.free_text]:
        yield "Free text, which may have several lines", _headers(free)
    personal = [c for c in spec.columns if c.personal]
    if personal:
        yield "Dropped as personal", _headers(personal)
    if spec.trailing_optional:
        last = spec.columns[-1].header if spec.trailing_optional == 1 else f"{spec.trailing_optional} columns"
        yield "Short rows", f"a row may leave out the last {_code(last) if spec.trailing_optional == 1 else last}"
    if spec.sets_aside:
        yield "Rows with a tab too many", "are set aside with a warning; the others load"
    if spec.first_row_probes:
        yield "Other languages", f"a header in any language is accepted if all {len(spec.columns)} columns are in Amazon's order"
    for layout in spec.layouts:
        named = {c.name for c in spec.columns}
        yield f"Also accepted, {layout.name}", _headers(c for c in layout.columns if c.name not in named)


def _replaces(spec: ReportSpec) -> str:
    match spec.replacement_scope:
        case ReplacementScope.DATE:
            assert spec.event_date
            return f"every day from the first to the last {_code(spec.column(spec.event_date).header)} in it"
        case ReplacementScope.KEY:
            together = " with its ".join(
                [_headers([spec.column(spec.key[0])]), *([_headers(spec.column(k) for k in spec.key[1:])] if spec.key[1:] else [])]
            )
            return f"all rows of each {together} that it names"
        case ReplacementScope.SNAPSHOT:
            return "nothing: it shows one moment and is kept beside the earlier ones; the marts use the latest"


def _spellings(spec: ReportSpec) -> str:
    columns = {c.name: c for layout in spec.layouts for c in layout.columns} | {c.name: c for c in spec.columns}
    rows = [
        f"| {_code(c.header)} | {', '.join([*(_code(a) for a in c.aliases), *(f'{_code(a)} ¹' for a in c.shared)])} |"
        for c in columns.values()
        if c.aliases or c.shared
    ]
    shared = "\n¹ Several columns share this header; the columns on either side decide which one it is.\n" if any("¹" in r for r in rows) else ""
    return "\n| column | also accepted as |\n|---|---|\n" + "\n".join(rows) + "\n" + shared if rows else ""


def _checks(spec: ReportSpec, rules: list[Rule]) -> str:
    parts = []
    for severity, title in (("critical", "Refused if"), ("warning", "Loaded with a warning if")):
        lines = _in_words([r for r in rules if r[0] == severity], spec.kept)
        if lines:
            parts.append(f"\n{title}\n\n" + "".join(f"- {line}\n" for line in lines))
    return "".join(parts)


def _rules(spec: ReportSpec) -> list[Rule]:
    return [(e.severity.value, e.meta["rule"], e.meta["what"]) for e in whole_suite(spec).expectations]


def whole_suite(spec: ReportSpec) -> ExpectationSuite:
    """The report's suite for a file with every possible column."""
    context = GateContext(
        account=_ACCOUNT,
        columns=frozenset(c.name for c in spec.kept),
        date_formats={c.name: _ACCOUNT.date_formats(c.formats)[0] for c in spec.kept},
        decimal_mark=".",
        decimal_mark_is_certain=True,
        from_amazon=False,
        asked=None,
        latest_day=_LATEST_DAY,
        latest_year=last_year(_LATEST_DAY),
        usual_rows=None,
    )
    suite: ExpectationSuite = importlib.import_module(f"expectations.{spec.name}").build_suite(spec, context)
    return suite


def _in_words(rules: list[Rule], columns: tuple[Column, ...]) -> list[str]:
    """One line for each possible fault, with its columns and rules."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for _, rule, what in rules:
        said_of = max((c for c in columns if what.startswith(f"{c.header} ")), key=lambda c: len(c.header), default=None)
        text = what.removeprefix(f"{said_of.header} ") if said_of else what
        headers, names = found.setdefault(_plain(text), ([], []))
        headers.extend([_code(said_of.header)] if said_of else [])
        names.append(rule.replace(said_of.name, "…", 1) if said_of and rule.startswith(said_of.name) else rule)
    return [
        f"{'any of ' if len(headers) > 1 else ''}{', '.join(headers)}{' ' if headers else ''}{text} ({', '.join(map(_code, dict.fromkeys(names)))})"
        for text, (headers, names) in found.items()
    ]


def _plain(text: str) -> str:
    """A rule's text without the parts that hold for one account and day only, and with date formats in words."""
    text = text.replace(f" ({_LATEST_DAY})", "").replace(" (decimal point)", "")
    text = text.replace(f", of the years {FIRST_YEAR} to {last_year(_LATEST_DAY)}", "")
    text = text.replace(" or ".join(_ACCOUNT.date_formats((LOCAL,))), f"{_ISO} or as the account's marketplaces write dates")
    return functools.reduce(lambda t, code: t.replace(code, _WRITTEN[code]), _WRITTEN, text) if text.startswith("is no date") else text


def _headers(columns: Iterable[Column]) -> str:
    return ", ".join(_code(c.header) for c in columns)


def _code(text: str) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    main()
