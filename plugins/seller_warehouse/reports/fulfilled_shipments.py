"""Amazon fulfilled shipments: one row per item that Amazon shipped, including multi-channel orders.

Quirks, with their source:
- ``shipment-item-id`` identifies the item, the one real key in a report of order lines (developer docs).
- It is the only source of ``estimated-arrival-date``, from which the claim window of a multi-channel order runs; it may
  be blank (window: seller help 200332450).
- Multi-channel orders have the sales channel ``Non-Amazon`` or, with a country, ``Non-Amazon CA`` (seen in real settlement
  files, 2025), and ids that do not look like Amazon's; they have no price.
- The buyer's, recipient's and billing columns are blank without the role for personal data. They are always dropped, and a file
  without them is accepted. ``ship-country`` is kept.
- More than a month in one request, or anything older than 18 months, ends FATAL (selling-partner-api-models issue 2302).
- Shipments appear after 1 to 24 hours, sometimes only after days (selling-partner-api-models issue 1687).
- Older files may end before ``fulfillment-center-id``, ``fulfillment-channel`` or ``sales-channel`` (no source; tolerated).
"""

from seller_warehouse.core.report_spec import Agreement, Kind, ReplacementScope, ReportSpec, Requests, column, usual

SPEC = ReportSpec(
    name="fulfilled_shipments",
    amazon_type="GET_AMAZON_FULFILLED_SHIPMENTS_DATA_GENERAL",
    title="Amazon fulfilled shipments",
    found_at="Seller Central > Reports > Fulfillment > Sales > Amazon Fulfilled Shipments",
    replacement_scope=ReplacementScope.DATE,
    event_date="shipment_date",
    trailing_optional=3,
    requests=Requests(max_days=30, restated_days=30, pause_minutes=30),
    agreements=(
        Agreement(
            rule="shipped_after_purchase",
            columns=("purchase_date", "shipment_date"),
            broken="{shipment_date} < {purchase_date} - 1",
            what="shipment-date lies before purchase-date",
        ),
        Agreement(
            rule="reported_after_shipment",
            columns=("shipment_date", "reporting_date"),
            broken="{reporting_date} < {shipment_date} - 1",
            what="reporting-date lies before shipment-date",
        ),
        Agreement(
            rule="arrives_after_purchase",
            columns=("purchase_date", "estimated_arrival_date"),
            broken="{estimated_arrival_date} < {purchase_date} - 1",
            what="estimated-arrival-date lies before purchase-date",
        ),
    ),
    columns=(
        column("amazon-order-id", filled=True),
        column("merchant-order-id"),
        usual("shipment-id"),
        usual("shipment-item-id", usually_filled=True),
        usual("amazon-order-item-id"),
        usual("merchant-order-item-id"),
        usual("purchase-date", Kind.DATE),
        usual("payments-date", Kind.DATE),
        column("shipment-date", Kind.DATE, filled=True),
        usual("reporting-date", Kind.DATE),
        column("buyer-email", personal=True, required=False),
        column("buyer-name", personal=True, required=False),
        column("buyer-phone-number", personal=True, required=False),
        column("sku"),
        usual("product-name", free_text=True),
        column("quantity-shipped", Kind.INTEGER, filled=True),
        usual("currency", Kind.CURRENCY),
        usual("item-price", Kind.AMOUNT),
        usual("item-tax", Kind.AMOUNT),
        usual("shipping-price", Kind.AMOUNT),
        usual("shipping-tax", Kind.AMOUNT),
        usual("gift-wrap-price", Kind.AMOUNT),
        usual("gift-wrap-tax", Kind.AMOUNT),
        column("ship-service-level"),
        column("recipient-name", personal=True, required=False),
        column("ship-address-1", personal=True, required=False),
        column("ship-address-2", personal=True, required=False),
        column("ship-address-3", personal=True, required=False),
        column("ship-city", personal=True, required=False),
        column("ship-state", personal=True, required=False),
        column("ship-postal-code", personal=True, required=False),
        column("ship-country", required=False),
        column("ship-phone-number", personal=True, required=False),
        column("bill-address-1", personal=True, required=False),
        column("bill-address-2", personal=True, required=False),
        column("bill-address-3", personal=True, required=False),
        column("bill-city", personal=True, required=False),
        column("bill-state", personal=True, required=False),
        column("bill-postal-code", personal=True, required=False),
        column("bill-country", personal=True, required=False),
        usual("item-promotion-discount", Kind.AMOUNT),
        usual("ship-promotion-discount", Kind.AMOUNT),
        column("carrier"),
        column("tracking-number"),
        column("estimated-arrival-date", Kind.DATE),
        column("fulfillment-center-id", required=False),
        column("fulfillment-channel", required=False, codes=("AFN",)),
        column("sales-channel", required=False),
    ),
)
