"""FBA removal order detail: units that the seller asked Amazon to return, dispose of or liquidate, by product.

Quirks, with their source:
- Rows are restated while units move from in process to shipped, disposed or cancelled: the newest document that contains
  an order is the truth for all its rows (developer docs; near real time).
- ``service-speed`` is missing in most older files, and its header may end in a blank (selling-partner-api-models issue 2011).
- ``order-source`` follows ``order-id`` in newer files (public consumers' code, 2026).
- ``order-id`` is the id of the removal order, chosen by the seller or Amazon; it is not a customer order and has no fixed
  pattern (seller help 200989110).
- ``request-date`` may be a bare date, ``last-updated-date`` and ``currency`` may be blank (public test rows, 2026).
- requested = cancelled + disposed + shipped + in process (the columns' definitions in seller help 200989110).
- Return, Disposal and the statuses are documented as examples; there is no published list.
"""

from seller_warehouse.core.report_spec import Agreement, Kind, ReplacementScope, ReportSpec, Requests, column, usual
from seller_warehouse.reports.inventory_ledger import DISPOSITIONS as LEDGER_DISPOSITIONS

ORDER_TYPES = ("Return", "Disposal", "Liquidation", "Liquidations")
ORDER_STATUSES = ("Pending", "In Process", "Processing", "Completed", "Cancelled")
DISPOSITIONS = (*LEDGER_DISPOSITIONS, "UNSELLABLE")

SPEC = ReportSpec(
    name="removal_orders",
    amazon_type="GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA",
    title="FBA removal order detail",
    found_at="Seller Central > Reports > Fulfillment > Removals > Removal Order Detail",
    replacement_scope=ReplacementScope.KEY,
    key=("order_id",),
    event_date="request_date",
    trailing_optional=2,
    may_be_empty=True,
    requests=Requests(max_days=90, restated_days=120, pause_minutes=30),
    agreements=(
        Agreement(
            rule="updated_after_request",
            columns=("request_date", "last_updated_date"),
            broken="{last_updated_date} < {request_date} - 1",
            what="last-updated-date lies before request-date",
        ),
    ),
    columns=(
        column("request-date", Kind.DATE, filled=True),
        column("order-id", filled=True),
        column("order-source", required=False),
        usual("order-type", codes=ORDER_TYPES),
        column("service-speed", required=False),
        usual("order-status", codes=ORDER_STATUSES),
        usual("last-updated-date", Kind.DATE),
        usual("sku"),
        usual("fnsku"),
        usual("disposition", codes=DISPOSITIONS),
        column("requested-quantity", Kind.INTEGER, filled=True),
        usual("cancelled-quantity", Kind.INTEGER),
        usual("disposed-quantity", Kind.INTEGER),
        usual("shipped-quantity", Kind.INTEGER),
        usual("in-process-quantity", Kind.INTEGER),
        usual("removal-fee", Kind.AMOUNT),
        usual("currency", Kind.CURRENCY),
    ),
)
