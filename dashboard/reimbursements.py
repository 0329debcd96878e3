"""Every line that Amazon paid or took back, with the order behind it and everything that happened to the order."""

from __future__ import annotations

from typing import Any

import pyarrow
import streamlit as st

from dashboard import data, filters, parts

LABELS = {
    "account_id": "Account", "approval_at": "Approved (UTC)", "cash_amount": "Amount", "currency_code": "Currency", "reason_category": "Reason",
    "seller_sku": "SKU", "image_url": "Image", "product_name": "Product", "total_units": "Units", "cash_units": "Paid in cash",
    "inventory_units": "Paid in kind", "amount_per_unit": "Per unit", "amazon_order_id": "Order", "order_status": "Order status",
    "reimbursement_id": "Reimbursement", "case_id": "Case", "initiated_by": "Initiated by", "original_reimbursement_id": "Original",
    "original_reimbursement_type": "Original type", "reason_code": "Reason as sent", "marketplace_inferred": "Marketplace (inferred)",
    "marketplace_basis": "Inferred from", "asin": "ASIN", "parent_asin": "Parent ASIN", "fnsku": "FNSKU", "condition": "Condition",
}  # fmt: skip
ORDER = {
    "amazon_order_id": "Order", "purchase_at": "Ordered (UTC)", "order_status": "Status", "fulfillment_channel": "Channel",
    "marketplace_id": "Marketplace", "item_units": "Units", "item_amount": "Items", "currency_code": "Currency",
    "is_replacement": "Replacement", "is_multi_channel": "Multi-channel",
}  # fmt: skip
DEFECTS = {
    "defect_date": "Date", "defect_type": "Defect", "seller_sku": "SKU", "disposition": "Disposition", "defect_units": "Units",
    "defect_status": "Status", "resolution_type": "Resolution", "status_reason": "Why", "reimbursed_cash_amount": "Paid",
    "currency_code": "Currency", "case_id": "Case",
}  # fmt: skip
COMPLAINTS = {
    "order_date": "Ordered", "has_negative_feedback": "Feedback", "has_a_to_z_claim": "A-to-z claim", "has_chargeback": "Chargeback",
    "counts_toward_odr": "Counts", "status_reason": "Why",
}  # fmt: skip


def show() -> None:
    """The page."""
    lines = _chosen()
    total = data.rows(
        "select currency_code, coalesce(sum(cash_amount) filter (not is_reversal), 0) as paid, "
        "coalesce(sum(cash_amount) filter (is_reversal), 0) as taken_back, sum(cash_amount) as net, sum(inventory_units)::bigint as in_kind, "
        f"count(*) as lines from marts.fct_reimbursements where {lines.sql} group by currency_code order by currency_code",
        lines.values,
    )
    if not total:
        parts.nothing("No reimbursements were approved in these days, for these filters.", "Choose a wider range of dates, or clear the filters.")
        return
    parts.figures({
        "Lines": sum(t["lines"] for t in total), "Paid": _each(total, "paid"), "Taken back": _each(total, "taken_back"),
        "Net": _each(total, "net"), "Units in kind, net": sum(t["in_kind"] or 0 for t in total),
    })  # fmt: skip
    table = data.table(
        "select r.*, p.image_url from (select * from marts.fct_reimbursements where " + lines.sql + ") as r "
        "left join marts.dim_products as p using (account_id, seller_sku) order by r.approval_at desc, r.reimbursement_line_id",
        lines.values,
    )
    st.caption("Dates are days of approval: the report has no other. It names no marketplace either; the marketplace shown is inferred.")
    chosen = parts.grid(table, "reimbursements", labels=_worth_showing(table), on_select="rerun", selection_mode="single-row").selection.rows
    if table.num_rows == 1 or chosen:
        _behind(table.slice(chosen[0] if chosen else 0, 1).to_pylist()[0])
    else:
        st.caption("Choose a line to see its order, its returns, and everything that was paid and taken back for it.")


def _chosen() -> filters.Condition:
    reasons = [r["reason_category"] for r in data.rows("select distinct reason_category from marts.fct_reimbursements order by 1")]
    columns = st.columns(4)
    with columns[0]:
        of_reasons = filters.choice("Reason", "reason", reasons)
    with columns[1]:
        by = filters.choice("Initiated by", "initiated_by", ("AMAZON", "SELLER"), help="You if there is a case, else Amazon.")
    with columns[2]:
        payout = st.text_input("Reimbursement", key="reimbursement_id", bind="query-params", placeholder="All", help="Its reversals too.")
    with columns[3]:
        order = st.text_input("Order", key="order_id", bind="query-params", placeholder="All")
    chosen = filters.accounts() & filters.products() & filters.dates("approval_date") & filters.one_of("reason_category", of_reasons)
    chosen = chosen & filters.one_of("initiated_by", by) & filters.mentions(order, "amazon_order_id")
    return chosen & filters.mentions(payout, "reimbursement_id", "original_reimbursement_id")


def _each(total: list[dict[str, Any]], column: str) -> list[str]:
    return parts.money({"currency_code": t["currency_code"], "amount": t[column]} for t in total)


def _worth_showing(table: pyarrow.Table) -> dict[str, str]:
    """All columns, without the product columns that are empty in every line because no catalogue names an image or a parent."""
    found = [c for c in table.column_names if c not in ("image_url", "parent_asin") or table[c].null_count < table.num_rows]
    return {c: label for c, label in LABELS.items() if c in found}


def _behind(line: dict[str, Any]) -> None:
    """The order of a line, its losses and returns, and everything that was paid and taken back for them."""
    account, order, payout = line["account_id"], line["amazon_order_id"], line["original_reimbursement_id"] or line["reimbursement_id"]
    st.subheader(f"Order {parts.verbatim(order)}" if order else f"Reimbursement {parts.verbatim(line['reimbursement_id'])}, which names no order")
    if order:
        found = data.table("select * from marts.fct_orders where (account_id, amazon_order_id) = (?, ?)", [account, order])
        parts.listing(found, "order", ORDER, "No loaded orders report has this order.", "Drop the orders report of its days into the inbox.")
    defects = data.table(
        "select * from marts.fct_inventory_defects where account_id = ? and (amazon_order_id = ? or "
        "list_contains(string_split(reimbursement_ids, ','), ?)) order by defect_date, defect_id",
        [account, order, payout],
    )
    if defects.num_rows:
        st.markdown("**Losses, damages and returns**")
        parts.grid(defects, "order_defects", labels=DEFECTS)
    complaints = data.table("select * from marts.fct_order_defects where (account_id, amazon_order_id) = (?, ?)", [account, order])
    if complaints.num_rows:
        st.markdown("**Complaints**")
        parts.grid(complaints, "order_complaints", labels=COMPLAINTS)
    paid = data.table(
        "select * from marts.fct_reimbursements where account_id = ? "
        "and (amazon_order_id = ? or reimbursement_id = ? or original_reimbursement_id = ?) order by approval_at, reimbursement_line_id",
        [account, order, payout, payout],
    )
    st.markdown("**Paid and taken back**")
    parts.grid(paid, "order_payouts", labels=_worth_showing(paid))
