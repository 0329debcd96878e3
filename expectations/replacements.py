"""Rules for a replacements document, before its units are counted."""

from great_expectations import ExpectationSuite

from expectations.common import identity, number, suite
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: a replacement ships at least one unit."""
    return suite(
        spec,
        context,
        [
            identity(
                "quantity_is_positive",
                f"{number('quantity')} < 1",
                ["original_amazon_order_id", "sku", "quantity"],
                "a replacement without units",
            )
        ],
    )
