"""Settlements: every line of money that made up a payout.

Quirks, with their source:
- Amazon makes them on its own schedule and lists them for 90 days; they cannot be requested (Reports API docs). Today's flat file has 24 columns.
- The first row of a settlement is its summary: total, currency and dates, no posted date; the other rows leave these blank, sometimes the
  currency too. The sum of all amounts is the total (exact in seven of seven measured files, adwweaver/Amazon-Settlement-Transformer).
- Dates and amounts follow the marketplace: ``06/17/26`` and ``12.50``, ``17.06.2026`` and ``12,50`` (SP-API changelog, user reports); ``posted-date``
  may also be day first (``17/06/26``), with the rest of the file unchanged (user reports).
- Amazon publishes no list of transaction types, amount types or descriptions, so none is checked here.
- ``ShippingChargeback`` is a fee, not a buyer's chargeback; ``REVERSAL_REIMBURSEMENT`` is a credit in the measured files.
- Reimbursements have no marketplace name and no reimbursement id; multi-channel orders come from ``Non-Amazon`` places.
- The old flat file (33 columns, 36 with promotions; removed on 2026-11-11 by the changelog, kept for history) has a column for each group of
  amounts, pads numbers with blanks and ends with a blank line. Only its summary row has the currency; quantities are on separate rows.
- In today's file several lines of an item repeat its quantity, so quantities must not be summed over lines.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from seller_warehouse.core.report_spec import ISO, Agreement, Kind, Layout, ReplacementScope, ReportSpec, Requests, column, usual
from seller_warehouse.reports.reimbursements import REASONS

# One file may use different formats for its period, posted days and posted times, so each has its own list.
# Other dates of the file decide between day first and month first (AGREEMENTS); month first is documented.
DAYS = ("%m/%d/%y", "%m/%d/%Y", "%d/%m/%y", "%d/%m/%Y", "%d.%m.%Y")
PERIOD = ("%Y-%m-%d %H:%M:%S UTC", "%d.%m.%Y %H:%M:%S UTC", ISO, *DAYS)
POSTED_DAY = (*DAYS, *PERIOD[:3])
POSTED_TIME = ("%d.%m.%Y %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S UTC", ISO, *DAYS)

REIMBURSEMENT_CODES = frozenset(r for r in REASONS if r.isupper()) | {"MULTICHANNEL_ORDER_LATE", "INCORRECT_FEES_NON_ITEMIZED"}
"""Transaction types of the old flat file that are reimbursements: today's file has them as descriptions."""

_REIMBURSEMENT = "FBA Inventory Reimbursement"
_OTHER = "other-transaction"

# Each group of amounts in the old flat file: amount, description, and the amount type in today's file.
_GROUPS = (
    ("price_amount", "price_type", "ItemPrice"),
    ("item_related_fee_amount", "item_related_fee_type", "ItemFees"),
    ("promotion_amount", "promotion_type", "Promotion"),
    ("shipment_fee_amount", "shipment_fee_type", "Shipment-Fees"),
    ("order_fee_amount", "order_fee_type", "Order-Fees"),
    ("direct_payment_amount", "direct_payment_type", "Direct-Payment"),
    ("other_fee_amount", "other_fee_reason_description", _OTHER),
    ("misc_fee_amount", "", _OTHER),
    ("other_amount", "", _OTHER),
)

COLUMNS = (
    column("settlement-id", filled=True),
    column("settlement-start-date", Kind.DATE, formats=PERIOD, style="period"),
    column("settlement-end-date", Kind.DATE, formats=PERIOD, style="period"),
    usual("deposit-date", Kind.DATE, formats=PERIOD, style="period"),
    column("total-amount", Kind.AMOUNT),
    column("currency", Kind.CURRENCY, name="currency_code"),
    column("transaction-type"),
    column("order-id"),
    usual("merchant-order-id"),
    usual("adjustment-id"),
    usual("shipment-id"),
    column("marketplace-name"),
    column("amount-type"),
    column("amount-description"),
    column("amount", Kind.AMOUNT),
    column("fulfillment-id"),
    column("posted-date", Kind.DATE, formats=POSTED_DAY),
    column("posted-date-time", Kind.DATE, formats=POSTED_TIME),
    usual("order-item-code"),
    usual("merchant-order-item-id"),
    usual("merchant-adjustment-item-id"),
    column("sku"),
    column("quantity-purchased", Kind.INTEGER),
    usual("promotion-id"),
)

