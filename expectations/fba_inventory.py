"""Rules for a snapshot of the FBA inventory, before its units are counted."""

from great_expectations import ExpectationSuite

from expectations.common import row_rule, suite, with_copies
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: a SKU with its FNSKU appears once, else its stock counts twice."""
    return suite(
        spec,
        context,
        [
            row_rule(
                "sku_stands_once",
                "copies > 1",
                ["sku", "fnsku"],
                "the SKU appears more than once, so its stock may count twice",
                "compare with Seller Central; take one marketplace at a time",
                "warning",
                lookup=with_copies("sku", "fnsku"),
            )
        ],
    )
