"""Units in progress: what each waits for, since when and until when, and the cases that the seller filed."""

from __future__ import annotations

import streamlit as st

from dashboard import data, filters, parts

MART = "marts.fct_inventory_defects"
LABELS = {
    "account_id": "Account", "status_reason": "Waits because", "status_since_date": "Since", "eligible_from_date": "Eligible from",
    "claim_deadline_date": "Claim until", "defect_type": "Defect", "in_progress_units": "Units", "case_id": "Case", "amazon_order_id": "Order",
    "transaction_id": "Transaction", "seller_sku": "SKU", "fnsku": "FNSKU", "asin": "ASIN", "product_name": "Product", "defect_date": "Defect date",
    "disposition": "Disposition", "fulfillment_center_id": "Warehouse", "policy_rule_id": "Rule",
}  # fmt: skip
CASES = {
    "account_id": "Account", "case_id": "Case", "claim_state": "State", "filed_date": "Filed", "closed_date": "Closed", "claimed_units": "Units",
    "defect_count": "Defects", "amazon_order_id": "Order", "transaction_id": "Transaction", "seller_sku": "SKU", "fnsku": "FNSKU",
    "product_name": "Product",
}  # fmt: skip


def show() -> None:
    """The page."""
    _defects(filters.defects(*st.columns(2)) & filters.Condition("in_progress_units > 0"))
    _cases()


def _defects(chosen: filters.Condition) -> None:
    waiting = data.table(f"select * from {MART} where {chosen.sql} order by status_since_date, defect_id", chosen.values)
    if not waiting.num_rows:
        parts.nothing("Nothing is in progress.", "Units to claim are under Eligible for claim; or choose a wider range of dates.")
        return
    (sums,) = data.rows(
        "select sum(in_progress_units)::bigint as units, "
        "coalesce(sum(in_progress_units) filter (status_reason in ('CLAIM_OPEN', 'PAYMENT_PENDING')), 0)::bigint as in_case, "
        "coalesce(sum(in_progress_units) filter (status_reason = 'WAITING_FOR_RETURN'), 0)::bigint as awaited, min(status_since_date) as oldest "
        f"from {MART} where {chosen.sql}",
        chosen.values,
    )
    parts.figures({
        "Units in progress": sums["units"], "In your cases": sums["in_case"], "Waiting for a return": sums["awaited"],
        "Oldest waits since": str(sums["oldest"]),
    })  # fmt: skip
    st.subheader("Units by what they wait for")
    parts.bars(data.units(MART, chosen, "status_reason", "in_progress_units"), "status_reason", "units", "Units", colour=parts.COLOURS["IN_PROGRESS"])
    st.subheader("Defects in progress, oldest first")
    parts.grid(waiting, "in_progress", labels=LABELS)


def _cases() -> None:
    """The seller's own log of cases, for these days and products."""
    st.subheader("Cases you filed in these days")
    chosen = filters.accounts() & filters.products() & filters.dates("filed_date")
    cases = data.table(f"select * from marts.fct_claims where {chosen.sql} order by claim_state <> 'OPEN', filed_date desc, case_id", chosen.values)
    parts.listing(cases, "claims", CASES, "Your log has no case of these days.", "Drop the log into the inbox; docs/inputs.md describes its format.")
