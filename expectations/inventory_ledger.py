"""Rules for an inventory ledger document, before its units are counted."""

from great_expectations import ExpectationSuite

from expectations.common import identity, number, row_rule, suite
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: a row names its stock; reconciled and unreconciled units, if filled, make up the quantity."""
    named = row_rule(
        "stock_is_named",
        "coalesce(fnsku, '') = '' and coalesce(msku, '') = ''",
        ["fnsku", "msku", "date", "event_type"],
        "neither FNSKU nor MSKU says which stock moved",
        "download the report again; if it was edited, fill the cell",
    )
    parts = f"{number('reconciled_quantity')} + {number('unreconciled_quantity')}"
    rule = identity(
        "reconciliation_adds_up",
        f"reconciled_quantity <> '' and unreconciled_quantity <> '' and abs({number('quantity')}) <> {parts}",
        ["quantity", "reconciled_quantity", "unreconciled_quantity"],
        "reconciled and unreconciled units do not make up the quantity",
    )
    return suite(spec, context, [named, *([rule] if "unreconciled_quantity" in context.columns else [])])
