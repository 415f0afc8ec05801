"""Attention and the Transformer that is built from it: layers over sequences, in which each position attends to others."""
