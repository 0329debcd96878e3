"""Order defects: the orders behind the Order Defect Rate, one order per row, downloaded from Seller Central.

Quirks, with their source:
- There is no API for it: no report or endpoint lists the orders with A-to-z claims or chargebacks (selling-partner-api-docs
  issue 2990, selling-partner-api-models issue 5247).
- The header is not published. Known are the columns of the page (Order Id, Order Date, Fulfilled By, Pre-fulfillment Cancellation,
  Late Shipment, Negative Feedback, A-to-z Guarantee claim, Chargeback claim) and the names a third party gives them
  (cajari.com, p=1451: Order Identifier, Fulfillment Method, A-to-Z, Chargeback status).
- The rate uses the date of the order, not of the feedback or the claim (seller help G200285170), and covers 60 days: each
  download replaces the days in it, so that a removed defect disappears.
- A cell is a flag, an outcome, or the stars of the feedback; blank means none. A bare 1 under feedback is a flag or one star;
  both count.
- Late shipments and cancellations are also listed but are not defects.
"""

from seller_warehouse.core.report_spec import LOCAL, Kind, ReplacementScope, ReportSpec, column

FLAGS = ("No", "N", "0", "False", "None", "N/A", "Yes", "Y", "1", "True")
CHANNELS = (
    "Amazon",
    "AFN",
    "FBA",
    "Fulfilled by Amazon",
    "Fulfillment by Amazon",
    "Fulfilment by Amazon",
    "Amazon fulfilled",
    "Merchant",
    "Seller",
    "MFN",
    "FBM",
    "Fulfilled by Merchant",
    "Fulfilled by Seller",
    "Merchant fulfilled",
    "Seller fulfilled",
    "Self",
)
STARS = ("2", "3", "4", "5", "1 star", "2 stars", "3 stars", "4 stars", "5 stars")
CLAIM_OUTCOMES = ("Granted", "Refunded", "Cancelled", "Canceled", "Denied", "Withdrawn", "Appealed-Won", "Instant-Refund", "Pending", "Removed")
CHARGEBACK_OUTCOMES = ("Service", "Fraud", "Unknown", "Removed")

SPEC = ReportSpec(
    name="order_defects",
    amazon_type=None,
    title="Order defects",
    found_at="Seller Central > Performance > Account Health > Order Defect Rate > Download report",
    replacement_scope=ReplacementScope.DATE,
    event_date="order_date",
    may_be_empty=True,
    columns=(
        column("Order Id", aliases=("Order Identifier", "amazon-order-id", "Order Number"), filled=True),
        column("Order Date", Kind.DATE, aliases=("purchase-date",), filled=True, formats=(LOCAL,)),
        column(
            "Fulfilled By",
            aliases=("Fulfillment Method", "Fulfilment Method", "Fulfillment Channel", "Fulfilment Channel", "Fulfillment", "Fulfilment"),
            codes=CHANNELS,
        ),
        column(
            "Pre-fulfillment Cancellation",
            aliases=("Pre-fulfilment Cancellation", "Pre-fulfillment Cancel", "Pre-fulfilment Cancel"),
            required=False,
        ),
        column("Late Shipment", aliases=("Late Dispatch",), required=False),
        column(
            "Negative Feedback", aliases=("Negative Feedbacks", "Feedback", "Feedback Rating"), codes=(*FLAGS, *STARS, "Removed", "Struck-Through")
        ),
        column(
            "A-to-z Guarantee claim",
            aliases=("A-to-z Guarantee claims", "A-to-z claim", "A-to-z claims", "A-to-z Guarantee", "A-to-z", "A-to-z claim status"),
            codes=(*FLAGS, *CLAIM_OUTCOMES),
        ),
        column(
            "Chargeback claim",
            aliases=(
                "Chargeback claims",
                "Chargeback",
                "Chargebacks",
                "Chargeback status",
                "Service chargeback",
                "Credit card chargeback",
                "Credit card chargebacks",
            ),
            codes=(*FLAGS, *CHARGEBACK_OUTCOMES),
        ),
    ),
)
