"""Plain words for the codes of ``status_reason``."""

from __future__ import annotations

from dashboard.filters import words

REASONS = {
    # fct_inventory_defects
    "UNPAID": "Not paid; you may file a claim",
    "CLAIM_OPEN": "Your case is open",
    "PAYMENT_PENDING": "Your case is granted, its payment is due",
    "WAITING_FOR_AMAZON": "Amazon may still pay by itself",
    "WAITING_FOR_RETURN": "Refunded; the buyer may still send it back",
    "WINDOW_NOT_OPEN": "The claim window is not open yet",
    "REPACKAGING": "Amazon is repackaging it",
    "PAYOUT_NOT_SEEN": "Amazon says it paid; no payout received yet",
    "NO_KNOWN_RULE": "No claim window is known for this country",
    "UNKNOWN_CODE": "Unknown code from Amazon, see Data health",
    "PAID": "Paid in cash",
    "REPLACED": "Replaced in kind",
    "FOUND": "Found again",
    "DISPOSITION_CORRECTED": "Regraded, back in sellable stock",
    "RECONCILED_BY_AMAZON": "Settled by Amazon, which does not say how",
    "RESTOCKED": "Came back sellable",
    "CLAIM_DENIED": "Amazon denied your case",
    "WINDOW_EXPIRED": "The claim window closed",
    "SELLER_KEEPS_DAMAGED": "You have damaged stock sent back to you",
    "CUSTOMER_DAMAGED": "The buyer damaged it",
    "DEFECTIVE": "The product is defective",
    "EXPIRED": "The product is past its date",
    # fct_mcf_claims
    "REIMBURSED": "Paid",
    "RETURNED_SELLABLE": "Came back sellable",
    "RETURNED_UNSELLABLE": "Came back unsellable, see the return",
    "CASE_OPEN": "Your case is open",
    "CASE_GRANTED": "Your case is granted, its payment is due",
    "CASE_GRANTED_UNPAID": "Your case was granted and never paid",
    "CASE_DENIED": "Amazon denied your case",
    "SIGNATURE_REQUIRED": "A signature was required, so Amazon does not pay",
    "NO_ESTIMATED_ARRIVAL": "Amazon named no day of arrival",
    "NOT_YET_DUE": "Not due yet",
    "WAITING_PERIOD": "Late; Amazon asks to wait seven days",
    "PAYOUT_REVERSED": "Paid and taken back",
    "PARTLY_REIMBURSED": "Amazon paid for a part of the parcel",
    "DELIVERY_UNKNOWN": "Late; look up its tracking number",
}


def why(code: str) -> str:
    """The reason in plain words; a code without an entry is spelled out."""
    return REASONS.get(code) or words(code)
