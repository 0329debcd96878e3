"""Resolved units: how and why they were resolved, and what an appeal needs."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import data, filters, parts
from dashboard.reasons import why

MART = "marts.fct_inventory_defects"
RESOLVED_UNITS = "defect_units - eligible_units - in_progress_units"
LABELS = {
    "account_id": "Account", "status_since_date": "Decided", "defect_type": "Defect", "resolution_type": "Resolution", "status_reason": "Because",
    "resolved_units": "Units", "reimbursed_cash_units": "Paid in cash", "reimbursed_inventory_units": "Paid in kind",
    "reconciled_units": "Reconciled", "ineligible_units": "Ineligible", "reimbursed_cash_amount": "Amount", "currency_code": "Currency",
    "case_id": "Case", "reimbursement_ids": "Reimbursements", "amazon_order_id": "Order", "transaction_id": "Transaction", "seller_sku": "SKU",
    "fnsku": "FNSKU", "asin": "ASIN", "product_name": "Product", "defect_date": "Defect date", "disposition": "Disposition",
    "payout_match_basis": "Matched by", "defect_status": "Status",
}  # fmt: skip
TOP = 5


def show() -> None:
    """The page."""
    resolution, *others = st.columns(3)
    chosen = filters.defects(*others) & filters.Condition(f"{RESOLVED_UNITS} > 0")
    with resolution:
        chosen &= filters.one_of("resolution_type", filters.choice("Resolution", "resolution", ("REIMBURSED", "RECONCILE", "INELIGIBLE")))
    resolved = data.table(
        f"select *, {RESOLVED_UNITS} as resolved_units from {MART} where {chosen.sql} order by status_since_date desc, defect_id", chosen.values
    )
    if not resolved.num_rows:
        parts.nothing("Nothing was resolved.", "Choose a wider range of dates, or clear the filters.")
        return
    (sums,) = data.rows(
        f"select sum({RESOLVED_UNITS})::bigint as units, sum(reimbursed_cash_units)::bigint as in_cash, "
        "sum(reimbursed_inventory_units)::bigint as in_kind, sum(reconciled_units)::bigint as reconciled, "
        f"sum(ineligible_units)::bigint as ineligible from {MART} where {chosen.sql}",
        chosen.values,
    )
    parts.figures({
        "Resolved units": sums["units"], "Paid in cash": sums["in_cash"], "Replaced in kind": sums["in_kind"],
        "Cash reimbursed": parts.money(data.cash(MART, chosen)),
    })  # fmt: skip
    left, right = st.columns(2)
    with left:
        st.subheader(f"Units by defect type, top {TOP}")
        types = data.units(MART, chosen, "defect_type", RESOLVED_UNITS)
        parts.bars(types.slice(0, TOP), "defect_type", "units", "Units", colour=parts.COLOURS["RESOLVED"])
    with right:
        st.subheader("How units were resolved")
        distribution = {"REIMBURSED": sums["in_cash"] + sums["in_kind"], "RECONCILE": sums["reconciled"], "INELIGIBLE": sums["ineligible"]}
        parts.shares(distribution, "Units")
    st.subheader("Resolved defects, latest first")
    picked = parts.grid(resolved, "resolved", labels=LABELS, on_select="rerun", selection_mode="single-row").selection.rows
    if picked or resolved.num_rows == 1:
        _appeal(resolved.slice(picked[0] if picked else 0, 1).to_pylist()[0])
    else:
        st.caption("Choose a defect to see what an appeal against its resolution needs.")


def _appeal(defect: dict[str, Any]) -> None:
    """A letter to copy, with everything that Amazon asks for; placeholders mark what only the seller knows."""
    st.subheader("Appeal")
    if not defect["case_id"]:
        st.caption("Your log has no case for it. Drop your log of cases into the inbox, or enter the case number in the text.")
    happened = f"{filters.words(defect['defect_type'])}, {defect['defect_date']}"
    ids = {
        "Case": defect["case_id"] or "[case number]", "ASIN": defect["asin"], "FNSKU": defect["fnsku"], "SKU": defect["seller_sku"],
        "Product": defect["product_name"], "Order": defect["amazon_order_id"], "Transaction": defect["transaction_id"],
        "Warehouse": defect["fulfillment_center_id"], "Reimbursements": defect["reimbursement_ids"], "What happened": happened,
        "Units": f"{defect['defect_units']}, of which paid {defect['reimbursed_cash_units']}, replaced {defect['reimbursed_inventory_units']}",
        "Resolved": f"{defect['status_since_date']}: {why(defect['status_reason'])}", "Why we disagree": "[your reason]",
        "Attached": "[invoice, photos, proof of delivery]",
    }  # fmt: skip
    letter = "\n".join(f"{name}: {value}" for name, value in ids.items() if value)
    st.code(f"We appeal the resolution of this defect.\n\n{letter}", language=None, wrap_lines=True)
