"""The time and sequence of each row of packed data: tables that `pack_padded_sequence` and `pad_packed_sequence` share."""

from __future__ import annotations

import numpy as np

from reftorch.ops import from_numpy


def row_tables(batch_sizes, order, T):
    """For packed data of `batch_sizes`, as arrays: the time of each row (R), its sample (R), and the row of each time and sample (T, N).

    `order[b]` is the sample that comes at place b; None means that the samples are sorted already. Where a sequence has ended
    there is no row, which is written -1.
    """
    N = int(batch_sizes[0])
    order = np.arange(N) if order is None else order
    times = np.repeat(np.arange(len(batch_sizes)), batch_sizes)
    samples = np.concatenate([order[:count] for count in batch_sizes])
    rows = np.full((T, N), -1)
    rows[times, samples] = np.arange(len(times))
    return times, samples, rows


def on_device_of(x, *tables):
    """The tables as tensors on the device of x."""
    return [from_numpy(np.asarray(table, np.int64)).to(x.device) for table in tables]
