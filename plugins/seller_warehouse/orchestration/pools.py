"""The pools that the tasks share; this module does not import Airflow, so that the commands may read it."""

WAREHOUSE_POOL = "warehouse"
"""One slot: one process at a time opens the build database."""
