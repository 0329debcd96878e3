"""Reimbursements: figures and files equal the mart, every filter applies to both, and a line links to its order."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest

from tests.readers.conftest import PublishedWorld
from tests.readers.dashboard import EVER, Dashboard
from tests.support import AT

LINES = "select r.*, p.image_url from marts.fct_reimbursements as r left join marts.dim_products as p using (account_id, seller_sku)"


def check(page: Dashboard, where: str) -> None:
    """Every figure and the file equal the mart."""
    ((count, in_kind),) = page.ask(f"select count(*), sum(inventory_units) from marts.fct_reimbursements as r where {where}")
    assert count > 0
    by_currency = "from marts.fct_reimbursements as r where {} group by 1 order by 1"
    page.shows("Lines", f"{count:,}")
    page.shows("Paid", *page.money("select currency_code, coalesce(sum(cash_amount) filter (not is_reversal), 0) " + by_currency.format(where)))
    page.shows("Taken back", *page.money("select currency_code, coalesce(sum(cash_amount) filter (is_reversal), 0) " + by_currency.format(where)))
    page.shows("Net", *page.money("select currency_code, sum(cash_amount) " + by_currency.format(where)))
    page.shows("Units in kind, net", f"{in_kind:,}")
    assert page.holds("reimbursements", f"{LINES} where {where}") == count


def test_net_of_every_currency_is_what_the_world_paid(dashboard: Dashboard, published: PublishedWorld) -> None:
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for truth in published.world.truth(AT).values():
        for (currency, _), amount in truth.cash.items():
            paid[currency] += amount
    dashboard.open("reimbursements", **EVER).shows("Net", *(f"{currency} {amount:,.2f}" for currency, amount in sorted(paid.items())))
    assert len(paid) == 7


def test_first_visit_shows_the_last_year(dashboard: Dashboard) -> None:
    check(dashboard.open("reimbursements"), "r.approval_date between '2025-11-20' and '2026-11-20'")


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"account": ["demo-eu", "second-na"]}, "r.account_id in ('demo-eu', 'second-na')"),
        ({"dates": ["2026-03-02", "2026-04-30"]}, "r.approval_date between '2026-03-02' and '2026-04-30'"),
        ({"product": "desk-02"}, "r.seller_sku = 'DESK-02'"),
        ({"product": "B074AE24EF"}, "r.asin = 'B074AE24EF'"),
        ({"reason": ["Warehouse lost", "Reversal"]}, "r.reason_category in ('WAREHOUSE_LOST', 'REVERSAL')"),
        ({"initiated_by": "Seller"}, "r.case_id is not null"),
    ],
)  # fmt: skip
def test_filter_in_the_address_narrows_figures_and_file(dashboard: Dashboard, query: dict[str, str | list[str]], where: str) -> None:
    check(dashboard.open("reimbursements", **{**EVER, **query}), where)


def test_filters_that_are_used_are_in_the_address(dashboard: Dashboard) -> None:
    dashboard.open("reimbursements", **EVER)
    dashboard.pick("Reason", "Customer return")
    dashboard.has("reason", "Customer return")
    dashboard.pick("Initiated by", "Seller")
    dashboard.has("initiated_by", "Seller")
    check(dashboard, "r.reason_category = 'CUSTOMER_RETURN' and r.initiated_by = 'SELLER'")


def test_reimbursement_id_finds_what_was_taken_back_of_it_too(dashboard: Dashboard) -> None:
    ((original,),) = dashboard.ask(
        "select original_reimbursement_id from marts.fct_reimbursements where is_reversal and amazon_order_id is null order by all limit 1"
    )
    dashboard.open("reimbursements", **EVER).type("Reimbursement", original)
    dashboard.has("reimbursement_id", original)
    check(dashboard, f"r.reimbursement_id = '{original}' or r.original_reimbursement_id = '{original}'")


def test_chosen_line_shows_its_order_and_all_that_was_paid_and_taken_back_for_it(dashboard: Dashboard) -> None:
    ((account, order),) = dashboard.ask(
        "select account_id, amazon_order_id from marts.fct_reimbursements where is_reversal and amazon_order_id is not null order by all limit 1"
    )
    dashboard.open("reimbursements", **EVER).type("Order", order)
    dashboard.has("order_id", order)
    dashboard.shows("Lines", "2")
    dashboard.choose_line("reimbursements", 1)
    dashboard.says(f"Order {order}")
    of_order = f"(account_id, amazon_order_id) = ('{account}', '{order}')"
    assert dashboard.holds("order", f"from fct_orders where {of_order}") == 1
    assert dashboard.holds("order_defects", f"from fct_inventory_defects where {of_order}") >= 1
    assert dashboard.holds("order_payouts", f"from fct_reimbursements where {of_order}") == 2


def test_line_without_an_order_shows_its_loss(dashboard: Dashboard) -> None:
    ((account, payout),) = dashboard.ask(
        "select account_id, reimbursement_ids from marts.fct_inventory_defects "
        "where defect_type = 'WAREHOUSE_LOST' and reimbursement_ids not like '%,%' "
        "and reimbursement_ids in (select reimbursement_id from marts.fct_reimbursements group by 1 having count(*) = 1) "
        "and reimbursement_ids not in (select original_reimbursement_id from marts.fct_reimbursements where original_reimbursement_id is not null) "
        "order by all limit 1"
    )
    dashboard.open("reimbursements", **EVER, reimbursement_id=payout).says(f"Reimbursement {payout}, which names no order")
    losses = f"from fct_inventory_defects where account_id = '{account}' and list_contains(string_split(reimbursement_ids, ','), '{payout}')"
    assert dashboard.holds("order_defects", losses) >= 1


def test_nothing_found_says_what_to_do(dashboard: Dashboard) -> None:
    dashboard.open("reimbursements", order_id="000-0000000-0000000").says("Choose a wider range of dates, or clear the filters.")
