"""Activations: functions applied to each element, or to a row of elements."""
