"""Rules for a fulfilled shipments document, before its parcels are used."""

from great_expectations import ExpectationSuite

from expectations.common import has_currency, row_rule, suite, with_copies
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: a price has a currency, and a shipment item is in a parcel once (it is the report's key)."""
    rules = []
    if {"item_price", "currency"} <= context.columns:
        rules.append(has_currency("item_price", "currency", "amazon_order_id"))
    if "shipment_item_id" in context.columns:
        rules.append(
            row_rule(
                "shipment_item_is_unique",
                "copies > 1 and shipment_item_id <> ''",
                ["shipment_item_id", "tracking_number"],
                "a shipment item appears twice in one parcel",
                "compare with Seller Central; every row is kept",
                "warning",
                with_copies("shipment_item_id", "tracking_number"),
            )
        )
    return suite(spec, context, rules)
