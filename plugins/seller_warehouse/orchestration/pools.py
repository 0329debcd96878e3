"""What tasks and commands agree on; this module does not import Airflow, so that the commands may read it."""

WAREHOUSE_POOL = "warehouse"
"""One slot: one process at a time opens the build database."""

MAX_ACCOUNTS = 4096
"""How many accounts one run may land, each in a task of its own, and so how many may wait for Amazon at once."""

IS_FOLLOWED = "is_followed"
"""In the conf of a DAG run: another of the same pass follows, whose load calls for the one build of both."""

PROBLEMS, REFUSED = "problems", "refused"
"""XComs of a task: a sentence for all that it did not do, with the remedy; and a line for each document that it refused."""
