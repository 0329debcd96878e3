"""Order defects: rates equal the mart, channels are separate, and the orders behind them can be found."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.readers.dashboard import EVER, Dashboard

MART = "from marts.fct_order_defect_rate_daily where order_count > 0"


def test_highest_rate_of_each_channel_is_shown_with_its_orders_and_distance(dashboard: Dashboard) -> None:
    dashboard.open("order-defects")
    for channel in ("AFN", "MFN"):
        ((defective, worst, orders),) = dashboard.ask(
            f"select defective_order_count, worst_case_defective_order_count, order_count {MART} and fulfillment_channel = '{channel}' "
            "and report_date = '2026-11-20' order by order_defect_rate desc, worst_case_rate desc, order_count desc limit 1"
        )
        left = max(n for n in range(orders) if n == 0 or (defective + n) / orders < 0.01)
        shown = dashboard.figure(f"Highest rate, {channel}").inner_text()
        assert f"{defective / orders:.2%}, worst case {worst / orders:.2%}" in shown
        assert f"{defective} of {orders} orders" in shown
        assert f"{left} more would leave it below 1%" in shown


def test_last_day_of_the_range_is_shown(dashboard: Dashboard) -> None:
    assert dashboard.open("order-defects").holds("order_defect_rate", f"select * {MART} and report_date = '2026-11-20'") == 16
    assert dashboard.page.locator("[data-testid=stVegaLiteChart]").count() == 2


def test_channels_are_shown_apart(dashboard: Dashboard) -> None:
    dashboard.open("order-defects").pick("Channel", "MFN")
    dashboard.has("channel", "MFN")
    expect(dashboard.page.get_by_text("Fulfilled by Amazon (AFN)")).to_have_count(0)
    assert dashboard.holds("order_defect_rate", f"select * {MART} and report_date = '2026-11-20' and fulfillment_channel = 'MFN'") == 8
    assert dashboard.page.locator("[data-testid=stVegaLiteChart]").count() == 1


def test_earlier_range_shows_its_last_day_and_account(dashboard: Dashboard) -> None:
    dashboard.open("order-defects", account="demo-eu", dates=["2026-03-01", "2026-04-15"])
    assert dashboard.holds("order_defect_rate", f"select * {MART} and report_date = '2026-04-15' and account_id = 'demo-eu'") > 0
    dashboard.says("No seller performance report of these days is loaded.")


def test_amazons_own_figure_is_shown_beside_ours_with_the_difference_of_each_component(dashboard: Dashboard) -> None:
    """The simulated Amazon counts as the rules say, so nothing differs but the rounding of its rate."""
    beside = "from fct_order_defect_rate_daily where amazon_snapshot_age_days = 0"
    assert dashboard.open("order-defects").holds("beside_amazon", beside) == 16
    differing = "negative_feedback_difference <> 0 or a_to_z_difference <> 0 or chargeback_difference <> 0 or order_count_difference <> 0"
    assert dashboard.ask(f"select * from marts.{beside.removeprefix('from ')} and ({differing})") == []


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({}, "true"),
        ({"component": "Chargeback"}, "chargeback_outcome is not null"),
        ({"component": ["Negative feedback", "A to z claim"]}, "coalesce(negative_feedback_outcome, a_to_z_outcome) is not null"),
        ({"counts": "Counts"}, "counts_toward_odr"),
        ({"counts": "Undecided", "channel": "MFN"}, "is_undecided and fulfillment_channel = 'MFN'"),
        ({"counts": "Does not count", "account": "demo-na"}, "not counts_toward_odr and not is_undecided and account_id = 'demo-na'"),
        ({"dates": ["2026-05-01", "2026-07-31"]}, "order_date between '2026-05-01' and '2026-07-31'"),
    ],
)  # fmt: skip
def test_orders_follow_the_filters(dashboard: Dashboard, query: dict[str, str | list[str]], where: str) -> None:
    assert dashboard.open("order-defects", **{**EVER, **query}).holds("order_defects", f"from fct_order_defects where {where}") > 0


def test_one_order_is_found_by_its_id(dashboard: Dashboard) -> None:
    ((order,),) = dashboard.ask("select max(amazon_order_id) from marts.fct_order_defects where counts_toward_odr")
    dashboard.open("order-defects", **EVER).type("Order", order)
    dashboard.has("order_id", order)
    dashboard.says("Download 1 rows (CSV)")
    assert dashboard.holds("order_defects", f"from fct_order_defects where amazon_order_id = '{order}'") == 1


def test_days_without_orders_say_what_to_do(dashboard: Dashboard) -> None:
    dashboard.open("order-defects", dates=["2024-01-01", "2024-01-31"]).says("No orders in these days, for these accounts and channels.")
    dashboard.says("No order of these days has a complaint, for these filters.")
