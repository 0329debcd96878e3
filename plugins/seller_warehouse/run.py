"""``python -m seller_warehouse.run``, for scripts."""

from seller_warehouse.cli.run import main

if __name__ == "__main__":
    raise SystemExit(main())
