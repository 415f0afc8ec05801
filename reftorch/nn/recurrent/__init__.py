"""Recurrent layers: a cell that reads a sequence one element at a time, and layers that repeat it."""
