"""Airflow operators and common parts of the DAGs; only this package imports airflow."""
