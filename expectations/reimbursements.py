"""Rules for a reimbursements document, before its money is counted."""

from great_expectations import ExpectationSuite

from expectations.common import identity, number, suite
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.formats import normalised_amount_sql
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: cash and inventory units add up to the total (seller help 200732720), and the amounts per cash unit to the amount."""
    total = number("quantity_reimbursed_total")
    parts = f"{number('quantity_reimbursed_cash')} + {number('quantity_reimbursed_inventory')}"
    money = {c: f"try_cast({normalised_amount_sql(c, context.decimal_mark)} as decimal(18, 4))" for c in ("amount_total", "amount_per_unit")}
    return suite(
        spec,
        context,
        [
            identity(
                "units_add_up",
                f"{total} <> {parts}",
                ["quantity_reimbursed_cash", "quantity_reimbursed_inventory", "quantity_reimbursed_total"],
                "cash and inventory units do not make up the total",
            ),
            # A reversal may have either sign in its amount per unit, and payments of one day may be merged.
            identity(
                "amounts_add_up",
                f"abs(abs({money['amount_total']}) - abs({money['amount_per_unit']} * {number('quantity_reimbursed_cash')})) "
                f"> 0.01 * abs({number('quantity_reimbursed_cash')})",
                ["reimbursement_id", "amount_per_unit", "quantity_reimbursed_cash", "amount_total"],
                "amount-per-unit times the units paid in cash is not amount-total",
            ),
        ],
    )
