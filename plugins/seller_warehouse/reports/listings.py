"""All listings: the seller's offers in one marketplace, one SKU per row, as of the day of the report.

Quirks, with their source:
- ``quantity`` and ``pending-quantity`` are blank, not 0, for SKUs that Amazon fulfils (real rows of an Airbyte test account).
- ``price`` has no fixed number of decimals (``5``) and no currency column; its currency is that of the marketplace (same rows).
- One ASIN may have several SKUs, and the name or the price may be blank (same rows; public parser tests).
- ``open-date`` is ISO 8601 in newer American files, elsewhere the local format with the name of a zone
  (``29/09/2025 16:19:39 BST``), which does not define an offset: it stays text.
- ``status`` is missing in files of May 2026 (selling-partner-api-models issue 5216).
- Headers are in the language of the seller's account, and the columns about the old shop fronts, ``asin1`` among them, are
  missing outside the larger English-speaking marketplaces (selling-partner-api-models issue 2293, python-amazon-sp-api issue
  769, header tables of public connectors). There ``product-id`` is the ASIN where ``product-id-type`` is 1.
- Two columns may have the same header: in Chinese the listing id and the product id, in Spanish the condition and the status; unused columns
  share one header. Their neighbours distinguish them (a real Chinese header in the tests of a public library).
- Accounts that sell to businesses have prices by quantity among the columns; no mart needs them (header of a public parser).
- Amazon uses only the first marketplace of a request, and may send ``?`` instead of letters (selling-partner-api-models issues 4955, 2748).
- ``item-description`` is free text and may contain quotes and HTML; it is unquoted like the rest.
"""

import pyarrow as pa

from seller_warehouse.core.report_spec import Kind, Layout, MarketplaceScope, ReplacementScope, ReportSpec, Requests, column, usual

STATUSES = ("Active", "Inactive", "Incomplete")

UNUSED = ("不适用项目", "Columna en desuso")
"""Amazon's headers for all unused columns, in Chinese and Spanish."""

