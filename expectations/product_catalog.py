"""Rules for a product catalog, before its names are used."""

from great_expectations import ExpectationSuite

from expectations.common import row_rule, suite, with_copies
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.gate import GateContext


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: a SKU appears once, and pictures have an https address."""
    picture = row_rule(
        "image_url_is_https",
        "image_url <> '' and lower(image_url) not like 'https://_%'",
        ["seller_sku", "image_url"],
        "image-url does not begin with https://, so no page shows the picture",
        "write its https:// address",
        "warning",
    )
    return suite(
        spec,
        context,
        [
            *([picture] if "image_url" in context.columns else []),
            row_rule(
                "sku_stands_once",
                "copies > 1 and seller_sku <> ''",
                ["seller_sku"],
                "the same seller-sku appears in more than one row",
                "keep one of the rows",
                "warning",
                lookup=with_copies("seller_sku"),
            ),
        ],
    )
