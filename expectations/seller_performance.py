"""Rules for a seller performance document, before its rates are shown beside ours."""

from great_expectations import ExpectationSuite

from expectations.common import row_rule, suite, with_copies
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.core.sql import identifier
from seller_warehouse.ingest.gate import GateContext

_AGAIN = "ask for the report again"


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: rates are numbers and should be fractions, and a marketplace should have one row per channel."""
    rates = [c for c in spec.kept if c.name in ("rate", "target_value") or c.name.endswith("_rate")]
    as_number = {c.name: f"try_cast({identifier(c.name)} as decimal(9, 6))" for c in rates}
    numbers = [
        row_rule(
            f"{c.name}_is_number",
            f"{identifier(c.name)} <> '' and {as_number[c.name]} is null",
            [c.name],
            f"{c.header} is no number below 1000",
            _AGAIN,
        )
        for c in rates
    ]
    return suite(
        spec,
        context,
        [
            *numbers,
            row_rule(
                "rates_are_fractions",
                " or ".join(f"{n} not between 0 and 1" for n in as_number.values()),
                ["marketplace_id", "fulfillment_channel", "rate"],
                "a rate is not between 0 and 1",
                _AGAIN,
                "warning",
            ),
            row_rule(
                "one_row_per_channel",
                "copies > 1",
                ["marketplace_id", "fulfillment_channel"],
                "the marketplace and channel appear more than once in the report",
                _AGAIN,
                "warning",
                lookup=with_copies("marketplace_id", "fulfillment_channel"),
            ),
        ],
    )