COLUMNS = (
    usual(
        "item-name",
        free_text=True,
        aliases=(
            "商品名",
            "商品名称",
            "Artikelbezeichnung",
            "nom-produit",
            "Nome dell'articolo",
            "Título del producto",
            "nazwa-produktu",
            "item-name (ürün adı)",
            "اسم-المنتج",
        ),
    ),
    column(
        "item-description",
        free_text=True,
        aliases=(
            "商品の説明",
            "商品描述",
            "Artikelbeschreibung",
            "Descrizione dell'articolo",
            "Descripción del producto",
            "opis-produktu",
            "وصف-المنتج",
        ),
        required=False,
    ),
    column(
        "listing-id",
        aliases=(
            "出品ID",
            "Angebotsnummer",
            "id-offre",
            "Numero offerta",
            "Identificador del listing",
            "identyfikator-oferty",
            "listing-id (liste kaydı numarası)",
            "رقم-العرض",
        ),
        shared=("商品编码",),
        required=False,
    ),
    column(
        "seller-sku",
        aliases=(
            "出品者SKU",
            "卖家 SKU",
            "Händler-SKU",
            "sku-vendeur",
            "SKU venditore",
            "SKU del vendedor",
            "sku-sprzedawcy",
            "seller-sku (satıcı sku)",
            "sku-البائع",
        ),
        filled=True,
    ),
    column("price", Kind.AMOUNT, aliases=("価格", "价格", "Preis", "prix", "Prezzo", "Precio", "cena", "price (fiyat)", "السعر"), required=False),
    column(
        "quantity", Kind.INTEGER, aliases=("数量", "Menge", "quantité", "Quantità", "Cantidad", "ilość", "quantity (adet)", "الكمية"), required=False
    ),
    column(
        "open-date",
        aliases=(
            "出品日",
            "开售日期",
            "Erstellungsdatum",
            "date-ouverture",
            "Data di creazione",
            "Fecha de creación",
            "data-otwarcia",
            "open-date (yayınlanma tarihi)",
            "تاريخ-مفتوح",
        ),
        required=False,
    ),
    column("image-url", shared=UNUSED, required=False),
    column(
        "item-is-marketplace",
        aliases=(
            "是否为商城中的商品",
            "Artikel ist Marketplace-Angebot",
            "Articolo per la vendita",
            "Producto para vender",
            "produkt-jest-(na)rynku",
            "منتج-سوق-البيع",
        ),
        required=False,
    ),
    column(
        "product-id-type",
        aliases=(
            "商品IDタイプ",
            "商品编码类型",
            "Produkt-ID-Typ",
            "type-id-produit",
            "Tipo di identificativo del prodotto",
            "Tipo de identificador de producto",
            "typ-identyfikatora-produktu",
            "product-id-type (ürün numarası türü)",
            "نوع-رقم-المنتج",
        ),
        required=False,
    ),
    column("zshop-shipping-fee", shared=UNUSED, required=False),
    column(
        "item-note",
        free_text=True,
        aliases=(
            "コンディション説明",
            "商品备注",
            "Anmerkung zum Artikel",
            "note-état-article",
            "Note sull'articolo",
            "Nota sobre el producto",
            "uwaga-o-produkcie",
            "item-note (ürün notu)",
            "ملاحظة-المنتج",
        ),
        required=False,
    ),
    column(
        "item-condition",
        aliases=(
            "コンディション",
            "商品状况",
            "Artikelzustand",
            "état-produit",
            "Condizione dell'articolo",
            "stan-produktu",
            "item-condition (ürün durumu)",
            "حالة-المنتج",
        ),
        shared=("Estado del producto",),
        required=False,
    ),
    column("zshop-category1", shared=UNUSED, required=False),
    column("zshop-browse-path", shared=UNUSED, required=False),
    column("zshop-storefront-feature", shared=UNUSED, required=False),
    column("asin1", required=False),
    column("asin2", shared=UNUSED, required=False),
    column("asin3", shared=UNUSED, required=False),
    column(
        "will-ship-internationally",
        aliases=(
            "国外へ配送可",
            "国际配送",
            "Internationaler Versand",
            "expédition-international",
            "Spedizione internazionale",
            "Envío internacional",
            "wysyłka-międzynarodowa",
            "will-ship-internationally (uluslararası gönderilir)",
            "للشحن-الدولي",
        ),
        required=False,
    ),
    column(
        "expedited-shipping",
        aliases=(
            "迅速な配送",
            "加急配送",
            "Expressversand",
            "livraison-express",
            "Spedizione Express",
            "Envío urgente",
            "przyspieszona-wysyłka",
            "expedited-shipping (ekspres kargo)",
            "شحن-مستعجل",
        ),
        required=False,
    ),
    column("zshop-boldface", shared=UNUSED, required=False),
    column(
        "product-id",
        aliases=(
            "商品ID",
            "Produkt-ID",
            "id-produit",
            "Identificativo del prodotto",
            "Identificador del producto",
            "identyfikator-produktu",
            "product-id (ürün numarası)",
            "رقم-المنتج",
        ),
        shared=("商品编码",),
        required=False,
    ),
    column("bid-for-featured-placement", shared=UNUSED, required=False),
    column("add-delete", aliases=("添加-删除", "Aggiungi o elimina", "Añadir o eliminar", "dodaj-usuń", "إضافة-حذف"), required=False),
    column(
        "pending-quantity",
        Kind.INTEGER,
        aliases=(
            "在庫数",
            "等待购买数量",
            "Quantità in sospeso",
            "Cantidad pendiente",
            "ilość-oczekująca",
            "pending-quantity (bekleyen adet)",
            "كمية-منتظرة",
        ),
        required=False,
    ),
    column(
        "fulfillment-channel",
        aliases=(
            "fulfilment-channel",
            "フルフィルメント・チャンネル",
            "配送渠道",
            "Versender",
            "canal-traitement",
            "Canale di gestione",
            "Canal de gestión logística",
            "kanał-realizacji",
            "fulfillment-channel (dağıtım kanalı)",
            "قناة-الشحن",
        ),
        required=False,
    ),
    column(
        "merchant-shipping-group",
        aliases=(
            "卖家配送组",
            "Händlerversandgruppe",
            "groupe-expédition-vendeur",
            "gruppo-spedizione-venditore",
            "grupa-wysyłki-sprzedawcy",
            "merchant-shipping-group (satıcı kargo grubu)",
        ),
        required=False,
    ),
    usual("status", aliases=("ステータス", "状态", "état", "stato", "estado", "durum", "الحالة"), shared=("Estado del producto",), codes=STATUSES),
)

