"""Rules for a customer returns document, before its units are counted."""

from great_expectations import ExpectationSuite

from expectations.common import identity, number, row_rule, suite
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: a return has at least one unit and a disposition, which decides whose fault the defect is."""
    return suite(
        spec,
        context,
        [
            identity(
                "quantity_is_positive",
                f"{number('quantity')} < 1",
                ["order_id", "sku", "quantity"],
                "a return without units",
            ),
            row_rule(
                "detailed_disposition_is_given",
                "coalesce(detailed_disposition, '') = ''",
                ["order_id", "sku", "detailed_disposition"],
                "detailed-disposition is blank, so it is unknown whose fault the return is",
                "look the order up in Seller Central; the row loads with an unknown disposition",
                "warning",
            ),
        ],
    )
