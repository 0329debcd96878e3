"""Rules for a log of claims, before its units count as claimed."""

from great_expectations import ExpectationSuite

from expectations.common import number, row_rule, suite
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.core.sql import identifier
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: a claim names its subject and at least one unit."""
    subjects = [c for c in ("order_id", "fnsku", "seller_sku", "transaction_id") if c in context.columns]
    without_subject = " and ".join(["true", *(f"coalesce({identifier(c)}, '') = ''" for c in subjects)])
    rules = [
        row_rule(
            "units_are_positive",
            f"{number('units')} <= 0",
            ["case_id", "units"],
            "units is not positive",
            "enter the number of claimed units",
        ),
        row_rule(
            "subject_is_named",
            without_subject,
            ["case_id", *subjects],
            "none of order-id, fnsku, seller-sku and transaction-id is filled",
            "enter the subject of the case in one of these columns",
        ),
    ]
    return suite(spec, context, rules)