EXTRAS = (
    column("Business Price", aliases=("法人価格", "企业商品价格"), required=False),
    column("Quantity Price Type", aliases=("数量割引のタイプ", "数量折扣价格类型"), required=False),
    *(column(f"Quantity Lower Bound {n}", aliases=(f"数量の下限{n}", f"数量下限 {n}"), required=False) for n in range(1, 6)),
    *(column(f"Quantity Price {n}", aliases=(f"数量割引{n}", f"数量折扣价格 {n}"), required=False) for n in range(1, 6)),
    column("Progressive Price Type", aliases=("累積購入割引価格タイプ",), required=False),
    *(column(f"Progressive Lower Bound {n}", aliases=(f"累積購入割引下限{n}",), required=False) for n in range(1, 4)),
    *(column(f"Progressive Price {n}", aliases=(f"累積購入割引価格{n}",), required=False) for n in range(1, 4)),
    column(
        "Minimum order quantity",
        aliases=(
            "Mindestbestellmenge",
            "Anzahl Bestellungen",
            "Quantità minima per ordine",
            "Cantidad de pedido mínima",
            "Maksymalna liczba zamówionych produktów",
            "Minimum sipariş adedi",
        ),
        required=False,
    ),
    column(
        "Sell remainder",
        aliases=(
            "Restposten verkaufen",
            "Vendre le stock restant",
            "Vendi rimanenze",
            "Vender las unidades restantes",
            "Pozostało do sprzedaży",
            "Elde kalanı sat",
        ),
        required=False,
    ),
    column("optional-payment-type-exclusion", aliases=("使用しない支払い方法", "إعفاء-اختياري-لنوع-الدفع"), required=False),
    column("scheduled-delivery-sku-set", aliases=("配送日時指定SKUリスト",), required=False),
    column("standard-price-point", aliases=("ポイント",), required=False),
    column("ProductTaxCode", aliases=("商品税コード",), required=False),
    column("minimum-seller-allowed-price", aliases=("出品価格の下限",), required=False),
    column("maximum-seller-allowed-price", aliases=("出品価格の上限",), required=False),
    column("Sourcing Type", aliases=("調達タイプ",), required=False),
)
"""Columns of accounts that sell to businesses or by local rules; they are recognised and dropped."""


def without_extras(table: pa.Table) -> pa.Table:
    """Drop the columns that only some accounts have."""
    extras = {c.name for c in EXTRAS}
    return table.drop_columns([n for n in table.column_names if n in extras])


SPEC = ReportSpec(
    name="listings",
    amazon_type="GET_MERCHANT_LISTINGS_ALL_DATA",
    title="All listings",
    found_at="Seller Central > Inventory > Inventory Reports > All Listings Report",
    replacement_scope=ReplacementScope.SNAPSHOT,
    requests=Requests(history_months=0, pause_minutes=30, marketplace_scope=MarketplaceScope.EACH),
    layouts=(Layout(name="with extra columns", columns=(*COLUMNS, *EXTRAS), reshape=without_extras),),
    first_row_probes={
        "seller_sku": r".+",
        "item_is_marketplace": r"[yn]?",
        "product_id_type": r"[0-9]{0,2}",
        "asin1": r"B0[0-9A-Z]{8}|[0-9]{9}[0-9X]",
        "fulfillment_channel": r"DEFAULT|AMAZON_[A-Z]+",
    },
    columns=COLUMNS,
)
