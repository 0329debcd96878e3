"""What may be claimed today: everything a claim form asks for, until when, and what it is worth."""

from __future__ import annotations

import streamlit as st

from dashboard import data, filters, parts

LABELS = {
    "account_id": "Account", "days_to_deadline": "Days left", "claim_deadline_date": "Claim until", "defect_type": "Defect", "eligible_units": "Units",
    "estimated_recovery_amount": "Worth", "currency_code": "Currency", "amazon_order_id": "Order", "transaction_id": "Transaction",
    "seller_sku": "SKU", "fnsku": "FNSKU", "asin": "ASIN", "product_name": "Product", "fulfillment_center_id": "Warehouse", "defect_date": "Defect date",
    "disposition": "Disposition", "reason_code": "Code", "value_basis": "Valued by", "policy_rule_id": "Rule",
}  # fmt: skip


def show() -> None:
    """The page."""
    columns = st.columns(3)
    with columns[0]:
        events = filters.choice("Event type", "event_type", ("WAREHOUSE_OPERATIONS", "CUSTOMER_RETURNS"))
    with columns[1]:
        kinds = filters.choice(
            "Defect type", "defect_type", [r["defect_type"] for r in data.rows("select distinct defect_type from marts.claims_to_file order by 1")]
        )
    with columns[2]:
        reference = st.text_input("Order or transaction", key="reference", bind="query-params", placeholder="All")
    chosen = filters.accounts() & filters.products() & filters.dates("defect_date") & filters.one_of("event_type", events)
    chosen = chosen & filters.one_of("defect_type", kinds) & filters.mentions(reference, "amazon_order_id", "transaction_id")
    claims = data.table(f"select * from marts.claims_to_file where {chosen.sql} order by claim_rank", list(chosen.values))
    if not claims.num_rows:
        parts.nothing(
            "Nothing is to be claimed here.", "Claims appear once Amazon's own time to pay is over; look at In progress, or clear the filters."
        )
        return
    (sums,) = data.rows(
        f"select sum(eligible_units)::bigint as units, min(claim_deadline_date) as first from marts.claims_to_file where {chosen.sql}",
        list(chosen.values),
    )
    worth = data.rows(
        f"select currency_code, sum(estimated_recovery_amount) as amount from marts.claims_to_file where {chosen.sql} group by 1 order by 1",
        list(chosen.values),
    )
    parts.figures({"Units to claim": sums["units"], "Worth by estimate": parts.money(worth), "First deadline": str(sums["first"])})
    by_type = data.table(
        f"select defect_type, sum(eligible_units)::bigint as units from marts.claims_to_file where {chosen.sql} group by 1 order by 2 desc",
        list(chosen.values),
    )
    st.subheader("Units by defect type")
    parts.bars(by_type, "defect_type", "units", "Units", colour=parts.COLOURS["ELIGIBLE_FOR_CLAIM"])
    st.subheader("Claims, the soonest deadline first")
    parts.grid(claims, "claims_to_file", labels=LABELS)
