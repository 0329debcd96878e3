"""FBA removal shipment detail: the parcels in which removed units left, by product.

Quirks, with their source:
- One removal order leaves in several shipments, carriers and tracking numbers; there is no key, and rows may be equal
  (seller help 200989100).
- It does not contain units that were disposed of or cancelled (200989100).
- Seller Central's help calls the first column ``removal-date`` where the API sends ``request-date``; both are the day the
  removal order was submitted (200989100; developer docs).
- ``tracking-number`` is blank if the carrier gave none (200989100).
- A repeated request for the same range returns other rows, even after 72 hours (selling-partner-api-models issues 4333, 5323).
- ``order-id`` is the id of the removal order, not a customer order (200989100).
- Amazon answers about one request in two hours (selling-partner-api-docs issue 2803).
- One consumer reports that the requested range applies to the day of the removal order, not of the shipment
  (selling-partner-api-docs issue 3020, unanswered). So a document replaces only the parcels it contains, by order and day, and
  never the days of its range: that is right under either meaning, and a parcel missing from a later answer stays.
"""

from seller_warehouse.core.report_spec import Agreement, Kind, ReplacementScope, ReportSpec, Requests, column, usual
from seller_warehouse.reports.removal_orders import DISPOSITIONS, ORDER_TYPES

SPEC = ReportSpec(
    name="removal_shipments",
    amazon_type="GET_FBA_FULFILLMENT_REMOVAL_SHIPMENT_DETAIL_DATA",
    title="FBA removal shipment detail",
    found_at="Seller Central > Reports > Fulfillment > Removals > Removal Shipment Detail",
    replacement_scope=ReplacementScope.KEY,
    key=("order_id", "shipment_date"),
    event_date="shipment_date",
    may_be_empty=True,
    requests=Requests(max_days=90, restated_days=120, pause_minutes=120, margin_hours=0),
    agreements=(
        Agreement(
            rule="shipped_after_request",
            columns=("request_date", "shipment_date"),
            broken="{shipment_date} < {request_date} - 1",
            what="shipment-date lies before request-date",
        ),
    ),
    columns=(
        usual("request-date", Kind.DATE, aliases=("removal-date",), usually_filled=True),
        column("order-id", filled=True),
        column("shipment-date", Kind.DATE, filled=True),
        usual("sku"),
        usual("fnsku"),
        usual("disposition", codes=DISPOSITIONS),
        column("shipped-quantity", Kind.INTEGER, aliases=("quantity-shipped",), filled=True),
        usual("carrier"),
        usual("tracking-number"),
        column("removal-order-type", codes=ORDER_TYPES, required=False),
    ),
)
