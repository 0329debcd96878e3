"""What a removal shipment document must be before its units are counted."""

from great_expectations import ExpectationSuite

from expectations.common import suite
from seller_warehouse.gate import GateContext
from seller_warehouse.report_spec import ReportSpec


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks; Amazon promises no more of this report."""
    return suite(spec, context)
