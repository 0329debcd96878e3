"""Current FBA inventory: the units of each SKU at Amazon, by state.

Quirks, with their source:
- A snapshot of the moment of the request: there is no history, and a request with dates can fail (tl-ecom).
- ``GET_FBA_MYI_ALL_INVENTORY_DATA`` has the same columns and is accepted too (Amazon's selling-partner-api-samples).
- The FNSKU may equal the ASIN (commingled stock).
- ``mfn-fulfillable-quantity`` may be blank: unknown, not 0.
- ``your-price`` has no currency column; its currency is that of the requested marketplace.
- Some files add ``store``, or fulfillable units by ``local`` and ``remote`` (code of public consumers of the file). Neither
  these nor the two future supply columns must be there.
- ``afn-researching-quantity``: units that Amazon is searching for; they are missing but not yet in the ledger.
"""

from seller_warehouse.core.report_spec import Kind, MarketplaceScope, ReplacementScope, ReportSpec, Requests, column, usual

SPEC = ReportSpec(
    name="fba_inventory",
    amazon_type="GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA",
    title="FBA inventory",
    found_at="Seller Central > Reports > Fulfillment > Inventory > Manage FBA Inventory",
    replacement_scope=ReplacementScope.SNAPSHOT,
    requests=Requests(history_months=0, pause_minutes=30, marketplace_scope=MarketplaceScope.EACH),
    columns=(
        column("sku", filled=True),
        column("fnsku"),
        usual("asin"),
        usual("product-name", free_text=True),
        usual("condition"),
        usual("your-price", Kind.AMOUNT),
        usual("mfn-listing-exists", codes=("Yes", "No")),
        usual("mfn-fulfillable-quantity", Kind.INTEGER),
        usual("afn-listing-exists", codes=("Yes", "No")),
        usual("afn-warehouse-quantity", Kind.INTEGER),
        usual("afn-fulfillable-quantity", Kind.INTEGER),
        usual("afn-unsellable-quantity", Kind.INTEGER),
        usual("afn-reserved-quantity", Kind.INTEGER),
        usual("afn-total-quantity", Kind.INTEGER),
        usual("per-unit-volume", Kind.AMOUNT),
        usual("afn-inbound-working-quantity", Kind.INTEGER),
        usual("afn-inbound-shipped-quantity", Kind.INTEGER),
        usual("afn-inbound-receiving-quantity", Kind.INTEGER),
        usual("afn-researching-quantity", Kind.INTEGER),
        column("afn-reserved-future-supply", Kind.INTEGER, required=False),
        column("afn-future-supply-buyable", Kind.INTEGER, required=False),
        column("afn-fulfillable-quantity-local", Kind.INTEGER, required=False),
        column("afn-fulfillable-quantity-remote", Kind.INTEGER, required=False),
        column("store", required=False),
    ),
)
