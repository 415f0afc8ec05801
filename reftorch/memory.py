"""Keeps freed memory, so that it is used again.

A training step allocates and frees the same few megabytes again and again. The C library's allocator gives memory back to the system
when the end of its heap is free; the system then hands it out page by page, set to zero, when it is next written to. On the
machine of the benchmarks that took a quarter of a LeNet step: 1,200 pages per step.

GNU's allocator gives back no more than what goes beyond twice the largest block that was ever freed. So one block of the largest
size that counts (32 MB) is allocated and freed, once; nothing is written to it. Elsewhere this does nothing.
"""

from __future__ import annotations

import numpy as np

LARGEST = 32 * 2**20 - 2**16  # what GNU's allocator still counts, less its own bytes


def keep_freed() -> None:
    """Let the process keep up to 64 MB of what it frees."""
    np.empty(LARGEST, np.uint8)
