"""FBA inventory ledger, detail view: one row per movement of stock.

Quirks, with their source:
- Every field is in double quotes; headers contain blanks (``Event Type``), 15 columns although 14 are documented,
  and sometimes ``Store`` (measured by Moloka-Store/moloka-app, 2026-08; documented in seller help G4FKT5KQWFFJ7LDN).
- ``Date`` is MM/DD/YYYY in every region and is the marketplace's local day; ``Date and Time`` has an offset without a colon. A
  spreadsheet may write ``Date`` day first, sometimes in some rows only.
- 27 % of measured rows equal another row: two units that moved the same way. They are never collapsed.
- ``Reconciled Quantity`` and ``Unreconciled Quantity`` are blank, not 0, on most rows, and change for months.
- ``Reference ID`` repeats, and is not an order id.
- ``FNSKU`` may be blank if ``MSKU`` is not; a row without either is refused.
"""

from seller_warehouse.core.report_spec import Agreement, Kind, Quoting, ReplacementScope, ReportSpec, Requests, column, usual

EVENT_TYPES = ("Shipments", "CustomerReturns", "Receipts", "Adjustments", "VendorReturns", "WhseTransfers")
DISPOSITIONS = (
    "SELLABLE",
    "DEFECTIVE",
    "CUSTOMER_DAMAGED",
    "DISTRIBUTOR_DAMAGED",
    "WAREHOUSE_DAMAGED",
    "CARRIER_DAMAGED",
    "EXPIRED",
)
REASON_CODES = ("6", "7", "E", "H", "K", "U", "D", "G", "F", "N", "M", "5", "3", "4", "O", "P", "Q")

SPEC = ReportSpec(
    name="inventory_ledger",
    amazon_type="GET_LEDGER_DETAIL_VIEW_DATA",
    title="FBA inventory ledger, detail view",
    found_at="Seller Central > Reports > Fulfillment > Inventory > Inventory Ledger, detailed view",
    replacement_scope=ReplacementScope.DATE,
    event_date="date",
    quoting=Quoting.ALL,
    requests=Requests(max_days=270, restated_days=120, pause_minutes=30),
    agreements=(
        Agreement(
            rule="day_and_month_are_not_swapped",
            columns=("date", "date_and_time"),
            broken="abs({date} - {date_and_time}) > 1 and abs(try_cast(strftime({date}, '%Y-%d-%m') as date) - {date_and_time}) <= 1",
            what="Date is the day of Date and Time with day and month swapped",
            refuses=True,
        ),
        Agreement(
            rule="date_is_that_of_its_time",
            columns=("date", "date_and_time"),
            broken="abs({date} - {date_and_time}) > 1",
            what="Date and Date and Time are different days",
        ),
    ),
    columns=(
        column("Date", Kind.DATE, filled=True, formats=("%m/%d/%Y", "%d/%m/%Y")),
        column("FNSKU"),
        usual("ASIN"),
        column("MSKU"),
        usual("Title", free_text=True),
        column("Event Type", filled=True, codes=EVENT_TYPES),
        column("Reference ID"),
        column("Quantity", Kind.INTEGER, filled=True),
        usual("Fulfillment Center"),
        column("Disposition", codes=DISPOSITIONS),
        column("Reason", name="reason_code", codes=REASON_CODES),
        column("Country"),
        column("Reconciled Quantity", Kind.INTEGER),
        column("Unreconciled Quantity", Kind.INTEGER),
        column("Date and Time", Kind.DATE, required=False),
        column("Store", required=False),
    ),
)
