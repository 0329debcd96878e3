"""Rules for an order defects document, before its orders are counted."""

from great_expectations import ExpectationSuite

from expectations.common import row_rule, suite, with_copies
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: an order appears once, whatever its defects (an order counts once in the rate)."""
    return suite(
        spec,
        context,
        [
            row_rule(
                "order_stands_once",
                "copies > 1 and order_id <> ''",
                ["order_id", "order_date"],
                "the same order appears in more than one row",
                "nothing to do; the order is counted once",
                "warning",
                lookup=with_copies("order_id"),
            )
        ],
    )
