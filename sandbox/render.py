"""Rows as the bytes Amazon writes: header, quoting, dates, decimal mark and character set of each report.

The layouts were taken from real files and from Amazon's documentation; where they differ the real file wins and the documented
layout is a variant. ``VARIANTS`` names what else has been seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sandbox.world_rows import Row

LEDGER = "GET_LEDGER_DETAIL_VIEW_DATA"
LEDGER_SUMMARY = "GET_LEDGER_SUMMARY_VIEW_DATA"
REIMBURSEMENTS = "GET_FBA_REIMBURSEMENTS_DATA"
CUSTOMER_RETURNS = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"
REPLACEMENTS = "GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_REPLACEMENT_DATA"
REMOVAL_ORDERS = "GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA"
REMOVAL_SHIPMENTS = "GET_FBA_FULFILLMENT_REMOVAL_SHIPMENT_DETAIL_DATA"
MFN_RETURNS = "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE"
FEEDBACK = "GET_SELLER_FEEDBACK_DATA"
SHIPMENTS = "GET_AMAZON_FULFILLED_SHIPMENTS_DATA_GENERAL"
ORDERS = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL"
FBA_INVENTORY = "GET_FBA_MYI_ALL_INVENTORY_DATA"
FBA_INVENTORY_UNSUPPRESSED = "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA"
LISTINGS = "GET_MERCHANT_LISTINGS_ALL_DATA"
PERFORMANCE = "GET_V2_SELLER_PERFORMANCE_REPORT"
SETTLEMENT = "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2"

_INVENTORY = (
    "sku fnsku asin product-name condition your-price mfn-listing-exists mfn-fulfillable-quantity afn-listing-exists afn-warehouse-quantity "
    "afn-fulfillable-quantity afn-unsellable-quantity afn-reserved-quantity afn-total-quantity per-unit-volume afn-inbound-working-quantity "
    "afn-inbound-shipped-quantity afn-inbound-receiving-quantity afn-researching-quantity afn-reserved-future-supply "
    "afn-future-supply-buyable"
).split()

HEADERS: dict[str, list[str]] = {
    LEDGER: (
        "Date|FNSKU|ASIN|MSKU|Title|Event Type|Reference ID|Quantity|Fulfillment Center|Disposition|Reason|Country|Reconciled Quantity|"
        "Unreconciled Quantity|Date and Time"
    ).split("|"),
    LEDGER_SUMMARY: (
        "Date|FNSKU|ASIN|MSKU|Title|Disposition|Starting Warehouse Balance|In Transit Between Warehouses|Receipts|Customer Shipments|"
        "Customer Returns|Vendor Returns|Warehouse Transfer In/Out|Found|Lost|Damaged|Disposed|Other Events|Ending Warehouse Balance|"
        "Unknown Events|Location"
    ).split("|"),
    REIMBURSEMENTS: (
        "approval-date reimbursement-id case-id amazon-order-id reason sku fnsku asin product-name condition currency-unit amount-per-unit "
        "amount-total quantity-reimbursed-cash quantity-reimbursed-inventory quantity-reimbursed-total original-reimbursement-id "
        "original-reimbursement-type"
    ).split(),
    CUSTOMER_RETURNS: (
        "return-date order-id sku asin fnsku product-name quantity fulfillment-center-id detailed-disposition reason status license-plate-number "
        "customer-comments"
    ).split(),
    REPLACEMENTS: (
        "shipment-date sku asin fulfillment-center-id original-fulfillment-center-id quantity replacement-reason-code "
        "replacement-amazon-order-id original-amazon-order-id"
    ).split(),
    REMOVAL_ORDERS: (
        "request-date order-id order-type service-speed order-status last-updated-date sku fnsku disposition requested-quantity "
        "cancelled-quantity disposed-quantity shipped-quantity in-process-quantity removal-fee currency"
    ).split(),
    REMOVAL_SHIPMENTS: (
        "request-date order-id shipment-date sku fnsku disposition shipped-quantity carrier tracking-number removal-order-type"
    ).split(),
    MFN_RETURNS: (
        "Order ID|Order date|Return request date|Return request status|Amazon RMA ID|Merchant RMA ID|Label type|Label cost|Currency code|"
        "Return carrier|Tracking ID|Label to be paid by|A-to-Z Claim|Is prime|ASIN|Merchant SKU|Item Name|Return quantity|Return Reason|"
        "In policy|Return type|Resolution|Invoice number|Return delivery date|Order Amount|Order quantity|SafeT Action reason|SafeT claim id|"
        "SafeT claim state|SafeT claim creation time|SafeT claim reimbursement amount|Refunded Amount"
    ).split("|"),
    FEEDBACK: ["Date", "Rating", "Comments", "Your Response", "Order ID", "Rater Email"],
    SHIPMENTS: (
        "amazon-order-id merchant-order-id shipment-id shipment-item-id amazon-order-item-id merchant-order-item-id purchase-date payments-date "
        "shipment-date reporting-date buyer-email buyer-name buyer-phone-number sku product-name quantity-shipped currency item-price item-tax "
        "shipping-price shipping-tax gift-wrap-price gift-wrap-tax ship-service-level recipient-name ship-address-1 ship-address-2 "
        "ship-address-3 ship-city ship-state ship-postal-code ship-country ship-phone-number bill-address-1 bill-address-2 bill-address-3 "
        "bill-city bill-state bill-postal-code bill-country item-promotion-discount ship-promotion-discount carrier tracking-number "
        "estimated-arrival-date fulfillment-center-id fulfillment-channel sales-channel"
    ).split(),
    ORDERS: (
        "amazon-order-id merchant-order-id purchase-date last-updated-date order-status fulfillment-channel sales-channel order-channel "
        "ship-service-level product-name sku asin item-status quantity currency item-price item-tax shipping-price shipping-tax gift-wrap-price "
        "gift-wrap-tax item-promotion-discount ship-promotion-discount ship-city ship-state ship-postal-code ship-country promotion-ids "
        "is-business-order purchase-order-number price-designation"
    ).split(),
    FBA_INVENTORY: _INVENTORY,
    FBA_INVENTORY_UNSUPPRESSED: _INVENTORY,
    LISTINGS: (
        "item-name item-description listing-id seller-sku price quantity open-date image-url item-is-marketplace product-id-type "
        "zshop-shipping-fee item-note item-condition zshop-category1 zshop-browse-path zshop-storefront-feature asin1 asin2 asin3 "
        "will-ship-internationally expedited-shipping zshop-boldface product-id bid-for-featured-placement add-delete pending-quantity "
        "fulfillment-channel merchant-shipping-group status"
    ).split(),
    SETTLEMENT: (
        "settlement-id settlement-start-date settlement-end-date deposit-date total-amount currency transaction-type order-id merchant-order-id "
        "adjustment-id shipment-id marketplace-name amount-type amount-description amount fulfillment-id posted-date posted-date-time "
        "order-item-code merchant-order-item-id merchant-adjustment-item-id sku quantity-purchased promotion-id"
    ).split(),
}
"""Amazon's header by report type; ``Row.values`` is keyed by these names."""

