"""Rules for an inventory ledger summary, before its balances are used."""

from great_expectations import ExpectationSuite

from expectations.common import identity, number, suite
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.gate import GateContext

MOVEMENTS = (
    "receipts",
    "customer_shipments",
    "customer_returns",
    "vendor_returns",
    "warehouse_transfer_in_out",
    "found",
    "lost",
    "damaged",
    "disposed",
    "other_events",
    "unknown_events",
)


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: the opening balance and all movements make up the closing one (seller help G201711700)."""
    closing = number("ending_warehouse_balance")
    parts = " + ".join(number(c) for c in ("starting_warehouse_balance", *MOVEMENTS))
    rule = identity(
        "balance_adds_up",
        f"{closing} <> {parts}",
        ["date", "starting_warehouse_balance", "ending_warehouse_balance"],
        "the starting balance and the movements do not make up the ending balance",
    )
    return suite(spec, context, [rule] if {"starting_warehouse_balance", *MOVEMENTS} <= context.columns else [])
