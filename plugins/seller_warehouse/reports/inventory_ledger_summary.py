"""FBA inventory ledger, summary view: opening and closing stock of a SKU in one disposition at one place, per period.

Quirks, with their source:
- Every field is in double quotes; headers are documented as one word (``EndingWarehouseBalance``) but come with
  blanks (``Ending Warehouse Balance``; tl-ecom, 2026-08), and sometimes there is ``Store``, as in the detail view.
- ``Date`` is MM/DD/YYYY in every region, and MM/YYYY if the report is requested by month (Airbyte's connector). Nothing
  else distinguishes a weekly file from a daily one.
- Without both options the answer may be a header without rows (tl-ecom, 2026-08-01), so both are always sent.
- A daily request may also return rows of the next day (selling-partner-api-models issue 4355): a document replaces the
  dates in it, not a window.
- Movements are signed; the opening balance and the movements add up to the closing one (seller help G201711700). ``In Transit
  Between Warehouses`` is separate stock, not a movement (connectbooks.com). Events that were split over two periods are in
  ``Unknown Events``, so the balance adds up only with them.
- No key is promised (jlevers/selling-partner-api issue 274).
"""

from seller_warehouse.core.report_spec import Kind, Quoting, ReplacementScope, ReportSpec, Requests, column, usual
from seller_warehouse.reports.inventory_ledger import DISPOSITIONS

SPEC = ReportSpec(
    name="inventory_ledger_summary",
    amazon_type="GET_LEDGER_SUMMARY_VIEW_DATA",
    title="FBA inventory ledger, summary view",
    found_at="Seller Central > Reports > Fulfillment > Inventory > Inventory Ledger, summary view",
    replacement_scope=ReplacementScope.KEY,
    key=("date",),
    event_date="date",
    quoting=Quoting.ALL,
    requests=Requests(max_days=90, pause_minutes=30, options={"aggregateByLocation": "COUNTRY", "aggregatedByTimePeriod": "DAILY"}),
    columns=(
        column("Date", Kind.DATE, filled=True, formats=("%m/%d/%Y", "%m/%Y")),
        usual("FNSKU", usually_filled=True),
        usual("ASIN"),
        usual("MSKU"),
        usual("Title", free_text=True),
        usual("Disposition", usually_filled=True, codes=DISPOSITIONS),
        usual("Starting Warehouse Balance", Kind.INTEGER),
        usual("In Transit Between Warehouses", Kind.INTEGER),
        usual("Receipts", Kind.INTEGER),
        usual("Customer Shipments", Kind.INTEGER),
        usual("Customer Returns", Kind.INTEGER),
        usual("Vendor Returns", Kind.INTEGER),
        usual("Warehouse Transfer In/Out", Kind.INTEGER),
        usual("Found", Kind.INTEGER),
        usual("Lost", Kind.INTEGER),
        usual("Damaged", Kind.INTEGER),
        usual("Disposed", Kind.INTEGER),
        usual("Other Events", Kind.INTEGER),
        column("Ending Warehouse Balance", Kind.INTEGER),
        usual("Unknown Events", Kind.INTEGER),
        usual("Location"),
        column("Store", required=False),
    ),
)
