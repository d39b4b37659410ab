"""The only modules that execute SQL: one for each database."""
