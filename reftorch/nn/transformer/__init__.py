"""Attention and the Transformer that is built of it: layers over sequences, in which each position looks at others."""
