"""Build the marts with dbt and publish them to readers."""
