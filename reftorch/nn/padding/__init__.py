"""Padding: images and sequences with a border."""
