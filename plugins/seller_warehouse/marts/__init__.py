"""One dbt build over the raw tables, and what it built handed to readers."""
