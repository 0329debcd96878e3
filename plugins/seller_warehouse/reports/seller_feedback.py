"""Seller feedback: one row per feedback of a buyer for an order.

Quirks, with their source:
- The header is in the marketplace's language and the order of the six columns is fixed (user reports; the columns are in the SP-API docs).
  The headers of the kept columns in common languages are aliases, translated by dictionary; any other header is mapped by position.
- Dates are local, with two-digit years: ``10/20/26`` in the US, ``20.10.26`` in Germany, ``26/10/20`` in Japan (Airbyte's connector).
- Only ratings of 1 to 3 stars were seen; 1 and 2 are negative. A rating has its own date, but counts on that of the order.
- Removed feedback is missing from later answers, and the requested days are replaced as a whole.
- Short ranges and ranges without feedback are often cancelled (selling-partner-api-docs issues 1203 and 2744), or have only a header.
- Comments, the seller's response and the buyer's e-mail are personal, and no mart needs them.
- The text is often ISO-8859-1. A report covers one marketplace.
"""

from seller_warehouse.core.report_spec import LOCAL, Kind, MarketplaceScope, ReplacementScope, ReportSpec, Requests, column

SPEC = ReportSpec(
    name="seller_feedback",
    amazon_type="GET_SELLER_FEEDBACK_DATA",
    title="Seller feedback",
    found_at="Seller Central > Performance > Feedback > Download feedback report",
    replacement_scope=ReplacementScope.DATE,
    event_date="date",
    may_be_empty=True,
    first_row_probes={
        "date": r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}",
        "rating": "[1-5]",
        "order_id": r"[0-9A-Z]{3}-\d{7}-\d{7}",
    },
    requests=Requests(restated_days=90, pause_minutes=30, marketplace_scope=MarketplaceScope.EACH),
    columns=(
        column("Date", Kind.DATE, filled=True, formats=(LOCAL,), aliases=("Datum", "Data", "Fecha", "日付")),
        column("Rating", Kind.INTEGER, filled=True, aliases=("Bewertung", "Évaluation", "Valutazione", "Valoración", "Avaliação", "評価")),
        column(
            "Comments", required=False, personal=True, aliases=("Kommentare", "Commentaires", "Commenti", "Comentarios", "Comentários", "コメント")
        ),
        column(
            "Your Response",
            required=False,
            personal=True,
            aliases=("Ihre Antwort", "Votre réponse", "La tua risposta", "Tu respuesta", "Sua resposta", "返信"),
        ),
        column(
            "Order ID",
            aliases=("Bestellnummer", "Numéro de commande", "Numero ordine", "Numero d'ordine", "Número de pedido", "Número do pedido", "注文番号"),
        ),
        column(
            "Rater Email",
            required=False,
            personal=True,
            aliases=(
                "E-Mail des Bewerters",
                "E-mail de l'évaluateur",
                "E-mail del valutatore",
                "E-mail del evaluador",
                "E-mail do avaliador",
                "評価者のメールアドレス",
            ),
        ),
    ),
)
