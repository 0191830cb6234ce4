"""What runs the queries: the catalogue of SQL files, the template rules, and DuckDB."""
