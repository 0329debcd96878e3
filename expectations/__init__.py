"""One Great Expectations suite per report type: what Amazon sent is judged here, what we built by dbt tests."""
