"""Claims: the cases the seller has filed with Amazon, one case and product or order per row; the seller's own log.

Quirks, with their source:
- Amazon offers no list of cases by API or download; before a case is paid, the seller's log is the only source.
- ``case-id`` equals the one in the reimbursements once Amazon pays; a case may cover several products and so have several rows.
- A row names its subject by ``order-id``, ``fnsku`` or ``seller-sku``; unused columns may be missing.
- Amazon asks for the transaction id of a damaged unit (seller help GGEV4254LJJ9BAEG): the ledger's Reference ID. With it a case refers to one entry
of the ledger, without it to the oldest open one of its stock.
- ``closed-date`` is blank while a case is open. The words for ``status`` are the seller's or those of the case page.
- Spreadsheet programs write the log: comma, semicolon or tab, UTF-8 or Windows-1252, text in quotes where it needs them.
"""

from seller_warehouse.core.report_spec import LOCAL, Agreement, Kind, Quoting, ReplacementScope, ReportSpec, column

STATUSES = (
    "OPEN",
    "REOPENED",
    "PENDING",
    "IN_PROGRESS",
    "UNDER_REVIEW",
    "UNDER_INVESTIGATION",
    "PENDING_AMAZON_ACTION",
    "NEEDS_YOUR_ATTENTION",
    "TRANSFERRED",
    "ANSWERED",
    "CLOSED",
    "RESOLVED",
    "APPROVED",
    "PARTIALLY_APPROVED",
    "GRANTED",
    "REIMBURSED",
    "PAID",
    "DENIED",
    "REJECTED",
    "WITHDRAWN",
    "CANCELLED",
    "CANCELED",
)

SPEC = ReportSpec(
    name="claims",
    amazon_type=None,
    title="Claims filed",
    found_at="the seller's own log",
    replacement_scope=ReplacementScope.KEY,
    event_date="filed_date",
    key=("case_id",),
    quoting=Quoting.ALL,
    agreements=(
        Agreement(
            rule="closed_after_filed",
            columns=("filed_date", "closed_date"),
            broken="{closed_date} < {filed_date}",
            what="closed-date lies before filed-date",
        ),
    ),
    columns=(
        column("case-id", aliases=("case", "case-number"), filled=True),
        column("order-id", aliases=("amazon-order-id",), required=False),
        column("fnsku", required=False),
        column("seller-sku", aliases=("sku", "msku"), required=False),
        column("units", Kind.INTEGER, aliases=("quantity", "claimed-units")),
        column("filed-date", Kind.DATE, aliases=("filed", "filed-on", "date-filed"), filled=True, formats=(LOCAL,)),
        column("status", aliases=("case-status", "claim-status"), codes=STATUSES),
        column("closed-date", Kind.DATE, aliases=("closed", "closed-on", "date-closed"), required=False, formats=(LOCAL,)),
        column("transaction-id", aliases=("reference-id", "transaction-item-id"), required=False),
    ),
)
