"""Returns of seller-fulfilled orders: one row per line of a return request.

Quirks, with their source:
- Headers have blanks (``Return request date``); 32 columns (Airbyte's test files), with ``Category`` 33, and 34 were seen by users.
- Dates are written ``10-Jul-2025``; flags are Y and N (user reports; how other languages write the month was never seen).
- Only seller-fulfilled orders are in it (selling-partner-api-docs issue 2267); a request may span 60 days at most.
- One report is one marketplace, even where several are asked for (selling-partner-api-docs issue 3080).
- The only report with an A-to-z flag per order, and only for orders that also have a return request.
- RMA id and ASIN name a line in most files, not in all, so there is no key. A line's status, resolution and refund change for weeks.
- Amazon leaves a tab inside a carrier's name at times, so the row has a field too many whenever it is downloaded (user reports).
- How ``SafeT claim creation time`` is written was never seen, so it stays text.
"""

from seller_warehouse.report_spec import ISO, Kind, ReportSpec, Requests, Scope, Unit, column

DATES = ("%d-%b-%Y", ISO)
FLAGS = ("Y", "N")

SPEC = ReportSpec(
    name="mfn_returns",
    amazon_type="GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE",
    title="Returns of seller-fulfilled orders",
    found_at="Seller Central > Orders > Manage Returns > View Return Reports",
    unit=Unit.DATE,
    event_date="return_request_date",
    may_be_empty=True,
    sets_aside=True,
    requests=Requests(max_days=60, restated_days=60, pause_minutes=30, scope=Scope.EACH),
    columns=(
        column("Order ID"),
        column("Order date", Kind.DATE, formats=DATES),
        column("Return request date", Kind.DATE, filled=True, formats=DATES),
        column("Return request status"),
        column("Amazon RMA ID"),
        column("Merchant RMA ID"),
        column("Label type"),
        column("Label cost", Kind.AMOUNT),
        column("Currency code", Kind.CURRENCY),
        column("Return carrier"),
        column("Tracking ID"),
        column("Label to be paid by"),
        column("A-to-Z Claim", codes=FLAGS),
        column("Is prime", codes=FLAGS),
        column("ASIN"),
        column("Merchant SKU"),
        column("Item Name"),
        column("Return quantity", Kind.INTEGER),
        column("Return Reason"),
        column("In policy", codes=FLAGS),
        column("Return type"),
        column("Resolution"),
        column("Invoice number"),
        column("Return delivery date", Kind.DATE, formats=DATES),
        column("Order Amount", Kind.AMOUNT),
        column("Order quantity", Kind.INTEGER),
        column("SafeT Action reason", name="safe_t_action_reason"),
        column("SafeT claim id", name="safe_t_claim_id"),
        column("SafeT claim state", name="safe_t_claim_state"),
        column("SafeT claim creation time", name="safe_t_claim_creation_time"),
        column("SafeT claim reimbursement amount", Kind.AMOUNT, name="safe_t_claim_reimbursement_amount"),
        column("Refunded Amount", Kind.AMOUNT),
        column("Category", required=False),
    ),
)
