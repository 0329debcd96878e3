"""The order defect rate of every day is that of the simulated orders themselves, and Amazon's own wherever nothing changed later."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from sandbox.truth import DEFECT_CHARGEBACKS, DEFECT_CLAIMS, OrderTruth
from sandbox.world import Seller
from tests.world import Simulated

WINDOW_DAYS, LAG_DAYS = 60, 15
AT_WORST = ("Pending",)
"""Outcomes of a claim that are no defect and may yet be counted as one."""

Group = tuple[str, str, str]


class Counts(NamedTuple):
    orders: int
    defective: int
    worst_case: int
    feedback: int
    a_to_z: int
    chargebacks: int


def _counts(orders: list[OrderTruth]) -> Counts:
    return Counts(
        orders=len(orders),
        defective=sum(o.is_defect for o in orders),
        worst_case=sum(o.is_defect or o.a_to_z in AT_WORST for o in orders),
        feedback=sum(o.negative_feedback for o in orders),
        a_to_z=sum(o.a_to_z in DEFECT_CLAIMS for o in orders),
        chargebacks=sum(o.chargeback in DEFECT_CHARGEBACKS for o in orders),
    )


def true_rates(simulated: Simulated) -> dict[tuple[Group, date], Counts]:
    """The counts of every account, marketplace, channel and report date, from the simulated orders."""
    rates = {}
    for seller_id, seller in simulated.world.sellers.items():
        counted = [o for o in seller.truth(simulated.known_at).orders if o.counts_toward_odr]
        by_day: dict[tuple[str, str, date], list[OrderTruth]] = defaultdict(list)
        for o in counted:
            by_day[o.marketplace_id, o.channel, o.purchased_at.date()].append(o)
        report_date = min(o.purchased_at.date() for o in counted) + timedelta(days=LAG_DAYS)
        while report_date <= simulated.known_at.date():
            days = [report_date - timedelta(days=LAG_DAYS + n) for n in range(WINDOW_DAYS)]
            for marketplace_id in seller.profile.marketplace_ids:
                for channel in ("AFN", "MFN"):
                    orders = [o for day in days for o in by_day.get((marketplace_id, channel, day), ())]
                    rates[(seller_id, marketplace_id, channel), report_date] = _counts(orders)
            report_date += timedelta(days=1)
    return rates


def _built_rates(simulated: Simulated) -> dict[tuple[Group, date], Counts]:
    rows = simulated.warehouse.query(
        "select account_id, marketplace_id, fulfillment_channel, report_date, order_count, defective_order_count, worst_case_defective_order_count, "
        "negative_feedback_order_count, a_to_z_order_count, chargeback_order_count from marts.fct_order_defect_rate_daily"
    )
    return {((account, marketplace, channel), day): Counts(*counts) for account, marketplace, channel, day, *counts in rows}


def check_rates(simulated: Simulated) -> None:
    true, built = true_rates(simulated), _built_rates(simulated)
    assert {key: (counts, built.get(key)) for key, counts in true.items() if counts != built.get(key)} == {}
    assert set(built) == set(true)


def test_every_count_of_every_day_is_that_of_the_simulated_orders(simulated: Simulated) -> None:
    true = true_rates(simulated)
    # The world contains every kind, or the comparison would prove little.
    assert all(max(c[i] for c in true.values()) > 0 for i in range(len(Counts._fields)))
    assert any(c.defective < c.worst_case for c in true.values())
    check_rates(simulated)


def test_every_order_says_what_is_true_of_it(simulated: Simulated) -> None:
    built = {
        (account, order): (feedback, a_to_z, chargeback, counts)
        for account, order, feedback, a_to_z, chargeback, counts in simulated.warehouse.query(
            "select account_id, amazon_order_id, has_negative_feedback, has_a_to_z_claim, has_chargeback, counts_toward_odr "
            "from marts.fct_order_defects"
        )
    }
    told = simulated.known_at.date() - timedelta(days=LAG_DAYS)
    wrong = {}
    for seller_id, seller in simulated.world.sellers.items():
        for o in seller.truth(simulated.known_at).orders:
            # The download names no order of the last days, and nothing else tells how a claim ended.
            if o.purchased_at.date() <= told:
                true = (o.negative_feedback, o.a_to_z in DEFECT_CLAIMS, o.chargeback in DEFECT_CHARGEBACKS, o.is_defect)
                found = built.get((seller_id, o.order_id), (False,) * 4)
                if found != true:
                    wrong[seller_id, o.order_id] = (true, found)
    assert wrong == {}


@pytest.mark.parametrize("seller_id", ["demo-na", "demo-eu", "second-na", "demo-fe"])
def test_rate_is_amazons_own_of_the_day_where_nothing_changed_later(simulated: Simulated, seller_id: str) -> None:
    seller, built = simulated.world.sellers[seller_id], _built_rates(simulated)
    final = {o.order_id: o for o in seller.truth(simulated.known_at).orders}
    compared, changed = 0, 0
    for weeks in range((simulated.known_at.date() - seller.start).days // 7 - 2):
        at = simulated.known_at - timedelta(weeks=weeks)
        first, last = (at.date() - timedelta(days=n) for n in (LAG_DAYS + WINDOW_DAYS - 1, LAG_DAYS))
        if any(o != final[o.order_id] for o in seller.truth(at).orders if first <= o.purchased_at.date() <= last):
            changed += 1
            continue
        for (marketplace_id, channel), block in _blocks(seller, at).items():
            counts = built[(seller_id, marketplace_id, channel), at.date()]
            amazons = (block["orderCount"], *(block[k]["count"] for k in ("orderWithDefects", "negativeFeedback", "claims", "chargebacks")))
            assert (counts.orders, counts.defective, counts.feedback, counts.a_to_z, counts.chargebacks) == amazons, (marketplace_id, channel, at)
            compared += 1
    assert compared
    assert changed


def _blocks(seller: Seller, at: datetime) -> dict[tuple[str, str], dict[str, Any]]:
    """Amazon's figures at an instant by marketplace and channel."""
    return {
        (metrics["marketplaceId"], channel): metrics["orderDefectRate"][channel.lower()]
        for metrics in seller.performance(at)["performanceMetrics"]
        for channel in ("AFN", "MFN")
    }


def test_amazons_snapshot_of_today_differs_from_ours_in_nothing(simulated: Simulated) -> None:
    found = simulated.warehouse.query(
        "select amazon_comparison, count(*), count(*) filter (amazon_order_count > 0), sum(abs(order_count_difference)), "
        "sum(abs(defective_order_difference)), sum(abs(negative_feedback_difference)), sum(abs(a_to_z_difference)), sum(abs(chargeback_difference)), "
        "coalesce(max(abs(rate_difference)) < 0.0001, true) from marts.fct_order_defect_rate_daily "
        f"where report_date = '{simulated.known_at:%Y-%m-%d}' group by amazon_comparison"
    )
    groups = sum(len(s.profile.marketplace_ids) for s in simulated.world.sellers.values()) * 2
    with_orders = sum(b["orderCount"] > 0 for s in simulated.world.sellers.values() for b in _blocks(s, simulated.known_at).values())
    assert found == [("SAME_WINDOW", groups, with_orders, 0, 0, 0, 0, 0, True)]
