"""The pages of inventory defects: figures, charts and files equal the marts, and every filter applies to all of them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from dashboard.filters import words
from dashboard.reasons import REASONS, why
from tests.readers.conftest import PublishedWorld
from tests.readers.dashboard import EVER, Dashboard
from tests.support import AT

YEAR = "defect_date between '2025-11-20' and '2026-11-20'"
FILTERS = [
    ({}, "true"),
    (
        {"account": ["demo-eu", "second-na"], "dates": ["2026-06-01", "2026-10-31"]},
        "account_id in ('demo-eu', 'second-na') and defect_date between '2026-06-01' and '2026-10-31'",
    ),
    ({"product": "canvas-04, B074AE24EF"}, "(seller_sku = 'CANVAS-04' or asin = 'B074AE24EF')"),
    (
        {"product": "X004AE24EF", "event_type": "Warehouse operations"},
        "(fnsku = 'X004AE24EF' or (account_id, seller_sku) = ('demo-na', '0007')) and event_type = 'WAREHOUSE_OPERATIONS'",
    ),
]
OF_DEFECTS = [*FILTERS, ({"defect_type": ["In transit", "Warehouse lost"]}, "defect_type in ('IN_TRANSIT', 'WAREHOUSE_LOST')")]
RESOLVED_UNITS = "defect_units - eligible_units - in_progress_units"

Query = dict[str, str | list[str]]


def by(dashboard: Dashboard, category: str, units: str, source: str) -> dict[str, int]:
    """The units of every value of a column in words, largest first; ties by code."""
    said = why if category == "status_reason" else words
    return {
        said(c): n for c, n in dashboard.ask(f"select {category}, sum({units})::bigint as n from {source} group by 1 having n > 0 order by n desc, 1")
    }


@pytest.mark.parametrize(("query", "where"), FILTERS)
def test_overview_counts_every_unit_in_one_status(dashboard: Dashboard, query: Query, where: str) -> None:
    source = f"from marts.fct_inventory_defects where {where}"
    ((all_units, eligible, in_progress, settled),) = dashboard.ask(
        "select sum(defect_units)::bigint, sum(eligible_units)::bigint, sum(in_progress_units)::bigint, "
        f"sum(reimbursed_cash_units + reimbursed_inventory_units + reconciled_units + ineligible_units)::bigint {source}"
    )
    dashboard.open("", **{**EVER, **query}).shows("Defective units", f"{all_units:,}")
    for name, units in {"Eligible for claim": eligible, "In progress": in_progress, "Resolved": settled}.items():
        dashboard.shows(name, f"{units:,}")
    assert all_units == eligible + in_progress + settled > 0
    cash = dashboard.money(f"select currency_code, sum(reimbursed_cash_amount) {source} and reimbursed_cash_amount <> 0 group by 1 order by 1")
    dashboard.shows("Cash reimbursed for them", *cash)


def test_trend_is_that_of_the_mart_of_days(dashboard: Dashboard) -> None:
    days = """
        select c.calendar_date, s.defect_status, coalesce(sum(d.units), 0)::bigint as units
        from dim_calendar as c
        cross join (select unnest(['ELIGIBLE_FOR_CLAIM', 'IN_PROGRESS', 'RESOLVED']) as defect_status) as s
        left join (from fct_defect_status_daily where account_id = 'demo-na') as d
            on d.status_date = c.calendar_date and d.defect_status = s.defect_status
        where c.calendar_date between '2026-03-01' and '2026-11-20'
        group by all
    """
    assert dashboard.open("", account="demo-na", dates=["2026-03-01", "2026-12-24"]).holds("defect_status_daily", days) == 265 * 3


def test_card_leads_to_its_page_and_takes_the_filters_along(dashboard: Dashboard) -> None:
    dashboard.open("", account="demo-na", event_type="Customer returns")
    ((eligible,),) = dashboard.ask(
        f"select sum(eligible_units)::bigint from marts.claims_to_file where {YEAR} and account_id = 'demo-na' and event_type = 'CUSTOMER_RETURNS'"
    )
    dashboard.shows("Eligible for claim", f"{eligible:,}")
    dashboard.page.locator(".st-key-figure_eligibleforclaim").get_by_test_id("stPageLink-NavLink").click()
    dashboard.shows("Units to claim", f"{eligible:,}")
    dashboard.has("account", "demo-na")
    dashboard.has("event_type", "Customer returns")


@pytest.mark.parametrize(("query", "where"), OF_DEFECTS)
def test_claims_are_those_of_the_mart(dashboard: Dashboard, query: Query, where: str) -> None:
    source = f"from claims_to_file where {where}"
    dashboard.open("eligible", **{**EVER, **query})
    ((units, soon, first, days),) = dashboard.ask(
        "select sum(eligible_units)::bigint, coalesce(sum(eligible_units) filter (claim_deadline_date <= date '2026-11-27'), 0)::bigint, "
        f"min(claim_deadline_date)::varchar, min(claim_deadline_date) - date '2026-11-20' from marts.claims_to_file where {where}"
    )
    dashboard.shows("Units to claim", f"{units:,}")
    dashboard.shows("Due within 7 days", f"{soon:,}")
    dashboard.shows("First deadline", first, f"{days} days left")
    worth = f"select currency_code, sum(estimated_recovery_amount) from marts.claims_to_file where {where} group by 1 order by 1"
    dashboard.shows("Estimated value", *dashboard.money(worth))
    dashboard.draws("bar", by(dashboard, "defect_type", "eligible_units", f"marts.claims_to_file where {where}"))
    assert dashboard.holds("claims_to_file", source) > 0


def test_claim_is_found_by_order_and_by_transaction(dashboard: Dashboard) -> None:
    for column in ("amazon_order_id", "transaction_id"):
        ((reference,),) = dashboard.ask(f"select {column} from marts.claims_to_file where {column} is not null order by all limit 1")
        dashboard.open("eligible").type("Order or transaction", reference)
        dashboard.has("reference", reference)
        dashboard.says("Download 1 rows")
        assert dashboard.holds("claims_to_file", f"from claims_to_file where {column} = '{reference}'") == 1


@pytest.mark.parametrize(("query", "where"), [(q, w) for q, w in OF_DEFECTS if "product" not in q])
def test_units_in_progress_are_those_of_the_mart(dashboard: Dashboard, query: Query, where: str) -> None:
    where += " and in_progress_units > 0"
    dashboard.open("in-progress", **{**EVER, **query})
    ((units, in_case, awaited, oldest),) = dashboard.ask(
        "select sum(in_progress_units)::bigint, "
        "coalesce(sum(in_progress_units) filter (status_reason in ('CLAIM_OPEN', 'PAYMENT_PENDING')), 0)::bigint, "
        "coalesce(sum(in_progress_units) filter (status_reason = 'WAITING_FOR_RETURN'), 0)::bigint, min(status_since_date)::varchar "
        f"from marts.fct_inventory_defects where {where}"
    )
    figures = {"Units in progress": f"{units:,}", "In your cases": f"{in_case:,}", "Waiting for a return": f"{awaited:,}"}
    for name, value in {**figures, "Oldest waits since": oldest}.items():
        dashboard.shows(name, value)
    dashboard.draws("bar", by(dashboard, "status_reason", "in_progress_units", f"marts.fct_inventory_defects where {where}"))
    assert dashboard.holds("in_progress", f"from fct_inventory_defects where {where}") > 0


def test_cases_are_those_that_the_seller_filed(dashboard: Dashboard, published: PublishedWorld) -> None:
    """Open ones first; the world writes one line per case."""
    filed = sum(seller.claims_csv(AT).count("\n") - 1 for seller in published.world.sellers.values())
    assert dashboard.open("in-progress", **EVER).holds("claims", "from fct_claims") == filed > 0
    dashboard.open("in-progress", account="demo-eu", dates=["2026-09-01", "2026-11-20"])
    assert dashboard.holds("claims", "from fct_claims where account_id = 'demo-eu' and filed_date >= '2026-09-01'") > 0


@pytest.mark.parametrize(
    ("query", "where"), [*OF_DEFECTS, ({"resolution": ["Ineligible", "Reconcile"]}, "resolution_type in ('INELIGIBLE', 'RECONCILE')")]
)
def test_resolved_units_are_those_of_the_mart(dashboard: Dashboard, query: Query, where: str) -> None:
    where += f" and {RESOLVED_UNITS} > 0"
    dashboard.open("resolved", **{**EVER, **query})
    ((units, in_cash, in_kind, found, lost),) = dashboard.ask(
        f"select sum({RESOLVED_UNITS})::bigint, sum(reimbursed_cash_units)::bigint, sum(reimbursed_inventory_units)::bigint, "
        f"sum(reconciled_units)::bigint, sum(ineligible_units)::bigint from marts.fct_inventory_defects where {where}"
    )
    for name, value in {"Resolved units": units, "Paid in cash": in_cash, "Replaced in kind": in_kind}.items():
        dashboard.shows(name, f"{value:,}")
    source = f"from marts.fct_inventory_defects where {where} and reimbursed_cash_amount <> 0 group by 1 order by 1"
    dashboard.shows("Cash reimbursed", *dashboard.money(f"select currency_code, sum(reimbursed_cash_amount) {source}"))
    types = by(dashboard, "defect_type", RESOLVED_UNITS, f"marts.fct_inventory_defects where {where}")
    dashboard.draws("bar", dict([*types.items()][:5]))
    shares = {"Reimbursed": in_cash + in_kind, "Reconcile": found, "Ineligible": lost}
    dashboard.draws("arc mark", {f"{name}: {n:,} ({n / units:.0%})": n for name, n in shares.items() if n})
    assert dashboard.holds("resolved", f"select *, {RESOLVED_UNITS} as resolved_units from fct_inventory_defects where {where}") > 0


def test_resolutions_of_all_time_are_those_of_the_mart_of_resolutions(dashboard: Dashboard) -> None:
    units = dict(dashboard.ask("select resolution_type, sum(units)::bigint from marts.fct_resolution_distribution group by 1"))
    total = sum(units.values())
    dashboard.open("resolved", **EVER).shows("Resolved units", f"{total:,}")
    order = ("REIMBURSED", "RECONCILE", "INELIGIBLE")
    dashboard.draws("arc mark", {f"{words(r)}: {units[r]:,} ({units[r] / total:.0%})": units[r] for r in order})


def test_chosen_resolution_shows_what_an_appeal_needs(dashboard: Dashboard) -> None:
    ((case, asin, fnsku, sku, reference),) = dashboard.ask(
        "select case_id, asin, fnsku, seller_sku, transaction_id from marts.fct_inventory_defects where status_reason = 'CLAIM_DENIED' "
        "and event_type = 'WAREHOUSE_OPERATIONS' and status_since_date > '2026-06-01' and transaction_id in "
        "(select transaction_id from marts.fct_inventory_defects group by 1 having count(*) = 1) order by all limit 1"
    )
    dashboard.open("resolved", **EVER, event_type="Warehouse operations", resolution="Ineligible").choose_line("resolved", 0)
    dashboard.says("Why we disagree: [your reason]")
    dashboard.open("resolved", **EVER, reference=reference)
    letter = dashboard.page.get_by_test_id("stCode")
    for line in (f"Case: {case}", f"ASIN: {asin}", f"FNSKU: {fnsku}", f"SKU: {sku}", f"Transaction: {reference}", "Amazon denied your case"):
        expect(letter).to_contain_text(line)


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({}, "true"),
        ({"account": "demo-eu"}, "account_id = 'demo-eu'"),
        ({"dates": ["2026-09-01", "2026-11-20"]}, "shipment_date between '2026-09-01' and '2026-11-20'"),
        ({"product": "DESK-02"}, "seller_sku = 'DESK-02'"),
        ({"claim_status": ["Check delivery", "Waiting"]}, "claim_status in ('CHECK_DELIVERY', 'WAITING')"),
    ],
)
def test_parcels_are_those_of_the_mart(dashboard: Dashboard, query: Query, where: str) -> None:
    dashboard.open("multi-channel", **{**EVER, **query})
    for status in ("CHECK_DELIVERY", "ELIGIBLE_FOR_CLAIM", "IN_PROGRESS", "WAITING"):
        ((units,),) = dashboard.ask(
            f"select coalesce(sum(open_units), 0)::bigint from marts.fct_mcf_claims where {where} and claim_status = '{status}'"
        )
        dashboard.shows(words(status), f"{units:,}")
    paid = f"from marts.fct_mcf_claims where {where} and reimbursed_cash_amount <> 0 group by 1 order by 1"
    dashboard.shows("Cash reimbursed", *dashboard.money(f"select currency_code, sum(reimbursed_cash_amount) {paid}"))
    assert dashboard.holds("multi_channel", f"from fct_mcf_claims where {where}") > 0


def test_parcel_is_found_by_its_order(dashboard: Dashboard) -> None:
    ((order,),) = dashboard.ask("select amazon_order_id from marts.fct_mcf_claims where shipment_date > '2026-01-01' order by all limit 1")
    dashboard.open("multi-channel").type("Order", order)
    dashboard.has("order_id", order)
    dashboard.says("Download 1 rows")
    assert dashboard.holds("multi_channel", f"from fct_mcf_claims where amazon_order_id = '{order}'") == 1


def test_filters_that_are_used_are_in_the_address(dashboard: Dashboard) -> None:
    dashboard.open("resolved", **EVER)
    for label, option, name in (
        ("Event type", "Customer returns", "event_type"), ("Defect type", "In transit", "defect_type"), ("Resolution", "Reimbursed", "resolution"),
    ):  # fmt: skip
        dashboard.pick(label, option)
        dashboard.has(name, option)
    where = "event_type = 'CUSTOMER_RETURNS' and defect_type = 'IN_TRANSIT' and resolution_type = 'REIMBURSED'"
    ((units,),) = dashboard.ask(f"select sum({RESOLVED_UNITS})::bigint from marts.fct_inventory_defects where {where}")
    dashboard.shows("Resolved units", f"{units:,}")


@pytest.mark.parametrize(
    ("page", "what"),
    [
        ("", "No defects in these days, for these accounts and products."),
        ("eligible", "No claims to file."),
        ("in-progress", "Nothing is in progress."),
        ("resolved", "Nothing was resolved."),
        ("multi-channel", "No multi-channel parcels were sent in these days."),
    ],
)
def test_nothing_found_says_what_to_do(dashboard: Dashboard, page: str, what: str) -> None:
    dashboard.open(page, product="NOBODY-KNOWS-IT").says(what)
    dashboard.says("choose a wider range of dates" if page in ("eligible", "in-progress") else "Choose a wider range of dates")


def test_every_reason_is_shown_in_plain_words(dashboard: Dashboard) -> None:
    found = {
        r for (r,) in dashboard.ask("select status_reason from marts.fct_inventory_defects union select status_reason from marts.fct_mcf_claims")
    }
    assert found <= REASONS.keys()
