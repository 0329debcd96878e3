"""One Great Expectations suite per report type: suites check what Amazon sent, dbt tests check what we built."""
