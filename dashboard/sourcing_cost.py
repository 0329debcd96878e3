"""The costs by which units are valued, the payouts below them, and the products without a cost."""

from __future__ import annotations

import streamlit as st

from dashboard import data, filters, parts

COSTS = {
    "account_id": "Account", "seller_sku": "SKU", "product_name": "Product", "sourcing_cost_amount": "Cost per unit", "currency_code": "Currency",
    "cost_origin": "Stated by", "effective_from_date": "From", "effective_before_date": "Until before", "is_in_force": "In force",
    "lost_units": "Units valued by it", "asin": "ASIN", "fnsku": "FNSKU",
}  # fmt: skip
BELOW = {
    "account_id": "Account", "approval_date": "Approved", "seller_sku": "SKU", "amount_per_unit": "Paid per unit",
    "sourcing_cost_amount": "Cost per unit", "below_amount": "Shortfall per unit", "cash_units": "Units", "unpaid_amount": "Total shortfall",
    "currency_code": "Currency", "reason_category": "Reason", "cost_origin": "Cost stated by", "product_name": "Product",
    "reimbursement_id": "Reimbursement", "case_id": "Case", "condition": "Condition",
}  # fmt: skip
WITHOUT = {
    "account_id": "Account", "seller_sku": "SKU", "product_name": "Product", "eligible_units": "Units to claim", "asin": "ASIN", "fnsku": "FNSKU",
    "parent_asin": "Parent ASIN",
}  # fmt: skip
PAID = """
    select r.*, c.sourcing_cost_amount, c.cost_origin, c.sourcing_cost_amount - r.amount_per_unit as below_amount,
        ((c.sourcing_cost_amount - r.amount_per_unit) * r.cash_units)::decimal(18, 4) as unpaid_amount
    from marts.fct_reimbursements as r
    inner join marts.fct_sourcing_costs as c
        on c.account_id = r.account_id and c.seller_sku = r.seller_sku and c.currency_code = r.currency_code
        and r.approval_date >= c.effective_from_date and (c.in_force_before_date is null or r.approval_date < c.in_force_before_date)
    where not r.is_reversal and r.cash_units > 0 and r.amount_per_unit < c.sourcing_cost_amount
        and not exists (
            from marts.fct_reimbursements as back
            where back.is_reversal and back.account_id = r.account_id and back.original_reimbursement_id = r.reimbursement_id
                and back.seller_sku is not distinct from r.seller_sku
        )
"""
"""Payouts that were not taken back and paid less per unit than the cost on the day of approval."""


def show() -> None:
    """The page."""
    known = [r["currency_code"] for r in data.rows("select distinct currency_code from marts.fct_sourcing_costs order by 1")]
    with st.columns(4)[0]:
        currencies = filters.choice("Currency", "cost_currency", known)
    products = filters.accounts() & filters.products()
    chosen = products & filters.one_of("currency_code", currencies)
    costs = data.table(
        "select c.*, d.lost_units from (select * from marts.fct_sourcing_costs where " + chosen.sql + ") as c left join ("
        "  select account_id, seller_sku, currency_code, value_basis, sum(defect_units)::bigint as lost_units from marts.fct_inventory_defects "
        "  where value_basis like 'SOURCING_COST%' group by all"
        ") as d on d.account_id = c.account_id and d.seller_sku = c.seller_sku and d.currency_code = c.currency_code and c.is_in_force "
        "  and d.value_basis = 'SOURCING_COST_' || c.cost_origin "
        "order by c.is_in_force desc, c.account_id, c.seller_sku, c.currency_code, c.effective_from_date desc",
        chosen.values,
    )
    without = data.table(
        "select p.*, (select coalesce(sum(eligible_units), 0)::bigint from marts.fct_inventory_defects as d "
        "  where (d.account_id, d.seller_sku) = (p.account_id, p.seller_sku)) as eligible_units "
        f"from (select * from marts.dim_products where {products.sql}) as p "
        "where (account_id, seller_sku) not in (select (account_id, seller_sku) from marts.fct_sourcing_costs) "
        "order by eligible_units desc, fnsku is null, account_id, seller_sku",
        products.values,
    )
    paid = chosen & filters.dates("approval_date")
    below = data.table(f"select * from ({PAID}) where {paid.sql} order by approval_date desc, reimbursement_line_id", paid.values)
    unpaid = data.rows(
        f"select currency_code, sum(unpaid_amount) as amount from ({PAID}) where {paid.sql} group by currency_code order by currency_code",
        paid.values,
    )
    parts.figures({
        "Payouts below the cost": below.num_rows, "Total shortfall": parts.money(unpaid),
        "Products with a cost": len({(r["account_id"], r["seller_sku"]) for r in costs.select(["account_id", "seller_sku"]).to_pylist()}),
        "Products without a cost": without.num_rows,
    })  # fmt: skip
    st.subheader("Payouts below the cost")
    st.caption(
        "By the cost on the day of approval, without payouts that were taken back. Amazon pays less for units that could not be sold, so check each "
        "before you ask for a re-evaluation, which sellers report to be possible for 60 days."
    )
    wider = "Choose a wider range of dates, or clear the filters."
    parts.listing(below, "below_cost", BELOW, "No payout of these days was below a known cost.", wider)
    st.subheader("Cost used")
    parts.listing(costs, "sourcing_costs", COSTS, "No cost is known.", "Drop a file of sourcing costs into the inbox; docs/inputs.md says how.")
    st.subheader("Products without a cost")
    st.caption(
        "Their lost units are valued at what Amazon paid recently, or not at all: add their cost to the file of sourcing costs. "
        "Products without an FNSKU are not in Amazon's warehouses."
    )
    parts.listing(without, "without_cost", WITHOUT, "Every product has a cost.", "There is nothing to do.")
