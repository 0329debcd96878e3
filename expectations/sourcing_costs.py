"""Rules for a list of sourcing costs, before units are valued by it."""

from great_expectations import ExpectationSuite

from expectations.common import row_rule, suite, with_copies
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.core.sql import identifier
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: a cost names its product, is not negative, has a known origin, and appears once."""
    products = [c for c in ("seller_sku", "fnsku") if c in context.columns]
    keys = [c for c in spec.key if c in context.columns]
    without_product = " and ".join(["true", *(f"coalesce({identifier(c)}, '') = ''" for c in products)])
    rules = [
        row_rule(
            "product_is_named",
            without_product,
            [*products, "currency", "sourcing_cost"],
            "neither seller-sku nor fnsku is filled",
            "name the product in one of the two columns",
        ),
        row_rule(
            "cost_not_negative",
            "regexp_matches(sourcing_cost, '^-.*[1-9]')",
            [*products, "sourcing_cost"],
            "sourcing-cost is negative",
            "correct the cost",
        ),
        row_rule(
            "cost_stands_once",
            "copies > 1",
            [*keys, "sourcing_cost"],
            "the same product, currency, day and origin has more than one cost",
            "keep one of the rows",
            "warning",
            lookup=with_copies(*keys),
        ),
    ]
    if "origin" in context.columns:
        rules.append(
            row_rule(
                "origin_is_seller_or_amazon",
                "origin <> '' and upper(origin) not in ('SELLER', 'AMAZON')",
                [*products, "origin"],
                "origin is neither SELLER nor AMAZON",
                "write SELLER or AMAZON, or leave it blank",
            )
        )
    return suite(spec, context, rules)
