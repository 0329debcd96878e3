"""Why a unit stands where it does, in plain words instead of the codes of ``status_reason``."""

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
    "PAYOUT_NOT_SEEN": "Amazon says it paid; no payout is seen yet",
    "NO_KNOWN_RULE": "No claim window is known for this country",
    "UNKNOWN_CODE": "Amazon's code is a new one, see Data health",
    "PAID": "Paid in cash",
    "REPLACED": "Replaced in kind",
    "FOUND": "Found again",
    "DISPOSITION_CORRECTED": "Graded anew, back in sellable stock",
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
    """The reason in plain words; a code that has none as people would write it."""
    return REASONS.get(code) or words(code)
