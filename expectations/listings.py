"""Rules for a listings document, before its names are used."""

from great_expectations import ExpectationSuite

from expectations.common import row_rule, suite, with_copies
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: a SKU is listed once, since it identifies a listing."""
    return suite(
        spec,
        context,
        [
            row_rule(
                "sku_listed_once",
                "copies > 1 and seller_sku <> ''",
                ["seller_sku"],
                "the same seller-sku is listed more than once",
                "compare with Seller Central; the name of either row may be shown",
                "warning",
                lookup=with_copies("seller_sku"),
            )
        ],
    )
