"""What an orders document must be before its orders are counted."""

from great_expectations import ExpectationSuite

from expectations.common import identity, suite
from seller_warehouse.gate import GateContext
from seller_warehouse.report_spec import ReportSpec


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: a price has a currency."""
    return suite(
        spec,
        context,
        [
            identity(
                "price_has_currency",
                "regexp_matches(item_price, '[1-9]') and currency = ''",
                ["amazon_order_id", "item_price", "currency"],
                "an item price has no currency",
            )
        ],
    )
