"""Rules for an orders document, before its orders are counted."""

from great_expectations import ExpectationSuite

from expectations.common import has_currency, suite
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: a price has a currency."""
    return suite(spec, context, [has_currency("item_price", "currency", "amazon_order_id")])
