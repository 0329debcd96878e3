"""FBA customer returns: what buyers sent back and a fulfillment center received, usually one unit per row.

Quirks, with their source:
- There is no key: equal rows without ``license-plate-number`` are different units, and one plate may come back on
  another order (rows published by a returns importer's tests, 2026).
- ``return-date`` is the day the fulfillment center processed the unit, not the day of the refund (seller help 200453320);
  rows are posted late, so 35 days and more are read again (Openbridge), and a unit may reappear under another day
  (selling-partner-api-docs issue 2459).
- A refund without a return has no row; returnless refunds never appear (200453320).
- ``status`` is absent in the United Arab Emirates (abuzuhri/Amazon-SP-API-CSharp pull request 126); Seller Central's own
  download says ``amazon-order-id``, and Australia's help pages spell ``fulfilment-centre-id``.
- ``order-id`` may be blank, and is free text on multi-channel orders (``Shopify #1001 0000000001``).
- ``reason`` is the buyer's choice; only ``detailed-disposition`` shows whose fault it was.
- ``customer-comments`` is the buyer's own text: dropped. As the last column it may be omitted from a row.
"""

from seller_warehouse.core.report_spec import Kind, ReplacementScope, ReportSpec, Requests, column, usual

DISPOSITIONS = ("SELLABLE", "DAMAGED", "CUSTOMER_DAMAGED", "DEFECTIVE", "CARRIER_DAMAGED", "EXPIRED")
STATUSES = ("Unit returned to inventory", "Reimbursed", "Pending repackaging", "Repackaged Successfully")
REASONS = (
    "OTHER",
    "ORDERED_WRONG_ITEM",
    "FOUND_BETTER_PRICE",
    "NO_REASON_GIVEN",
    "QUALITY_UNACCEPTABLE",
    "NOT_COMPATIBLE",
    "DAMAGED_BY_FC",
    "MISSED_ESTIMATED_DELIVERY",
    "MISSING_PARTS",
    "DAMAGED_BY_CARRIER",
    "SWITCHEROO",
    "DEFECTIVE",
    "EXTRA_ITEM",
    "UNWANTED_ITEM",
    "WARRANTY",
    "UNAUTHORIZED_PURCHASE",
    "UNDELIVERABLE_INSUFFICIENT_ADDRESS",
    "UNDELIVERABLE_FAILED_DELIVERY_ATTEMPTS",
    "UNDELIVERABLE_REFUSED",
    "UNDELIVERABLE_UNKNOWN",
    "UNDELIVERABLE_UNCLAIMED",
    "UNDELIVERABLE_CARRIER_MISS_SORTED",
    "APPAREL_TOO_SMALL",
    "APPAREL_TOO_LARGE",
    "APPAREL_STYLE",
    "MISORDERED",
    "NOT_AS_DESCRIBED",
    "JEWELRY_TOO_SMALL",
    "JEWELRY_TOO_LARGE",
    "JEWELRY_BATTERY",
    "JEWELRY_NO_DOCS",
    "JEWELRY_BAD_CLASP",
    "JEWELRY_LOOSE_STONE",
    "JEWELRY_NO_CERT",
    "NEVER_ARRIVED",
    "PRODUCT_NOT_SPANISH",
    "PRODUCT_NOT_ITALIAN",
)

SPEC = ReportSpec(
    name="customer_returns",
    amazon_type="GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA",
    title="FBA customer returns",
    found_at="Seller Central > Reports > Fulfillment > Customer Concessions > FBA customer returns",
    replacement_scope=ReplacementScope.DATE,
    event_date="return_date",
    trailing_optional=1,
    requests=Requests(max_days=30, restated_days=45),
    columns=(
        column("return-date", Kind.DATE, filled=True),
        column("order-id", aliases=("amazon-order-id",)),
        column("sku", filled=True),
        usual("asin"),
        column("fnsku"),
        usual("product-name", free_text=True),
        column("quantity", Kind.INTEGER, filled=True),
        usual("fulfillment-center-id", aliases=("fulfilment-centre-id",)),
        column("detailed-disposition", codes=DISPOSITIONS),
        usual("reason", codes=REASONS),
        column("status", required=False, codes=STATUSES),
        usual("license-plate-number"),
        column("customer-comments", required=False, personal=True),
    ),
)
