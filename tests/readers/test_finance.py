"""Finance and sourcing cost: months, reasons, tie-out, exports and costs equal the marts and the simulated world."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.readers.conftest import PublishedWorld
from tests.readers.dashboard import EVER, Dashboard
from tests.support import AT

MONTHLY = (
    "select month, attributed_reason_category, sum(gross_cash_amount) as gross, sum(reversed_cash_amount) as reversed, sum(net_cash_amount) as net, "
    "currency_code, sum(cash_units)::bigint as cash_units, sum(inventory_units)::bigint as inventory_units, "
    "sum(net_cash_amount_reporting) as net_reporting, any_value(reporting_currency_code) as reporting_currency_code "
    "from marts.fct_reimbursements_monthly where {} group by 1, 2, currency_code"
)
BELOW = """
    select r.*, c.sourcing_cost_amount, c.cost_origin, c.sourcing_cost_amount - r.amount_per_unit as below_amount,
        ((c.sourcing_cost_amount - r.amount_per_unit) * r.cash_units)::decimal(18, 4) as unpaid_amount
    from marts.fct_reimbursements as r inner join marts.fct_sourcing_costs as c using (account_id, seller_sku, currency_code)
    where r.amount_per_unit < c.sourcing_cost_amount and r.cash_units > 0 and not r.is_reversal
        and r.approval_date between c.effective_from_date and coalesce(c.in_force_before_date - 1, '2999-12-31'::date)
        and (r.account_id, r.reimbursement_id) not in (
            select (account_id, original_reimbursement_id) from marts.fct_reimbursements where original_reimbursement_id is not null
        )
"""


def check(page: Dashboard, currency: str, where: str) -> None:
    """Figures and file of the months equal the mart."""
    of_currency = f"currency_code = '{currency}' and {where}"
    for name, column in (("Paid", "gross"), ("Taken back", "reversed"), ("Net", "net")):
        page.shows(name, *page.money(f"select '{currency}', sum({column}_cash_amount) from marts.fct_reimbursements_monthly where {of_currency}"))
    assert page.holds("month_by_reason", MONTHLY.format(of_currency)) > 1


def test_net_of_a_currency_is_what_the_world_paid(dashboard: Dashboard, published: PublishedWorld) -> None:
    truths = published.world.truth(AT).values()
    paid = sum((amount for truth in truths for (currency, _), amount in truth.cash.items() if currency == "EUR"), Decimal(0))
    dashboard.open("finance", **EVER, currency="EUR").shows("Net", f"EUR {paid:,.2f}")


def test_currency_with_the_most_lines_is_shown_first(dashboard: Dashboard) -> None:
    check(dashboard.open("finance", **EVER), "USD", "true")


def test_currency_is_picked_and_is_in_the_address(dashboard: Dashboard) -> None:
    dashboard.open("finance", **EVER)
    dashboard.pick("Currency", "GBP")
    dashboard.has("currency", "GBP")
    check(dashboard, "GBP", "true")


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"account": "second-na"}, "account_id = 'second-na'"),
        ({"dates": ["2026-02-11", "2026-04-03"]}, "month in ('2026-02-01', '2026-03-01', '2026-04-01')"),
        ({"product": "CANVAS-04,0007"}, "seller_sku in ('CANVAS-04', '0007')"),
    ],
)  # fmt: skip
def test_months_follow_the_filters(dashboard: Dashboard, query: dict[str, str | list[str]], where: str) -> None:
    check(dashboard.open("finance", **{**EVER, **query}), "USD", where)


def test_tie_out_shows_every_side_at_once(dashboard: Dashboard) -> None:
    where = "currency_code = 'USD' and month between '2025-11-01' and '2026-11-20'"
    dashboard.open("finance")
    names = {
        "Reported": "reported_cash",
        "Settled": "settled_cash",
        "Matched in its month": "matched",
        "In transit": "in_transit",
        "Settlement not held": "not_held",
    }
    for name, column in names.items():
        dashboard.shows(name, *dashboard.money(f"select 'USD', sum({column}_amount) from marts.fct_settlement_reconciliation where {where}"))
    dashboard.shows("Unexplained", "reported USD 0.00", "settled USD 0.00")
    assert dashboard.holds("settlement_reconciliation", f"from fct_settlement_reconciliation where {where}") > 10


def test_accruals_are_those_of_the_currency(dashboard: Dashboard) -> None:
    assert dashboard.open("finance", currency="EUR").holds("recovery_accruals", "from fct_recovery_accruals where currency_code = 'EUR'") > 0


# Open the page for each kind: Chromium asks before the eleventh download of a page.
@pytest.mark.parametrize(("kind", "count"), [("csv", 6), ("parquet", 6), ("xlsx", 1)])
def test_every_export_of_the_publication_is_offered_as_it_is(dashboard: Dashboard, kind: str, count: int) -> None:
    dashboard.open("finance")
    files = sorted(dashboard.warehouse.home.exports.glob(f"*.{kind}"))
    assert len(files) == count
    for file in files:
        assert dashboard.save(f".st-key-{'export_' + file.name.replace('.', '-')} button").read_bytes() == file.read_bytes()


def test_months_without_payouts_say_what_to_do(dashboard: Dashboard) -> None:
    dashboard.open("finance", product="no-such-sku").says("Nothing was paid in USD in these months.")
    dashboard.says("Amazon changed no USD amount of these months after they ended.")


def test_payouts_below_the_cost_are_those_that_a_join_by_day_finds(dashboard: Dashboard) -> None:
    dashboard.open("sourcing-cost", **EVER)
    assert dashboard.holds("below_cost", BELOW) == int(dashboard.figure("Payouts below the cost").inner_text()) > 0
    dashboard.shows("Total shortfall", *dashboard.money(f"select currency_code, sum(unpaid_amount) from ({BELOW}) group by 1 order by 1"))


def test_costs_are_those_of_the_world(dashboard: Dashboard, published: PublishedWorld) -> None:
    dashboard.open("sourcing-cost", account="demo-eu", cost_currency="GBP")
    profile = published.world.sellers["demo-eu"].profile
    (market,) = (m for m in profile.markets if m.currency == "GBP")
    in_force = dashboard.ask(
        "select seller_sku, sourcing_cost_amount from marts.fct_sourcing_costs where account_id = 'demo-eu' and currency_code = 'GBP' and is_in_force"
    )
    stocked = published.world.sellers["demo-eu"]._records.stocked(market)
    assert len(in_force) > 1
    assert dict(in_force) == {p.sku: p.cost_in(market, AT.date()) for p in stocked}
    dashboard.shows("Products with a cost", f"{len(in_force)}")


def test_products_without_a_cost_are_those_that_the_seller_ships(dashboard: Dashboard, published: PublishedWorld) -> None:
    shipped_by_seller = [p for p in published.world.sellers["demo-na"]._records.products if p.channel == "MFN"]
    dashboard.open("sourcing-cost", account="demo-na")
    lacking = "from dim_products as p anti join fct_sourcing_costs using (account_id, seller_sku) where p.account_id = 'demo-na'"
    assert dashboard.holds("without_cost", f"select p.*, 0::bigint as eligible_units {lacking}") == len(shipped_by_seller) > 0


def test_products_that_nobody_knows_say_what_to_do(dashboard: Dashboard) -> None:
    dashboard.open("sourcing-cost", product="no-such-sku").says("Drop a file of sourcing costs into the inbox; docs/inputs.md says how.")
    dashboard.says("No payout of these days was below a known cost.")