VARIANTS: dict[str, tuple[str, ...]] = {
    LEDGER: ("documented", "store", "undoubled"),
    LEDGER_SUMMARY: ("store", "undoubled"),
    REMOVAL_ORDERS: ("no-service-speed", "order-source", "padded"),
    MFN_RETURNS: ("category", "tab-in-carrier"),
    LISTINGS: ("no-status",),
    SETTLEMENT: ("no-promotion-id",),
}
"""Layouts beside the usual one that real files or the documentation show; any report also comes as ``crlf``."""

GERMANY, USA, UK, CANADA, INDIA, JAPAN = (
    "A1PA6795UKMFR9", "ATVPDKIKX0DER", "A1F83G8C2ARO7P", "A2EUQ1WTGCTBG2", "A21TJRUUN4KGV", "A1VC38T7YXB528",
)  # fmt: skip
USUAL_VARIANTS = {
    (LEDGER, "na"): "undoubled", (LEDGER_SUMMARY, "na"): "undoubled", (LISTINGS, UK): "no-status", (SETTLEMENT, CANADA): "no-promotion-id",
}  # fmt: skip
"""Default layouts of a region or a marketplace: unescaped quotes inside a quoted value, columns left out."""

_GERMAN_FEEDBACK = ["Datum", "Bewertung", "Kommentare", "Ihre Antwort", "Bestellnummer", "E-Mail des Bewerters"]
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_CHARSETS = {"eu": "Cp1252", "fe": "Shift_JIS"}


@dataclass(frozen=True)
class _Style:
    """The formats of days, times and amounts in one document."""

    day: Callable[[date], str]
    instant: Callable[[datetime], str]
    decimal_mark: str = "."


def render(report_type: str, rows: Sequence[Row], *, region: str, marketplace_id: str | None = None, variant: str = "") -> tuple[bytes, str]:
    """The document of a tab-separated report, and the character set Amazon's storage names for it.

    ``marketplace_id`` decides dates and language where a report is one marketplace's. Raises KeyError for an unknown report
    type, ValueError for a value whose column the report does not have.
    """
    # Identical rows are often one object, and most rows of a large ledger are identical.
    distinct = {id(row): row for row in rows}
    variant = variant or USUAL_VARIANTS.get((report_type, region)) or USUAL_VARIANTS.get((report_type, marketplace_id or ""), "")
    layout = _layout(report_type, marketplace_id, variant)
    used = {name for row in distinct.values() for name in row.values}
    # The documentation writes the ledgers' names without blanks; rows may be keyed either way.
    keys = [key if key in used else key.replace(" ", "") for _, key in layout]
    known = {*keys, *(spelling for name in HEADERS[report_type] for spelling in (name, name.replace(" ", "")))}
    if unknown := used - known:
        raise ValueError(f"{report_type} has no columns {sorted(unknown)}")
    style = _style(report_type, region, marketplace_id)
    line: Callable[[Iterable[str]], str] = _unquoted
    if report_type in (LEDGER, LEDGER_SUMMARY):
        line = _quoted_as_it_is if variant == "undoubled" else _quoted
    elif variant == "tab-in-carrier":
        carrier = keys.index("Return carrier")
        line = _with_a_tab_after(carrier)
    texts = {one: line([_text(row.values.get(key), style) for key in keys]) for one, row in distinct.items()}
    lines = [line([name for name, _ in layout]), *(texts[id(row)] for row in rows)]
    end = "\r\n" if variant == "crlf" else "\n"
    charset = _CHARSETS.get(region, "UTF-8")
    return (end.join(lines) + end).encode(charset, errors="replace"), charset


