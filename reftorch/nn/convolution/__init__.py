"""Convolution: filters that slide over sequences, images and volumes."""
