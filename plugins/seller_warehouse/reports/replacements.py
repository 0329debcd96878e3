"""FBA replacements: units that Amazon sent to a buyer again for free, one shipped line per row.

Quirks, with their source:
- There is no key: one original order may be replaced several times, and equal rows are different shipments.
- A free replacement is a cost without revenue, and it starts the claim window like a refund
  (seller help G9N934L7Y4SFWPJ4).
- ``replacement-reason-code`` is a bare number, 0 to 12, explained only in seller help; its meanings are in the staging
  model's description.
- Australia spells ``fulfilment-centre-id`` (and documents the report as not available there); Seller Central's own
  download says ``replacement-customer-order-id``, and Airbyte's schema documents DD-MON-YYYY beside ISO dates.
- Few orders are replaced, so a file with a header only is a normal answer.
"""

from seller_warehouse.core.report_spec import ISO, Kind, ReplacementScope, ReportSpec, Requests, column, usual

REASON_CODES = tuple(str(code) for code in range(13))

SPEC = ReportSpec(
    name="replacements",
    amazon_type="GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_REPLACEMENT_DATA",
    title="FBA replacements",
    found_at="Seller Central > Reports > Fulfillment > Customer Concessions > Replacements",
    replacement_scope=ReplacementScope.DATE,
    event_date="shipment_date",
    may_be_empty=True,
    requests=Requests(max_days=30),
    columns=(
        column("shipment-date", Kind.DATE, filled=True, formats=(ISO, "%d-%b-%Y")),
        column("sku", filled=True),
        usual("asin"),
        usual("fulfillment-center-id", aliases=("fulfilment-centre-id",)),
        usual("original-fulfillment-center-id", aliases=("original-fulfilment-centre-id",)),
        column("quantity", Kind.INTEGER, filled=True),
        usual("replacement-reason-code", codes=REASON_CODES),
        column("replacement-amazon-order-id", aliases=("replacement-customer-order-id",)),
        column("original-amazon-order-id", aliases=("original-customer-order-id",)),
    ),
)
