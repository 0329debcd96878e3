"""The cost of the pipeline compared with plain DuckDB reading the same files."""
