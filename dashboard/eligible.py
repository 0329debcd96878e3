"""Claims to file today: what the claim form asks for, the deadline, and the estimated value."""

from __future__ import annotations

import streamlit as st

from dashboard import data, filters, parts

SOON_DAYS = 7

LABELS = {
    "account_id": "Account", "days_to_deadline": "Days left", "claim_deadline_date": "Claim until", "defect_type": "Defect",
    "eligible_units": "Units", "estimated_recovery_amount": "Value", "currency_code": "Currency", "amazon_order_id": "Order",
    "transaction_id": "Transaction", "seller_sku": "SKU", "fnsku": "FNSKU", "asin": "ASIN", "product_name": "Product",
    "fulfillment_center_id": "Warehouse", "defect_date": "Defect date", "disposition": "Disposition", "reason_code": "Code",
    "estimated_unit_value": "Value per unit", "value_basis": "Valued by", "policy_rule_id": "Rule",
}  # fmt: skip


def show() -> None:
    """The page."""
    chosen = filters.defects(*st.columns(2))
    claims = data.table(f"select * from marts.claims_to_file where {chosen.sql} order by claim_deadline_date, account_id, claim_rank", chosen.values)
    if not claims.num_rows:
        then = "Claims appear once Amazon's own time to pay is over: look at In progress, choose a wider range of dates, or clear the filters."
        parts.nothing("No claims to file.", then)
        return
    (sums,) = data.rows(
        "select sum(eligible_units)::bigint as units, coalesce(sum(eligible_units) filter (days_to_deadline <= ?), 0)::bigint as soon, "
        f"min(claim_deadline_date) as first, min(days_to_deadline) as days from marts.claims_to_file where {chosen.sql}",
        (SOON_DAYS, *chosen.values),
    )
    parts.figures({
        "Units to claim": sums["units"], f"Due within {SOON_DAYS} days": sums["soon"],
        "First deadline": [str(sums["first"]), f"{sums['days']} days left"],
        "Estimated value": parts.money(data.cash("marts.claims_to_file", chosen, "estimated_recovery_amount")),
    })  # fmt: skip
    st.subheader("Units by defect type")
    parts.bars(
        data.units("marts.claims_to_file", chosen, "defect_type", "eligible_units"), "defect_type", "units", "Units",
        colour=parts.COLOURS["ELIGIBLE_FOR_CLAIM"],
    )  # fmt: skip
    st.subheader("Claims, earliest deadline first")
    parts.grid(claims, "claims_to_file", labels=LABELS)
