"""The rule tables: one table per concern, one row per operation."""
