"""Constants that tasks and commands share; this module does not import Airflow, so that commands can import it."""

WAREHOUSE_POOL = "warehouse"
"""A pool of one slot: one process at a time opens the build database."""

MAX_ACCOUNTS = 4096
"""Accounts that one run can land, each in its own task, and so that can wait for Amazon at once."""

IS_FOLLOWED = "is_followed"
"""Key in the conf of a DAG run: another run of the same pass follows, and its load triggers the one build for both."""

PROBLEMS, REFUSED = "problems", "refused"
"""XComs of a task: a sentence with a remedy for each failure, and a line for each refused document."""
