"""Sourcing costs: the cost of a unit from a day on, by the seller or by Amazon's estimate; the seller's own list.

Quirks, with their source:
- Since March 2025 Amazon pays this cost, not the sale price, for units lost or damaged before an order: the price of the
  manufacturer or wholesaler, without freight, handling and duties (Amazon's announcements of that policy).
- Amazon estimates the cost unless the seller states it, so one product may have a cost of each ``origin``; a blank origin means the seller's.
- A change applies from its day on and never reopens older payments, so costs are kept by ``effective-from``, which may be in the future.
- A row names the product by ``seller-sku``, ``fnsku`` or both; an unused column may be missing.
- Spreadsheet programs write the list: comma, semicolon or tab, UTF-8 or Windows-1252, text in quotes where it needs them.
"""

from seller_warehouse.core.report_spec import LOCAL, Kind, Quoting, ReplacementScope, ReportSpec, column

SPEC = ReportSpec(
    name="sourcing_costs",
    amazon_type=None,
    title="Sourcing costs",
    found_at="the seller's own list",
    replacement_scope=ReplacementScope.KEY,
    key=("seller_sku", "fnsku", "currency", "effective_from", "origin"),
    quoting=Quoting.ALL,
    columns=(
        column("seller-sku", aliases=("sku", "msku"), required=False),
        column("fnsku", required=False),
        column("currency", Kind.CURRENCY, aliases=("currency-code", "currency-unit"), filled=True),
        column("sourcing-cost", Kind.AMOUNT, aliases=("manufacturing-cost", "unit-cost"), filled=True),
        column("effective-from", Kind.DATE, aliases=("effective-from-date", "effective-date", "valid-from"), filled=True, formats=(LOCAL,)),
        column("origin", aliases=("cost-origin",), required=False),
    ),
)
