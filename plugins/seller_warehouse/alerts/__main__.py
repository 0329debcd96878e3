"""``python -m seller_warehouse.alerts``: a test message to every channel."""

from seller_warehouse.alerts.delivery import main

raise SystemExit(main())
