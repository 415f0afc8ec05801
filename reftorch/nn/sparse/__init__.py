"""Sparse layers: rows of a table, chosen by integers."""
