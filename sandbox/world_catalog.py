"""Who sells what, where: marketplaces, the profiles of simulated sellers, and their products."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

ORDERS = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL"
SHIPMENTS = "GET_AMAZON_FULFILLED_SHIPMENTS_DATA_GENERAL"
RETURNS = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"
REPLACEMENTS = "GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_REPLACEMENT_DATA"
REIMBURSEMENTS = "GET_FBA_REIMBURSEMENTS_DATA"
LEDGER = "GET_LEDGER_DETAIL_VIEW_DATA"
LEDGER_SUMMARY = "GET_LEDGER_SUMMARY_VIEW_DATA"
REMOVAL_ORDERS = "GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA"
REMOVAL_SHIPMENTS = "GET_FBA_FULFILLMENT_REMOVAL_SHIPMENT_DETAIL_DATA"
MFN_RETURNS = "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE"
FEEDBACK = "GET_SELLER_FEEDBACK_DATA"
LISTINGS = "GET_MERCHANT_LISTINGS_ALL_DATA"
INVENTORY = ("GET_FBA_MYI_ALL_INVENTORY_DATA", "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA")

SELLABLE = "SELLABLE"


def cents(amount: Decimal) -> Decimal:
    """An amount rounded to the cent, as Amazon pays."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass(frozen=True)
class SimulatedMarketplace:
    """One of Amazon's marketplaces; ``rate`` turns US dollars into its currency, once and for all."""

    marketplace_id: str
    country: str
    sales_channel: str
    currency: str
    time_zone: str
    rate: Decimal
    order_prefixes: tuple[str, ...]
    fulfillment_centers: tuple[str, ...]
    smallest: Decimal = Decimal("0.01")
    """The smallest amount of the currency."""

    def money(self, dollars: Decimal) -> Decimal:
        """US dollars in its currency, rounded as Amazon pays."""
        return self.rounded(dollars * self.rate)

    def rounded(self, amount: Decimal) -> Decimal:
        """An amount of its currency, rounded as Amazon pays; always written with cents."""
        return cents(amount.quantize(self.smallest, ROUND_HALF_UP))

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the marketplace's days begin."""
        return ZoneInfo(self.time_zone)


MARKETPLACES = {
    m.marketplace_id: m
    for m in (
        SimulatedMarketplace(
            "ATVPDKIKX0DER", "US", "Amazon.com", "USD", "America/Los_Angeles", Decimal(1), ("111", "112", "113", "114"), ("ONT8", "LGB8", "PHX6")
        ),
        SimulatedMarketplace("A2EUQ1WTGCTBG2", "CA", "Amazon.ca", "CAD", "America/Los_Angeles", Decimal("1.36"), ("701", "702"), ("YYZ4", "YVR3")),
        SimulatedMarketplace(
            "A1AM78C64UM0Y8", "MX", "Amazon.com.mx", "MXN", "America/Mexico_City", Decimal("18.20"), ("701", "702"), ("MEX1", "MEX5")
        ),
        SimulatedMarketplace("A1PA6795UKMFR9", "DE", "Amazon.de", "EUR", "Europe/Berlin", Decimal("0.93"), ("302", "303", "305"), ("LEJ1", "DUS2")),
        SimulatedMarketplace(
            "A1F83G8C2ARO7P", "GB", "Amazon.co.uk", "GBP", "Europe/London", Decimal("0.79"), ("202", "203", "206"), ("LTN4", "BHX4")
        ),
        SimulatedMarketplace("A21TJRUUN4KGV", "IN", "Amazon.in", "INR", "Asia/Kolkata", Decimal("88.40"), ("402", "407"), ("BLR7", "DEL4")),
        SimulatedMarketplace(
            "A1VC38T7YXB528", "JP", "Amazon.co.jp", "JPY", "Asia/Tokyo", Decimal("151.2"), ("249", "250"), ("NRT5", "KIX3"), Decimal(1)
        ),
    )
}

ABROAD = {
    "DE": tuple(
        replace(MARKETPLACES["A1PA6795UKMFR9"], country=country, fulfillment_centers=centers)
        for country, centers in (("PL", ("WRO5", "POZ1")), ("CZ", ("PRG2",)))
    )
}
"""Countries where Amazon stores units of sellers who do not sell there: it pays them in their home currency."""

NA = ("ATVPDKIKX0DER", "A2EUQ1WTGCTBG2", "A1AM78C64UM0Y8")
EU = ("A1PA6795UKMFR9", "A1F83G8C2ARO7P", "A21TJRUUN4KGV")
FE = ("A1VC38T7YXB528",)


@dataclass(frozen=True)
class SellerProfile:
    """A seller to be simulated; rates are per day, the first marketplace is the home and has most of the orders."""

    seller_id: str
    region: str
    marketplace_ids: tuple[str, ...]
    afn_orders: float
    mfn_orders: float
    products: int
    losses: float
    trouble: tuple[int, int] | None = None
    """Days since the start, from and to, in which buyers of the seller's own shipments complain."""
    apart: int = 6
    """Number of products shipped by Amazon that are set apart: only ``world_oddities`` loses units of them."""
    settled_from: int = 0
    """First day, since the start, whose settlements were fetched: Amazon lists settlements for 90 days."""
    missing_settlement: int = 0
    """The number of a settlement of the home marketplace that was not fetched in time; 0 for none."""
    bulk_shipments: int = 0
    """Units per day that come in and go out on the same day: they only make the ledger as large as a large seller's."""

    @property
    def refresh_token(self) -> str:
        """The refresh token of the seller's authorisation."""
        return f"Atzr|sandbox-{self.seller_id}"

    @property
    def currency(self) -> str:
        """The currency of the home marketplace."""
        return self.markets[0].currency

    @property
    def markets(self) -> tuple[SimulatedMarketplace, ...]:
        """The marketplaces, home first."""
        return tuple(MARKETPLACES[m] for m in self.marketplace_ids)


