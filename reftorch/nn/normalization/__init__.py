"""Normalization: layers that shift and scale numbers to mean 0 and variance 1."""
