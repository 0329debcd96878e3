"""Product catalog: ASIN, parent, title and picture of each SKU; the seller's own list, which takes precedence over Amazon's reports.

Quirks, with their source:
- No report has the parent ASIN of a variation, nor a picture for most listings (public sample of the listings report).
- Titles contain commas and quotes (10" Deluxe); SKUs may begin with zeros, which spreadsheet programs drop by default.
- One ASIN may have several SKUs, in the catalog as in the listings report.
- Spreadsheet programs write the list: comma, semicolon or tab, UTF-8 or Windows-1252, text in quotes where it needs them.
"""

from seller_warehouse.core.report_spec import Quoting, ReplacementScope, ReportSpec, column

SPEC = ReportSpec(
    name="product_catalog",
    amazon_type=None,
    title="Product catalog",
    found_at="the seller's own list",
    replacement_scope=ReplacementScope.KEY,
    key=("seller_sku",),
    quoting=Quoting.ALL,
    columns=(
        column("seller-sku", aliases=("sku", "msku"), filled=True),
        column("asin", aliases=("child-asin",)),
        column("parent-asin", required=False),
        column("title", free_text=True, aliases=("product-name", "item-name", "product-title"), required=False),
        column("image-url", aliases=("main-image-url", "image"), required=False),
    ),
)