PROFILES: dict[str, tuple[SellerProfile, ...]] = {
    "demo": (
        SellerProfile("demo-na", "na", NA, afn_orders=6, mfn_orders=1.5, products=30, losses=0.4, trouble=(150, 185)),
        SellerProfile("demo-eu", "eu", EU, afn_orders=3, mfn_orders=0.7, products=30, losses=0.2),
        SellerProfile("demo-fe", "fe", FE, afn_orders=1, mfn_orders=0.3, products=20, losses=0.1),
    ),
    "test": (
        SellerProfile("demo-na", "na", NA, afn_orders=2.8, mfn_orders=1, products=16, losses=0.4, trouble=(60, 95)),
        SellerProfile("demo-eu", "eu", EU, afn_orders=2.8, mfn_orders=0.5, products=16, losses=0.3),
        SellerProfile("second-na", "na", NA[:1], afn_orders=2.8, mfn_orders=0.5, products=16, losses=0.3, settled_from=150, missing_settlement=20),
        SellerProfile("demo-fe", "fe", FE, afn_orders=1.5, mfn_orders=0.3, products=16, losses=0.2),
    ),
    "large": (SellerProfile("large-na", "na", NA, afn_orders=6, mfn_orders=1.5, products=300, losses=0.6, bulk_shipments=8_800),),
}

COST_CHANGES = ((date(2025, 3, 31), Decimal(1)), (date(2026, 7, 1), Decimal("1.03")))
"""Increases of the seller's cost per unit, by first day."""

AMAZONS_SHARE, AMAZONS_DELAY = Decimal("0.8"), 60
"""Amazon's estimate of a cost that the seller has stated, and the days between the two dates."""

# Name in North America, in Europe and in Japan, price in US dollars.
_GOODS = (
    ("Stoneware Mug, 2-Pack", "Steingutbecher „Grün“, 2er-Pack", "陶器マグカップ 2個セット", "12.90"),
    ('Copper Pipe 3/4"', 'Kupferrohr 3/4" für Außen', '銅パイプ 3/4"', "18.40"),
    ('Desk Lamp 10" Deluxe', 'Schreibtischlampe 10" groß', "デスクランプ", "24.99"),
    ("Olive Soap Bar", "Olivenölseife, 3 Stück", "オリーブ石けん", "8.95"),
    ("Canvas Tote, natural", "Stofftasche, naturweiß", "キャンバストート", "18.00"),
    ("Gooseneck Kettle 1.0 L", "Wasserkessel für Kräutertee 1,0 l", "細口ケトル 1.0L", "41.99"),
    ("Wall Clock, walnut", "Wanduhr Nussbaum, geräuschlos", "掛け時計 ウォールナット", "59.00"),
    ("Yoga Strap", "Yogagürtel, größenverstellbar", "ヨガベルト", "9.50"),
)
_SKUS = {0: "0007", 1: 'PIPE-3/4"', 3: "00123"}
"""Values that survive only as text: leading zeros, and a quote in a key."""


@dataclass(frozen=True)
class Product:
    """What a seller sells under one SKU; ``price`` and ``cost`` are in US dollars."""

    number: int
    sku: str
    fnsku: str
    asin: str
    name: str
    channel: str
    price: Decimal
    cost: Decimal
    is_apart: bool = False
    """Whether its stock is set apart from ordinary accidents."""

    def price_in(self, market: SimulatedMarketplace) -> Decimal:
        """The price in a marketplace's currency."""
        return market.money(self.price)

    def cost_in(self, market: SimulatedMarketplace, day: date) -> Decimal:
        """What a unit costs the seller on a day, in a marketplace's currency."""
        return market.money(self.cost * next(factor for since, factor in reversed(COST_CHANGES) if since <= day or factor == 1))

    def sold_in(self, number: int) -> bool:
        """Whether it is sold and stocked in the seller's n-th marketplace: always at home, sometimes elsewhere."""
        return self.number % (number + 1) == 0


def catalogue(profile: SellerProfile) -> tuple[Product, ...]:
    """The seller's products: the last fifth are shipped by the seller, the others by Amazon."""
    return tuple(_product(profile, n) for n in range(profile.products))


def _product(profile: SellerProfile, number: int) -> Product:
    american, european, japanese, price = _GOODS[number % len(_GOODS)]
    edition = number // len(_GOODS)
    code = zlib.crc32(f"{profile.seller_id} {number}".encode())
    asin = f"B0{code:08X}"
    by_amazon = profile.products * 4 // 5
    return Product(
        number=number,
        sku=_SKUS.get(number, f"{american.split()[0].upper()}-{number:02d}"),
        fnsku=asin if number % 7 == 3 else f"X00{code % 16**7:07X}",
        asin=asin,
        name={"na": american, "eu": european, "fe": japanese}[profile.region] + (f" No. {edition + 1}" if edition else ""),
        channel="MFN" if number >= by_amazon else "AFN",
        price=Decimal(price) + edition,
        cost=cents((Decimal(price) + edition) * Decimal("0.42")),
        is_apart=by_amazon - profile.apart <= number < by_amazon,
    )
