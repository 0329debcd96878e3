"""Rules for a seller feedback document, before its ratings are counted."""

from great_expectations import ExpectationSuite

from expectations.common import number, row_rule, suite
from seller_warehouse.core.report_spec import LOCAL, ReportSpec
from seller_warehouse.ingest.formats import date_sql
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: a rating is 1 to 5 stars, and the account's other marketplaces would read the dates as the same days."""
    return suite(
        spec,
        context,
        [
            row_rule(
                "rating_is_1_to_5",
                f"{number('rating')} not between 1 and 5",
                ["rating", "order_id"],
                "Rating is not 1 to 5 stars",
                "compare with Seller Central, and download the report again",
            ),
            row_rule(
                "date_is_unambiguous",
                "reads_otherwise",
                ["date"],
                "Date would be another day in the date format of another marketplace of the account, and no date of the file decides",
                "ask for a longer range; a date after the 12th decides the format",
                "warning",
                lookup=f"(select *, {_reads_otherwise(context)} as reads_otherwise from {{batch}})",
            ),
        ],
    )


def _reads_otherwise(context: GateContext) -> str:
    """SQL: another format of the account fits every row of the document, and makes this row another day."""
    chosen = date_sql("date", context.date_formats["date"], context.latest_year)
    others = (date_sql("date", f, context.latest_year) for f in context.account.date_formats((LOCAL,)) if f != context.date_formats["date"])
    return " or ".join(f"(bool_and(({o}) is not null) over (partition by _document) and ({o}) <> ({chosen}))" for o in others)
