"""What Amazon paid by month and reason, whether it arrived, and which closed months changed afterwards."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import data, filters, parts

BY_REASON = {
    "month": "Month", "attributed_reason_category": "Reason", "gross": "Paid", "reversed": "Taken back", "net": "Net",
    "cash_units": "Units paid in cash", "inventory_units": "Units paid in kind",
}  # fmt: skip
TIE_OUT = {
    "account_id": "Account", "month": "Month", "reported_cash_amount": "Reported", "settled_cash_amount": "Settled", "matched_amount": "Matched",
    "in_transit_amount": "In transit", "not_held_amount": "Settlement not held",
    "unexplained_reported_amount": "Unexplained, reported", "unexplained_settled_amount": "Unexplained, settled",
    "carried_in_amount": "From other months", "before_settlements_amount": "Before settlements", "not_yet_reported_amount": "Not yet reported",
}  # fmt: skip
DIFFERENCES = {
    "account_id": "Account", "line_date": "Day", "side": "Side", "difference_reason": "Why", "unexplained_amount": "Unexplained",
    "amazon_order_id": "Order", "seller_sku": "SKU", "product_name": "Product", "reason_code": "Reason", "reimbursement_id": "Reimbursement",
    "settlement_id": "Settlement",
}  # fmt: skip
MOVED = {
    "account_id": "Account", "report": "Report", "month": "Month", "seen_at": "Seen (UTC)", "cash_amount_change": "Change", "units_change": "Units",
    "rows_added": "Rows added", "rows_removed": "Rows removed",
}  # fmt: skip
ACCRUALS = {
    "account_id": "Account", "defect_type": "Defect", "eligible_units": "Units to claim", "potential_recovery_amount": "Estimated value",
    "loss_amount": "Loss at cost", "paid_units": "Paid so far", "unpaid_units": "Never paid", "accrued_amount": "Accrued",
}  # fmt: skip


def show() -> None:
    """The page."""
    currency = _currency()
    if currency:
        _by_reason(currency)
        st.caption("The figures below are by account and currency only: the product filter does not apply.")
        _tie_out(currency)
        _moved(currency)
        _accruals(currency)
    else:
        parts.nothing("No reimbursements are loaded.", "Drop a reimbursements report into the inbox, or connect an account, then make run.")
    _exports()


def _currency() -> str | None:
    """The currency of all figures, by default the one with the most lines."""
    held = [r["currency_code"] for r in data.rows("select currency_code from marts.fct_reimbursements group by 1 order by count(*) desc, 1")]
    if not held:
        return None
    with st.columns(4)[0]:
        return st.selectbox("Currency", held, key="currency", bind="query-params", required=True, help="Currencies are never added up.")


def _months(currency: str) -> filters.Condition:
    """The chosen accounts in the whole months of the chosen days."""
    first, last = filters.chosen_dates()
    return filters.accounts() & filters.one_of("currency_code", [currency]) & filters.Condition("month between ? and ?", (first.replace(day=1), last))


def _by_reason(currency: str) -> None:
    chosen = _months(currency) & filters.products(own=())
    st.subheader(f"By month and reason, {currency}")
    table = data.table(
        "select month, attributed_reason_category, sum(gross_cash_amount) as gross, sum(reversed_cash_amount) as reversed, "
        "sum(net_cash_amount) as net, currency_code, sum(cash_units)::bigint as cash_units, sum(inventory_units)::bigint as inventory_units, "
        "sum(net_cash_amount_reporting) as net_reporting, any_value(reporting_currency_code) as reporting_currency_code "
        f"from marts.fct_reimbursements_monthly where {chosen.sql} group by month, attributed_reason_category, currency_code order by 1 desc, 2",
        chosen.values,
    )
    if not table.num_rows:
        parts.nothing(f"Nothing was paid in {currency} in these months.", "Choose another currency or a wider range of dates, or clear the filters.")
        return
    (total,) = data.rows(
        "select sum(gross_cash_amount) as gross, sum(reversed_cash_amount) as reversed, sum(net_cash_amount) as net, "
        "sum(inventory_units)::bigint as in_kind, sum(net_cash_amount_reporting) as net_reporting, "
        f"any_value(reporting_currency_code) as reporting_currency_code from marts.fct_reimbursements_monthly where {chosen.sql}",
        chosen.values,
    )
    figures: dict[str, Any] = {n: _amount(currency, total[c]) for n, c in {"Paid": "gross", "Taken back": "reversed", "Net": "net"}.items()}
    labels = dict(BY_REASON)
    if total["net_reporting"] is not None:
        figures["Net, converted"] = _amount(total["reporting_currency_code"], total["net_reporting"])
        labels["net_reporting"] = f"Net, {total['reporting_currency_code']}"
    parts.figures(figures | {"Units in kind, net": total["in_kind"]})
    parts.stacks(table, "month", "attributed_reason_category", "net", f"Net, {currency}")
    st.caption("Whole months, by approval. A reversal counts in its own month, under the reason of what it takes back.")
    parts.grid(table, "month_by_reason", labels=labels)


def _amount(currency: str, amount: Any) -> list[str]:
    return parts.money([{"currency_code": currency, "amount": amount}])


def _tie_out(currency: str) -> None:
    chosen = _months(currency)
    st.subheader(f"Reimbursements against settlements, {currency}")
    table = data.table(f"select * from marts.fct_settlement_reconciliation where {chosen.sql} order by month desc, account_id", chosen.values)
    if not table.num_rows:
        parts.nothing(f"Nothing was reported or settled in {currency} in these months.", "Settlements reach back some 90 days: drop older ones in.")
        return
    (total,) = data.rows(
        "select sum(reported_cash_amount) as reported, sum(settled_cash_amount) as settled, sum(matched_amount) as matched, "
        "sum(in_transit_amount) as in_transit, sum(not_held_amount) as not_held, sum(unexplained_reported_amount) as missing, "
        "sum(unexplained_settled_amount) as surplus "
        f"from marts.fct_settlement_reconciliation where {chosen.sql}",
        chosen.values,
    )
    names = {
        "Reported": "reported",
        "Settled": "settled",
        "Matched in its month": "matched",
        "In transit": "in_transit",
        "Settlement not held": "not_held",
    }
    parts.figures({name: _amount(currency, total[column]) for name, column in names.items()} | {
        "Unexplained": [f"reported {currency} {total['missing']:,.2f}", f"settled {currency} {total['surplus']:,.2f}"],
    })  # fmt: skip
    parts.grid(table, "settlement_reconciliation", labels=TIE_OUT)
    differences = data.table(
        f"select * from marts.fct_settlement_differences where {chosen.sql} order by line_date desc, account_id, line_id", chosen.values
    )
    if differences.num_rows:
        st.markdown("**Lines behind the unexplained amounts**")
        parts.grid(differences, "settlement_differences", labels=DIFFERENCES)


def _moved(currency: str) -> None:
    chosen = _months(currency)
    st.subheader("Closed months that changed")
    table = data.table(
        "select * from (select *, date_trunc('month', event_date)::date as month from marts.fct_restatements "
        "where date_trunc('month', seen_at) > date_trunc('month', event_date)) "
        f"where {chosen.sql} order by seen_at desc, event_date desc, account_id",
        chosen.values,
    )
    empty_message = f"Amazon changed no {currency} amount of these months after they ended."
    parts.listing(table, "restated_months", MOVED, empty_message, "Data health lists all changes.")


def _accruals(currency: str) -> None:
    chosen = filters.accounts() & filters.one_of("currency_code", [currency])
    accruals = data.table(f"select * from marts.fct_recovery_accruals where {chosen.sql} order by account_id, defect_type", chosen.values)
    if accruals.num_rows:
        st.subheader("Expected recovery from open claims, as a memo")
        st.caption("Today's open claims, whatever the dates. Accrued is blank unless the variable accrue_eligible_claims is true.")
        parts.grid(accruals, "recovery_accruals", labels=ACCRUALS)


def _exports() -> None:
    """The publication's export files, unchanged."""
    st.subheader("Exports of this publication")
    with st.container(horizontal=True):
        for file in data.exports():
            st.download_button(file.name, file.read_bytes, file.name, on_click="ignore", key=f"export_{file.name}", icon=":material/download:")
