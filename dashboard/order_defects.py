"""The order defect rate of each channel, the orders behind it, and the comparison with Amazon's own rate."""

from __future__ import annotations

import altair as alt
import streamlit as st

from dashboard import data, filters, parts

CHANNELS = {"AFN": "Fulfilled by Amazon (AFN)", "MFN": "Fulfilled by you (MFN)"}
COMPONENTS = {"NEGATIVE_FEEDBACK": "negative_feedback_outcome", "A_TO_Z_CLAIM": "a_to_z_outcome", "CHARGEBACK": "chargeback_outcome"}
COUNTS = {
    "COUNTS": "counts_toward_odr", "UNDECIDED": "is_undecided and not counts_toward_odr",
    "DOES_NOT_COUNT": "not counts_toward_odr and not is_undecided",
}  # fmt: skip
DRAWN_LINES = 5
DRAWN = ("account_id", "marketplace_id", "report_date", "order_defect_rate", "worst_case_rate", "target_rate", "defective_order_count", "order_count")
"""The columns of the lines and their tooltips: all data of a chart is sent to the browser."""
STEP = "(round(order_defect_rate, 4), round(worst_case_rate, 4))"
"""The values that a line shows, to a hundredth of a percent; a day equal to the day before needs no point."""

TODAY = {
    "account_id": "Account", "marketplace_id": "Marketplace", "fulfillment_channel": "Channel", "rate_status": "Status", "order_defect_rate": "Rate",
    "worst_case_rate": "Worst case", "defective_order_count": "Defective", "order_count": "Orders", "defects_until_target": "Left to target",
    "negative_feedback_order_count": "Feedback", "a_to_z_order_count": "A-to-z", "chargeback_order_count": "Chargeback",
    "window_start_date": "Orders from", "window_end_date": "Orders until", "amazon_rate": "Amazon's rate",
    "amazon_snapshot_age_days": "Its age in days",
}  # fmt: skip
AMAZON = {
    "account_id": "Account", "marketplace_id": "Marketplace", "fulfillment_channel": "Channel", "order_defect_rate": "Our rate",
    "amazon_rate": "Amazon's rate", "defective_order_count": "Our defective", "amazon_defective_order_count": "Amazon's",
    "negative_feedback_difference": "Feedback ±", "a_to_z_difference": "A-to-z ±", "chargeback_difference": "Chargeback ±",
    "order_count": "Our orders", "amazon_order_count": "Amazon's orders", "order_count_difference": "Orders ±", "amazon_comparison": "Days",
    "amazon_snapshot_date": "Amazon's of",
}  # fmt: skip
ORDERS = {
    "account_id": "Account", "order_date": "Ordered", "amazon_order_id": "Order", "fulfillment_channel": "Channel", "marketplace_id": "Marketplace",
    "counts_toward_odr": "Counts", "is_undecided": "Undecided", "negative_feedback_outcome": "Feedback", "feedback_rating": "Stars",
    "a_to_z_outcome": "A-to-z claim", "chargeback_outcome": "Chargeback", "status_reason": "Why", "defect_sources": "Reported by",
}  # fmt: skip


def show() -> None:
    """The page."""
    st.caption("Rates are by account, marketplace and channel: the product filter does not apply here.")
    with st.columns(4)[0]:
        channels = filters.choice("Channel", "channel", tuple(CHANNELS), help="Amazon rates each channel separately; they are never mixed.")
    chosen = filters.accounts() & filters.one_of("fulfillment_channel", channels)
    days = chosen & filters.dates("report_date") & filters.Condition("order_count > 0")
    last = data.table(
        f"select * from marts.fct_order_defect_rate_daily where {days.sql} and report_date = "
        f"(select max(report_date) from marts.fct_order_defect_rate_daily where {days.sql}) "
        "order by worst_case_rate desc, order_defect_rate desc, account_id, marketplace_id, fulfillment_channel",
        [*days.values, *days.values],
    )
    if last.num_rows:
        _rates(days, last.column("report_date")[0].as_py())
        parts.grid(last, "order_defect_rate", labels=TODAY)
        _amazon(chosen)
    else:
        parts.nothing("No orders in these days, for these accounts and channels.", "Choose a wider range of dates, or clear the filters.")
    _orders(chosen)


