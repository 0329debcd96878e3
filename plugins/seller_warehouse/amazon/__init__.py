"""Request reports from Amazon within its limits, and land the answers."""
