"""Five reimbursements in a home that is built and published once for all tests that only need a publication."""

from __future__ import annotations

from pathlib import Path

from seller_warehouse.core.home import Home
from tests.support import Warehouse, reimbursements

QUOTED = 'O\'Neil; drop table "marts".fct_orders; --'


def publish_five_lines(root: Path) -> None:
    """Lines of November: 10.00, -10.00 (a reversal of it), 0.07 and 30.00 USD, 2.50 CAD."""
    warehouse = Warehouse(Home(root))
    warehouse.drop("r.txt", reimbursements(
        {"product-name": "=1+2", "case-id": "77"},
        {"reimbursement-id": "1002", "amount-per-unit": "-10.00", "amount-total": "-10.00", "quantity-reimbursed-cash": "-1",
         "quantity-reimbursed-total": "-1", "original-reimbursement-id": "1001", "original-reimbursement-type": "Lost_Warehouse",
         "reason": "Reimbursement_Reversal", "approval-date": "2026-11-03T08:00:00+00:00"},
        {"reimbursement-id": "1003", "amount-per-unit": "0.07", "amount-total": "0.07", "product-name": "Lämpchen, 10 €", "sku": "LAMP-2"},
        {"reimbursement-id": "1004", "amount-per-unit": "30.00", "amount-total": "30.00", "product-name": QUOTED, "sku": "SKU:1"},
        {"reimbursement-id": "1005", "amount-per-unit": "2.50", "amount-total": "2.50", "currency-unit": "CAD", "product-name": 'A "B", C',
         "approval-date": "2026-11-04T09:30:15-07:00"},
    ))  # fmt: skip
    assert warehouse.load() == []
    warehouse.publish()
