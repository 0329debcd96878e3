"""All orders by order date: one row per item line of an order, Amazon-fulfilled and seller-fulfilled, of the whole region.

Quirks, with their source:
- The documented columns have no line id, and two lines of one order may be equal in every column; they are still two
  lines (selling-partner-api-models issue 442).
- Prices and ``currency`` are blank while an order is Pending, and on cancelled lines; blank is unknown, not 0 (consumers' code).
- The answer covers the whole region whatever marketplace is requested; ``sales-channel`` is the marketplace
  (selling-partner-api-docs issue 1404).
- Multi-channel orders have the sales channel ``Non-Amazon`` or, with a country, ``Non-Amazon CA`` (seen in real settlement
  files, 2025), and ids that do not look like Amazon's.
- For a range of more than 30 days Amazon sends an error text instead of a report (tl-ecom, 2026-07-17).
- No pause is needed between two requests, unlike other report types (Reports API FAQ).
- Statuses are restated: Pending becomes Shipped or Cancelled, Shipped may become ``Shipped - Returned to Seller``; no published list.
- Brazil adds ``cpf``, a personal tax id, after ``promotion-ids``; other marketplaces and years add the columns of
  ``SOMETIMES`` and ``PERSONAL_SOMETIMES`` anywhere (headers in public consumers' code, 2024 to 2026).
- ``ship-city``, ``ship-state`` and ``ship-postal-code`` are the buyer's and are dropped; ``ship-country`` is kept.
"""

from seller_warehouse.core.report_spec import Agreement, Kind, ReplacementScope, ReportSpec, Requests, column, usual

ORDER_STATUSES = (
    "Pending",
    "Pending - Waiting for Pick Up",
    "PendingAvailability",
    "Unshipped",
    "PartiallyShipped",
    "Shipping",
    "Shipped",
    "Shipped - Picked Up",
    "Shipped - Out for Delivery",
    "Shipped - Delivered to Buyer",
    "Shipped - Rejected by Buyer",
    "Shipped - Returning to Seller",
    "Shipped - Returned to Seller",
    "Shipped - Undeliverable",
    "Shipped - Lost in Transit",
    "Shipped - Damaged",
    "Complete",
    "Cancelled",
    "Unfulfillable",
    "InvoiceUnconfirmed",
)
ITEM_STATUSES = ("Pending", "Unshipped", "Shipping", "Shipped", "Cancelled")

SOMETIMES = (
    "url",
    "number-of-items",
    "address-type",
    "tax-collection-model",
    "tax-collection-responsible-party",
    "payment-method-details",
    "item-extensions-data",
    "signature-confirmation-recommended",
    "fulfilled-by",
    "amazon-programs",
    "order-invoice-type",
    "is-iba",
    "is-sold-by-ab",
    "is-amazon-invoiced",
    "is-transparency",
    "is-heavy-or-bulky",
    "is-pickup-point-order",
    "is-buyer-requested-cancellation",
)
PERSONAL_SOMETIMES = (
    "cpf",
    "buyer-company-name",
    "buyer-cst-number",
    "buyer-vat-number",
    "buyer-tax-registration-id",
    "buyer-tax-registration-country",
    "buyer-tax-registration-type",
    "buyer-citizen-name",
    "buyer-citizen-id",
    "invoice-business-legal-name",
    "invoice-business-address",
    "invoice-business-tax-id",
    "invoice-business-tax-office",
    "licensee-name",
    "license-number",
    "license-state",
    "license-expiration-date",
    "customized-url",
    "customized-page",
    *(
        f"{which}-ship-from-{part}"
        for which in ("default", "actual")
        for part in (
            "address-name",
            "address-field-1",
            "address-field-2",
            "address-field-3",
            "city",
            "state",
            "country",
            "postal-code",
        )
    ),
)

SPEC = ReportSpec(
    name="orders",
    amazon_type="GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL",
    title="All orders by order date",
    found_at="Seller Central > Reports > Fulfillment > Sales > All Orders, by order date",
    replacement_scope=ReplacementScope.DATE,
    event_date="purchase_date",
    trailing_optional=2,
    requests=Requests(max_days=30, restated_days=60, pause_minutes=0),
    agreements=(
        Agreement(
            rule="updated_after_purchase",
            columns=("purchase_date", "last_updated_date"),
            broken="{last_updated_date} < {purchase_date} - 1",
            what="last-updated-date lies before purchase-date",
        ),
    ),
    columns=(
        column("amazon-order-id", filled=True),
        usual("merchant-order-id"),
        column("purchase-date", Kind.DATE, filled=True),
        column("last-updated-date", Kind.DATE),
        column("order-status", filled=True, codes=ORDER_STATUSES),
        column("fulfillment-channel", codes=("Amazon", "Merchant")),
        column("sales-channel"),
        usual("order-channel"),
        usual("ship-service-level"),
        usual("product-name", free_text=True),
        column("sku"),
        usual("asin"),
        usual("item-status", codes=ITEM_STATUSES),
        column("quantity", Kind.INTEGER),
        column("currency", Kind.CURRENCY),
        column("item-price", Kind.AMOUNT),
        column("item-tax", Kind.AMOUNT),
        column("shipping-price", Kind.AMOUNT),
        usual("shipping-tax", Kind.AMOUNT),
        usual("gift-wrap-price", Kind.AMOUNT),
        usual("gift-wrap-tax", Kind.AMOUNT),
        column("item-promotion-discount", Kind.AMOUNT),
        usual("ship-promotion-discount", Kind.AMOUNT),
        column("ship-city", personal=True, required=False),
        column("ship-state", personal=True, required=False),
        column("ship-postal-code", personal=True, required=False),
        column("ship-country", required=False),
        column("promotion-ids", required=False),
        column("is-business-order", required=False),
        column("purchase-order-number", required=False),
        column("price-designation", required=False),
        column("order-item-id", required=False),
        column("is-replacement-order", required=False),
        column("is-exchange-order", required=False),
        column("original-order-id", required=False),
        column("vat-exclusive-item-price", Kind.AMOUNT, required=False),
        column("vat-exclusive-shipping-price", Kind.AMOUNT, required=False),
        column("vat-exclusive-giftwrap-price", Kind.AMOUNT, required=False),
        *(column(header, required=False) for header in SOMETIMES),
        *(column(header, personal=True, required=False) for header in PERSONAL_SOMETIMES),
    ),
)
