"""Pooling layers: a window slides over the input and is summed up by one number."""
