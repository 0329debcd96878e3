"""Returns of seller-fulfilled orders: one row per line of a return request.

Quirks, with their source:
- Headers have blanks (``Return request date``); 32 columns (Airbyte's test files), 33 with ``Category``; users have seen 34.
- Dates are written ``10-Jul-2025``; flags are Y and N (user reports; the month in other languages is unknown).
- Only seller-fulfilled orders are in it (selling-partner-api-docs issue 2267); a request may span 60 days at most.
- A report covers one marketplace, even if several are requested (selling-partner-api-docs issue 3080).
- The only report with an A-to-z flag per order, but only for orders with a return request.
- RMA id and ASIN identify a line in most files, not in all, so there is no key. A line's status, resolution and refund change for weeks.
- Amazon sometimes leaves a tab inside a carrier's name, so the row has one field too many in every download (user reports).
- The format of ``SafeT claim creation time`` is unknown, so it stays text.
"""

from seller_warehouse.core.report_spec import ISO, Agreement, Kind, MarketplaceScope, ReplacementScope, ReportSpec, Requests, column, usual

DATES = ("%d-%b-%Y", ISO)
FLAGS = ("Y", "N")

SPEC = ReportSpec(
    name="mfn_returns",
    amazon_type="GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE",
    title="Returns of seller-fulfilled orders",
    found_at="Seller Central > Orders > Manage Returns > View Return Reports",
    replacement_scope=ReplacementScope.DATE,
    event_date="return_request_date",
    may_be_empty=True,
    sets_aside=True,
    requests=Requests(max_days=60, restated_days=60, pause_minutes=30, marketplace_scope=MarketplaceScope.EACH),
    agreements=(
        Agreement(
            rule="returned_after_order",
            columns=("order_date", "return_request_date"),
            broken="{return_request_date} < {order_date} - 1",
            what="Return request date lies before Order date",
        ),
        Agreement(
            rule="delivered_after_request",
            columns=("return_request_date", "return_delivery_date"),
            broken="{return_delivery_date} < {return_request_date} - 1",
            what="Return delivery date lies before Return request date",
        ),
    ),
    columns=(
        column("Order ID"),
        usual("Order date", Kind.DATE, formats=DATES),
        column("Return request date", Kind.DATE, filled=True, formats=DATES),
        usual("Return request status"),
        usual("Amazon RMA ID"),
        usual("Merchant RMA ID"),
        usual("Label type"),
        usual("Label cost", Kind.AMOUNT),
        usual("Currency code", Kind.CURRENCY),
        usual("Return carrier", free_text=True),
        usual("Tracking ID"),
        usual("Label to be paid by"),
        column("A-to-Z Claim", codes=FLAGS),
        usual("Is prime", codes=FLAGS),
        usual("ASIN"),
        usual("Merchant SKU"),
        usual("Item Name", free_text=True),
        column("Return quantity", Kind.INTEGER),
        usual("Return Reason"),
        usual("In policy", codes=FLAGS),
        usual("Return type"),
        usual("Resolution"),
        usual("Invoice number"),
        usual("Return delivery date", Kind.DATE, formats=DATES),
        usual("Order Amount", Kind.AMOUNT),
        usual("Order quantity", Kind.INTEGER),
        usual("SafeT Action reason", name="safe_t_action_reason"),
        usual("SafeT claim id", name="safe_t_claim_id"),
        usual("SafeT claim state", name="safe_t_claim_state"),
        usual("SafeT claim creation time", name="safe_t_claim_creation_time"),
        usual("SafeT claim reimbursement amount", Kind.AMOUNT, name="safe_t_claim_reimbursement_amount"),
        usual("Refunded Amount", Kind.AMOUNT),
        column("Category", required=False),
    ),
)
