"""What is still being decided: what each unit waits for, since when and until when, and the cases that the seller filed."""

from __future__ import annotations

import streamlit as st

from dashboard import data, filters, parts

MART = "marts.fct_inventory_defects"
LABELS = {
    "account_id": "Account", "status_reason": "Waits because", "status_since_date": "Since", "claim_opens_date": "Window opens",
    "claim_deadline_date": "Claim until", "defect_type": "Defect", "in_progress_units": "Units", "case_id": "Case", "amazon_order_id": "Order",
    "transaction_id": "Transaction", "seller_sku": "SKU", "fnsku": "FNSKU", "asin": "ASIN", "product_name": "Product", "defect_date": "Defect date",
    "disposition": "Disposition", "fulfillment_center_id": "Warehouse", "policy_rule_id": "Rule",
}  # fmt: skip


def show() -> None:
    """The page."""
    chosen = filters.defects(*st.columns(3)) & filters.Condition("in_progress_units > 0")
    waiting = data.table(f"select * from {MART} where {chosen.sql} order by status_since_date, defect_id", chosen.values)
    if not waiting.num_rows:
        parts.nothing("Nothing is in progress here.", "Units that may be claimed are under Eligible for claim; or choose a wider range of dates.")
        return
    (sums,) = data.rows(
        "select sum(in_progress_units)::bigint as units, "
        "coalesce(sum(in_progress_units) filter (status_reason in ('CLAIM_OPEN', 'PAYMENT_PENDING')), 0)::bigint as in_case, "
        "coalesce(sum(in_progress_units) filter (status_reason = 'WAITING_FOR_RETURN'), 0)::bigint as awaited, min(status_since_date) as oldest "
        f"from {MART} where {chosen.sql}",
        chosen.values,
    )
    parts.figures({
        "Units in progress": sums["units"], "In a case of yours": sums["in_case"], "Buyers may send back": sums["awaited"],
        "Oldest waits since": str(sums["oldest"]),
    })  # fmt: skip
    st.subheader("Units by what they wait for")
    parts.bars(data.units(MART, chosen, "status_reason", "in_progress_units"), "status_reason", "units", "Units", colour=parts.COLOURS["IN_PROGRESS"])
    st.subheader("Defects in progress, the oldest first")
    parts.grid(waiting, "in_progress", labels=LABELS)
