"""Distances and similarities of vectors: one component, one file."""
