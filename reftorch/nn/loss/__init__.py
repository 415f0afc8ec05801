"""Losses: how far the output of a network is from what it should be."""