def render_json(report: Mapping[str, Any]) -> tuple[bytes, str]:
    """The document of a JSON report, and its character set."""
    text = json.dumps(report, ensure_ascii=False, indent=1, default=lambda v: float(v) if isinstance(v, Decimal) else v.isoformat())
    return text.encode(), "UTF-8"


def _layout(report_type: str, marketplace_id: str | None, variant: str) -> list[tuple[str, str]]:
    """Header text and key of each column."""
    names = HEADERS[report_type]
    if variant not in ("", "crlf", *VARIANTS.get(report_type, ())):
        raise ValueError(f"{report_type} has no variant {variant!r}")
    if report_type == FEEDBACK and marketplace_id == GERMANY:
        return list(zip(_GERMAN_FEEDBACK, names, strict=True))
    layout = [(name, name) for name in names]
    match variant:
        case "documented":
            return [(name.replace(" ", ""), name) for name in names[:-1]]
        case "store":
            return [*layout, ("Store", "Store")]
        case "category":
            return [*layout, ("Category", "Category")]
        case "no-service-speed" | "no-status" | "no-promotion-id":
            return [column for column in layout if column[0] != variant.removeprefix("no-")]
        case "order-source":
            return [*layout[:2], ("order-source", "order-source"), *layout[2:]]
        case "padded":
            return [("service-speed " if name == "service-speed" else name, key) for name, key in layout]
    return layout


def _style(report_type: str, region: str, marketplace_id: str | None) -> _Style:
    decimal_mark = "," if region == "eu" and report_type in (REIMBURSEMENTS, SETTLEMENT) else "."
    if report_type in (LEDGER, LEDGER_SUMMARY):
        # American days in every region; the offset of "Date and Time" has no colon.
        return _Style(_strftime("%m/%d/%Y"), _strftime("%Y-%m-%dT%H:%M:%S%z"))
    if report_type == FEEDBACK:
        day = _strftime({USA: "%m/%d/%y", GERMANY: "%d.%m.%y", JAPAN: "%y/%m/%d"}.get(marketplace_id or "", "%d/%m/%y"))
        return _Style(day, day)
    if report_type == MFN_RETURNS:
        return _Style(_day_month_year, _day_month_year)
    if report_type == SETTLEMENT and marketplace_id == GERMANY:
        return _Style(_strftime("%d.%m.%Y"), _in_utc("%d.%m.%Y %H:%M:%S UTC"), decimal_mark)
    if report_type == SETTLEMENT and marketplace_id in (UK, INDIA):
        return _Style(_strftime("%d/%m/%Y"), _in_utc("%Y-%m-%d %H:%M:%S UTC"), decimal_mark)
    if report_type == SETTLEMENT:
        return _Style(_strftime("%m/%d/%y"), _in_utc("%Y-%m-%d %H:%M:%S UTC"), decimal_mark)
    return _Style(date.isoformat, lambda instant: instant.isoformat(timespec="seconds"), decimal_mark)


def _strftime(pattern: str) -> Callable[[date], str]:
    return lambda value: value.strftime(pattern)


def _in_utc(pattern: str) -> Callable[[datetime], str]:
    return lambda instant: instant.astimezone(UTC).strftime(pattern)


def _day_month_year(value: date) -> str:
    # Not %b: English month names whatever the locale.
    return f"{value.day:02d}-{_MONTHS[value.month - 1]}-{value.year}"


def _text(value: object, style: _Style) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case Decimal():
            return format(value, "f").replace(".", style.decimal_mark)
        case datetime():
            return style.instant(value)
        case date():
            return style.day(value)
    return str(value)


def _quoted(cells: Iterable[str]) -> str:
    return "\t".join('"' + cell.replace('"', '""') + '"' for cell in cells)


def _quoted_as_it_is(cells: Iterable[str]) -> str:
    return "\t".join(f'"{cell}"' for cell in cells)


def _with_a_tab_after(place: int) -> Callable[[Iterable[str]], str]:
    """One field too many in each row with a value there, as after a carrier's name with a tab."""

    def line(cells: Iterable[str]) -> str:
        texts = [cell.replace("\t", " ").replace("\n", " ") for cell in cells]
        texts[place] += "\t" if texts[place] and texts[place] != "Return carrier" else ""
        return "\t".join(texts)

    return line


def _unquoted(cells: Iterable[str]) -> str:
    return "\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in cells)
