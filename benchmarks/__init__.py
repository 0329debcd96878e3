"""What the pipeline costs, beside plain DuckDB reading the same files."""
