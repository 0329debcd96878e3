"""Parcels of multi-channel orders: which are overdue, which were paid, and the last day for a claim."""

from __future__ import annotations

import streamlit as st

from dashboard import data, filters, parts

MART = "marts.fct_mcf_claims"
STATUSES = ("CHECK_DELIVERY", "ELIGIBLE_FOR_CLAIM", "IN_PROGRESS", "WAITING", "RESOLVED")
LABELS = {
    "account_id": "Account", "claim_status": "Status", "status_reason": "Because", "days_to_deadline": "Days left", "claim_opens_date": "Claim from",
    "claim_deadline_date": "Claim until", "open_units": "Open units", "amazon_order_id": "Order", "merchant_order_id": "Your order",
    "tracking_numbers": "Tracking", "carriers": "Carrier", "estimated_arrival_date": "Estimated arrival", "shipment_date": "Shipped",
    "seller_sku": "SKU", "fnsku": "FNSKU", "asin": "ASIN", "product_name": "Product", "shipped_units": "Shipped units",
    "returned_units": "Returned", "reimbursed_units": "Paid", "reimbursed_cash_amount": "Amount", "currency_code": "Currency", "case_id": "Case",
    "is_signature_required": "Signature", "marketplace_id": "Marketplace", "policy_rule_id": "Rule",
}  # fmt: skip


def show() -> None:
    """The page."""
    columns = st.columns(3)
    with columns[0]:
        statuses = filters.choice("Status", "claim_status", STATUSES)
    with columns[1]:
        chosen = filters.typed("Order", "order_id", "amazon_order_id", "merchant_order_id")
    chosen &= filters.accounts() & filters.products() & filters.dates("shipment_date") & filters.one_of("claim_status", statuses)
    parcels = data.table(
        f"select * from {MART} where {chosen.sql} order by array_position({list(STATUSES)}, claim_status), "
        "claim_deadline_date, account_id, amazon_order_id, seller_sku",
        chosen.values,
    )
    if not parcels.num_rows:
        parts.nothing("No multi-channel parcels were sent in these days.", "Choose a wider range of dates, or clear the filters.")
        return
    (sums,) = data.rows(
        "select " + ", ".join(f"coalesce(sum(open_units) filter (claim_status = '{s}'), 0)::bigint as {s}" for s in STATUSES[:-1])
        + f" from {MART} where {chosen.sql}",
        chosen.values,
    )  # fmt: skip
    parts.figures({**{filters.words(s): sums[s] for s in STATUSES[:-1]}, "Cash reimbursed": parts.money(data.cash(MART, chosen))})
    st.caption(
        "Units that neither came back nor were paid, by shipping date. No report says whether a parcel was delivered: look up its tracking "
        "number before you file a claim."
    )
    st.subheader("Units by status and reason")
    parts.bars(data.units(MART, chosen, "status_reason", "shipped_units"), "status_reason", "units", "Units")
    st.subheader("Parcels, ones to look up first")
    parts.grid(parcels, "multi_channel", labels=LABELS)
