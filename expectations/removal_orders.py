"""Rules for a removal order document, before its units are counted."""

from great_expectations import ExpectationSuite

from expectations.common import has_currency, identity, number, suite
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: every requested unit is cancelled, disposed, shipped or in process; a fee has a currency."""
    parts = ("cancelled_quantity", "disposed_quantity", "shipped_quantity", "in_process_quantity")
    rules = []
    if set(parts) <= context.columns:
        rules.append(
            identity(
                "units_add_up",
                f"{number('requested_quantity')} <> {' + '.join(number(p) for p in parts)}",
                ["order_id", "requested_quantity", *parts],
                "cancelled, disposed, shipped and in-process units do not make up the requested units",
            )
        )
    if {"removal_fee", "currency"} <= context.columns:
        rules.append(has_currency("removal_fee", "currency", "order_id"))
    return suite(spec, context, rules)
