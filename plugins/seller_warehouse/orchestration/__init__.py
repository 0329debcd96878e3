"""Airflow operators and what the DAGs share: the only importers of airflow."""