def _rates(days: filters.Condition, last: object) -> None:
    """The highest rate of each channel as a figure, and a chart of rates for each channel."""
    worst = data.rows(
        f"select * from marts.fct_order_defect_rate_daily where {days.sql} and report_date = ? qualify row_number() over ("
        "partition by fulfillment_channel order by order_defect_rate desc, worst_case_rate desc, order_count desc) = 1 order by fulfillment_channel",
        [*days.values, last],
    )
    parts.figures({
        f"Highest rate, {w['fulfillment_channel']}": [
            f"{w['order_defect_rate']:.2%}, worst case {w['worst_case_rate']:.2%}",
            f"{w['defective_order_count']} of {w['order_count']:,} orders, {w['account_id']} · {parts.marketplace(w['marketplace_id'])}",
            f"{w['defects_until_target']} more would leave it below {w['target_rate']:.0%}",
        ] for w in worst
    })  # fmt: skip
    st.caption(f"As of {last}. The horizontal line is Amazon's target, to stay below. Up to {DRAWN_LINES} lines per channel, highest first.")
    for channel in (w["fulfillment_channel"] for w in worst):
        frame = data.table(
            "with lines as (select account_id, marketplace_id from marts.fct_order_defect_rate_daily "
            f"  where {days.sql} and fulfillment_channel = ? group by all order by max(worst_case_rate) desc, 1, 2 limit {DRAWN_LINES}) "
            f"select {', '.join(DRAWN)} from marts.fct_order_defect_rate_daily semi join lines using (account_id, marketplace_id) "
            f"where {days.sql} and fulfillment_channel = ? window line as (partition by account_id, marketplace_id order by report_date) "
            f"qualify lead(report_date) over line is null or {STEP} is distinct from lag({STEP}) over line order by 1, 2, 3",
            [*days.values, channel, *days.values, channel],
        ).to_pandas()  # fmt: skip
        st.subheader(f"{CHANNELS[channel]}: rate of 60 days of orders, by day")
        frame["line"] = frame["account_id"] + " · " + frame["marketplace_id"].map(parts.marketplace)
        rates = {"order_defect_rate": "Rate", "worst_case_rate": "Worst case"}
        lines = frame.drop(columns="target_rate").rename(columns=rates).astype(dict.fromkeys(rates.values(), float))
        base = alt.Chart(lines).transform_fold([*rates.values()], as_=["Case", "Value"]).mark_line(interpolate="step-after").encode(
            x=alt.X("report_date:T", title=None), y=alt.Y("Value:Q", title="Order defect rate", axis=alt.Axis(format=".1%")),
            color=alt.Color("line:N", title=None, scale=alt.Scale(range=list(parts.OTHERS))).legend(orient="top", columns=4, labelLimit=220),
            strokeDash=alt.StrokeDash("Case:N", title=None, sort=[*rates.values()]).legend(orient="bottom"),
            tooltip=[
                alt.Tooltip("report_date:T", title="Since"), alt.Tooltip("line:N", title="Where"), "Case:N", alt.Tooltip("Value:Q", format=".2%"),
                alt.Tooltip("defective_order_count:Q", title="Defective"), alt.Tooltip("order_count:Q", title="Orders"),
            ],
        )  # fmt: skip
        target = alt.Chart(frame[["target_rate"]].head(1).astype(float)).encode(y="target_rate:Q")
        rule = target.mark_rule(color=parts.COLOURS["ELIGIBLE_FOR_CLAIM"], size=2)
        st.altair_chart(base + rule, width="stretch")


def _amazon(chosen: filters.Condition) -> None:
    """Amazon's own figures of its last snapshot in the range, and the difference of each component."""
    days = chosen & filters.dates("report_date") & filters.Condition("amazon_snapshot_age_days = 0")
    st.subheader("Compared with Amazon's own figures")
    beside = data.table(
        f"select * from marts.fct_order_defect_rate_daily where {days.sql} qualify row_number() over ("
        "partition by account_id, marketplace_id, fulfillment_channel order by report_date desc) = 1 "
        "order by abs(rate_difference) desc nulls last, account_id, marketplace_id, fulfillment_channel",
        days.values,
    )
    st.caption("± is ours minus Amazon's, where both count the same days. Amazon rounds its rate.")
    empty_message = "No seller performance report of these days is loaded."
    parts.listing(beside, "beside_amazon", AMAZON, empty_message, "Amazon keeps no history: the report is fetched once a day from now on.")


def _orders(chosen: filters.Condition) -> None:
    st.subheader("Orders with complaints")
    columns = st.columns(3)
    with columns[0]:
        components = filters.choice("Component", "component", tuple(COMPONENTS))
    with columns[1]:
        counts = filters.choice("Counts", "counts", tuple(COUNTS))
    with columns[2]:
        order = st.text_input("Order", key="order_id", bind="query-params", placeholder="All")
    chosen = chosen & filters.dates("order_date") & filters.mentions(order, "amazon_order_id")
    for picked, conditions in ((components, {c: f"{column} is not null" for c, column in COMPONENTS.items()}), (counts, COUNTS)):
        if picked:
            chosen = chosen & filters.Condition(f"({' or '.join(f'({conditions[p]})' for p in picked)})")
    orders = data.table(f"select * from marts.fct_order_defects where {chosen.sql} order by order_date desc, amazon_order_id", chosen.values)
    empty_message = "No order of these days has a complaint, for these filters."
    parts.listing(orders, "order_defects", ORDERS, empty_message, "Choose a wider range of dates, or clear the filters.")
