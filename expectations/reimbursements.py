"""What a reimbursements document must be before its money is believed."""

from great_expectations import ExpectationSuite

from expectations.common import identity, number, suite
from seller_warehouse.gate import GateContext
from seller_warehouse.report_spec import ReportSpec


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: cash units and inventory units make up the total (seller help 200732720)."""
    total = number("quantity_reimbursed_total")
    parts = f"{number('quantity_reimbursed_cash')} + {number('quantity_reimbursed_inventory')}"
    return suite(
        spec,
        context,
        [
            identity(
                "units_add_up",
                f"{total} <> {parts}",
                ["quantity_reimbursed_cash", "quantity_reimbursed_inventory", "quantity_reimbursed_total"],
                "cash and inventory units do not make up the total",
            )
        ],
    )
