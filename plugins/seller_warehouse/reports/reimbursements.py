"""FBA reimbursements: what Amazon has paid or replaced, one line item per row.

Quirks, with their source:
- ``reimbursement-id`` repeats, and rows may be equal in every column: there is no key (seller help 200732720).
- Rows appear up to 5 days after approval, and payments of one day may be merged (200732720).
- ``case-id`` is blank if Amazon paid on its own initiative, the normal case since 2024-11-01 (seller forum, 2024-10).
- Reversals are separate rows with negative money and units; ``original-reimbursement-id`` refers to the original.
- The answer covers the whole region whatever marketplace is requested (selling-partner-api-docs issue 1385).
- German files may have ``12,50`` where American ones have ``12.50``.
"""

from seller_warehouse.core.report_spec import Kind, ReplacementScope, ReportSpec, Requests, column, usual

REASONS = (
    "Lost_Warehouse",
    "Lost:Warehouse",
    "WAREHOUSE_LOST",
    "WAREHOUSE_LOST_MANUAL",
    "Damaged_Warehouse",
    "Damaged:Warehouse",
    "WAREHOUSE_DAMAGE",
    "WAREHOUSE_DAMAGE_EXCEPTION",
    "Lost_Inbound",
    "MISSING_FROM_INBOUND",
    "Damaged_Inbound",
    "INBOUND_CARRIER_DAMAGE",
    "CustomerReturn",
    "CRETURN_WRONG_ITEM",
    "FBA_CUSTOMER_RETURN_PERISHABLE_ITEM",
    "CustomerServiceIssue",
    "CS_ERROR_ITEMS",
    "CS_ERROR_NON_ITEMIZED",
    "Lost_Outbound",
    "Damaged_Outbound",
    "FREE_REPLACEMENT_REFUND_ITEMS",
    "REMOVAL_ORDER_LOST",
    "REMOVAL_ORDER_DAMAGED",
    "MULTICHANNEL_ORDER_LOST",
    "MULTICHANNEL_ORDER_DAMAGED",
    "MULTICHANNEL_ORDER_LATE",
    "Reimbursement_Reversal",
    "Reversal",
    "COMPENSATED_CLAWBACK",
    "MISSING_FROM_INBOUND_CLAWBACK",
    "REVERSAL_REIMBURSEMENT",
    "INCORRECT_FEES_ITEMS",
    "INCORRECT_FEES_NON_ITEMIZED",
    "WEIGHT_AND_DIMENSIONS_CHANGE",
    "GeneralAdjustment",
    "ReturnAdjustment",
    "PAYMENT_RETRACTION_ITEMS",
    "EXCESSIVE_LIABILITY",
)

SPEC = ReportSpec(
    name="reimbursements",
    amazon_type="GET_FBA_REIMBURSEMENTS_DATA",
    title="FBA reimbursements",
    found_at="Seller Central > Reports > Fulfillment > Payments > Reimbursements",
    replacement_scope=ReplacementScope.DATE,
    event_date="approval_date",
    trailing_optional=2,
    requests=Requests(max_days=180, restated_days=45),
    columns=(
        column("approval-date", Kind.DATE, filled=True),
        column("reimbursement-id", filled=True),
        column("case-id"),
        column("amazon-order-id"),
        column("reason", filled=True, codes=REASONS),
        column("sku"),
        column("fnsku"),
        usual("asin"),
        usual("product-name", free_text=True),
        usual("condition"),
        column("currency-unit", Kind.CURRENCY, name="currency_code", filled=True),
        column("amount-per-unit", Kind.AMOUNT),
        column("amount-total", Kind.AMOUNT, filled=True),
        column("quantity-reimbursed-cash", Kind.INTEGER),
        column("quantity-reimbursed-inventory", Kind.INTEGER),
        column("quantity-reimbursed-total", Kind.INTEGER),
        column("original-reimbursement-id", required=False),
        column("original-reimbursement-type", required=False),
        column("store", required=False),
    ),
)