_FIRST, _LAST = "settlement_start_date", "settlement_end_date"
AGREEMENTS = (
    Agreement(
        rule="posted_date_is_that_of_its_time",
        columns=("posted_date", "posted_date_time"),
        # A difference of one day may come from time zones.
        broken="abs({posted_date} - {posted_date_time}) > 1",
        what="posted-date and posted-date-time are different days",
        refuses=True,
    ),
    Agreement(
        rule="posted_in_period",
        columns=("posted_date",),
        of_key=(_FIRST, _LAST),
        broken="{posted_date} not between {settlement_start_date} - 1 and {settlement_end_date} + 1",
        what="posted-date lies outside the settlement's period",
    ),
    Agreement(
        rule="period_is_in_order",
        columns=(_FIRST, _LAST, "deposit_date"),
        broken="{settlement_start_date} > {settlement_end_date} or {settlement_end_date} > {deposit_date} + 1",
        what="settlement-start-date, settlement-end-date and deposit-date are not in order",
    ),
    # Amazon settles every 14 days; a month more is not a reason to refuse a file, but to prefer the other reading.
    Agreement(rule="period_is_short", columns=(_FIRST, _LAST), broken="{settlement_end_date} - {settlement_start_date} > 45", only_for_choice=True),
)


def one_row_per_amount(old: pa.Table) -> pa.Table:
    """Convert the old flat file to today's columns: one row for each filled amount, or one with a blank amount.

    The quantity and the total of a row are kept on the first of the rows made from it.
    """
    names = [c.name for c in COLUMNS]
    made: dict[str, list] = {name: [] for name in (*names, "_line")}
    for batch in old.to_batches():
        for row in batch.to_pylist():
            for number, (amount_type, description, amount) in enumerate(_amounts(row)):
                new = row | {"posted_date_time": row["posted_date"], "amount_type": amount_type, "amount_description": description, "amount": amount}
                if number:
                    new |= {"total_amount": "", "quantity_purchased": ""}
                for name in names:
                    made[name].append(new.get(name, ""))
                made["_line"].append(row["_line"])
    types: list[tuple[str, pa.DataType]] = [*((name, pa.string()) for name in names), ("_line", pa.int64())]
    return pa.table(made, schema=pa.schema(types))


def _amounts(row: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Amount type, description and amount of each filled amount of an old row; at least one, which may be blank."""
    filled = [group for group in _GROUPS if row.get(group[0])]
    named = [group for group in _GROUPS if row.get(group[1])]
    for amount, description, amount_type in filled or named[:1]:
        transaction = row["transaction_type"]
        if amount == "other_amount" and (transaction.upper() in REIMBURSEMENT_CODES or transaction.startswith(_REIMBURSEMENT)):
            amount_type = _REIMBURSEMENT
        yield amount_type, row.get(description) or transaction, row.get(amount, "")
    if not filled and not named:
        yield "", "", ""


OLD_FLAT_FILE = Layout(
    name="old flat file",
    reshape=one_row_per_amount,
    columns=(
        column("settlement-id"),
        column("settlement-start-date"),
        column("settlement-end-date"),
        usual("deposit-date"),
        column("total-amount"),
        column("currency", name="currency_code"),
        column("transaction-type"),
        column("order-id"),
        usual("merchant-order-id"),
        usual("adjustment-id"),
        usual("shipment-id"),
        column("marketplace-name"),
        column("shipment-fee-type"),
        column("shipment-fee-amount"),
        column("order-fee-type"),
        column("order-fee-amount"),
        column("fulfillment-id"),
        column("posted-date"),
        usual("order-item-code"),
        usual("merchant-order-item-id"),
        usual("merchant-adjustment-item-id"),
        column("sku"),
        column("quantity-purchased"),
        column("price-type"),
        column("price-amount"),
        column("item-related-fee-type"),
        column("item-related-fee-amount"),
        column("misc-fee-amount"),
        column("other-fee-amount"),
        column("other-fee-reason-description"),
        column("promotion-id", required=False),
        column("promotion-type", required=False),
        column("promotion-amount", required=False),
        column("direct-payment-type"),
        column("direct-payment-amount"),
        column("other-amount"),
    ),
)

SPEC = ReportSpec(
    name="settlements",
    amazon_type="GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2",
    title="Settlements",
    found_at="Seller Central > Payments > Reports Repository > Settlement, flat file V2",
    replacement_scope=ReplacementScope.KEY,
    key=("settlement_id",),
    event_date="posted_date",
    layouts=(OLD_FLAT_FILE,),
    agreements=AGREEMENTS,
    requests=Requests(history_months=3, listed_only=True),
    columns=COLUMNS,
)
