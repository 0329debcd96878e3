"""Rules for a removal shipment document, before its units are counted."""

from great_expectations import ExpectationSuite

from expectations.common import suite
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks; Amazon documents no further rule for this report."""
    return suite(spec, context)
