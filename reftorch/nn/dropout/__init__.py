"""Dropout: elements or channels are set to zero at random during training."""
