"""FBA inventory ledger, summary view: the stock of a SKU in one disposition at one place, opened and closed per period.

Quirks, with their source:
- Every field stands in double quotes; headers are documented in one word (``EndingWarehouseBalance``) and come with
  blanks (``Ending Warehouse Balance``; tl-ecom, 2026-08), and sometimes there is ``Store``, as in the detail view.
- ``Date`` is MM/DD/YYYY in every region, and MM/YYYY when the report is asked by month (Airbyte's connector). Nothing
  else in the file tells a weekly file from a daily one.
- Without both options the answer may be a header and no rows (tl-ecom, 2026-08-01), so both are always sent.
- A daily request may bring rows of the next day too (selling-partner-api-models issue 4355): a document replaces the
  dates that it names, not a window.
- Movements are signed; start and movements make up the end (seller help G201711700). ``In Transit Between Warehouses`` is
  a stock beside the balance, not a movement (connectbooks.com). Events that were split over two periods are in
  ``Unknown Events``, so the balance closes only with them.
- No key is promised (jlevers/selling-partner-api issue 274).
"""

from seller_warehouse.report_spec import Kind, Quoting, ReportSpec, Requests, Unit, column
from seller_warehouse.reports.inventory_ledger import DISPOSITIONS

SPEC = ReportSpec(
    name="inventory_ledger_summary",
    amazon_type="GET_LEDGER_SUMMARY_VIEW_DATA",
    title="FBA inventory ledger, summary view",
    found_at="Seller Central > Reports > Fulfillment > Inventory > Inventory Ledger, summary view",
    unit=Unit.KEY,
    key=("date",),
    event_date="date",
    quoting=Quoting.ALL,
    requests=Requests(max_days=90, pause_minutes=30, options={"aggregateByLocation": "COUNTRY", "aggregatedByTimePeriod": "DAILY"}),
    columns=(
        column("Date", Kind.DATE, filled=True, formats=("%m/%d/%Y", "%m/%Y")),
        column("FNSKU", filled=True),
        column("ASIN"),
        column("MSKU"),
        column("Title"),
        column("Disposition", filled=True, codes=DISPOSITIONS),
        column("Starting Warehouse Balance", Kind.INTEGER),
        column("In Transit Between Warehouses", Kind.INTEGER),
        column("Receipts", Kind.INTEGER),
        column("Customer Shipments", Kind.INTEGER),
        column("Customer Returns", Kind.INTEGER),
        column("Vendor Returns", Kind.INTEGER),
        column("Warehouse Transfer In/Out", Kind.INTEGER),
        column("Found", Kind.INTEGER),
        column("Lost", Kind.INTEGER),
        column("Damaged", Kind.INTEGER),
        column("Disposed", Kind.INTEGER),
        column("Other Events", Kind.INTEGER),
        column("Ending Warehouse Balance", Kind.INTEGER),
        column("Unknown Events", Kind.INTEGER),
        column("Location"),
        column("Store", required=False),
    ),
)
