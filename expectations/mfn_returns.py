"""Rules for a document of seller-fulfilled returns, before its claims and refunds are used."""

from great_expectations import ExpectationSuite

from expectations.common import has_currency, suite
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: money has a currency."""
    amounts = ("label_cost", "order_amount", "safe_t_claim_reimbursement_amount", "refunded_amount")
    given = [a for a in amounts if {a, "currency_code"} <= context.columns]
    return suite(spec, context, [has_currency(a, "currency_code", "order_id") for a in given])
