r"""Packing: from a padded batch of sequences only the elements that are not padding are taken, time by time, the longest sequence first.

Use it when a padded batch goes into a recurrent layer; `pack_sequence` packs a list of tensors without padding it first.

## Forward

One sequence of $T$ elements, of which the first ones count: packing keeps these. In general a batch has $N$ sequences; the
element of sequence $n$ at time $t$ is $x[t, n]$, with $D$ numbers. The sequences are sorted, the longest first, so that those
that have not ended at time $t$ are the first ones. Row $r$ of the packed data belongs to one time $t_r$ and one sequence $n_r$:

$$y[r, d] = x[t_r, n_r, d]$$

Rows go first through the sequences of one time, then through the times.

## Gradients

Each row is a copy of one element, so its gradient is the gradient of that element. Let $r(t, n)$ be the row of time $t$ and sequence
$n$. Padding has no row, and its gradient is 0:

$$\frac{\partial L}{\partial x}[t, n, d] = \frac{\partial L}{\partial y}[r(t, n), d] \text{ or } 0$$

## Cost

No arithmetic. Forward reads and writes each packed element once, 8 bytes in float32; backward writes all elements of $x$.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(T, N, D)$ | input: padded sequences, all dimensions after the first two as one |
| $y$ | `y` | $(R, D)$ | output: packed elements, one row each |
| $t_r$ | `times` | $(R)$ | time of each row |
| $n_r$ | `samples` | $(R)$ | sequence of each row |
| $r(t, n)$ | `rows` | $(T, N)$ | row of each time and sequence; -1 where there is padding |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(R, D)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(T, N, D)$ | gradient of the loss for $x$ |
| $r$ | `r` | $0 \le r < R$ | row of the packed data |
| $t$ | `t` | $0 \le t < T$ | time |
| $n$ | `n` | $0 \le n < N$ | sequence of the batch |
| $d$ | `d` | $0 \le d < D$ | position inside an element |

## Worked example

Two sequences, (1, 2) and (3, 4, 5), as columns of a padded tensor. The second one is longer and comes first:

>>> import reftorch as torch
>>> from reftorch.nn.utils.rnn import pack_padded_sequence
>>> x = torch.tensor([[1., 3],
...                   [2, 4],
...                   [0, 5]], requires_grad=True)
>>> packed = pack_padded_sequence(x, [2, 3], enforce_sorted=False)
>>> packed.data
tensor([3., 1., 4., 2., 5.], grad_fn=<PackPaddedSequenceBackward0>)
>>> packed.batch_sizes, packed.sorted_indices
(tensor([2, 2, 1]), tensor([1, 0]))

The padding gets no gradient:

>>> packed.data.backward(torch.tensor([10., 20, 30, 40, 50]))
>>> x.grad
tensor([[20., 10.],
        [40., 30.],
        [ 0., 50.]])

## Questions

**Two sequences have the same length. Which comes first?**

The one that was given first: the sorting is stable.

>>> pack_padded_sequence(torch.zeros(2, 4), [1, 2, 1, 2], enforce_sorted=False).sorted_indices
tensor([1, 3, 0, 2])

**What does the layer do with the padding of x?**

Nothing. It is not in the packed data, so its value does not matter, even if it is NaN.

**Can a length be 0?**

No. Every sequence has an element at time 0.

## Differences

A length greater than $T$ makes PyTorch read memory behind the input; here it raises an error.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange, shaped
from reftorch.nn.utils.rnn.packed_sequence import PackedSequence
from reftorch.nn.utils.rnn.packing import on_device_of, row_tables
from reftorch.ops import from_numpy
from reftorch.tensor import Tensor


# ## The packed rows
#
# $$y[r, d] = x[t_r, n_r, d]$$
@njit(**PARALLEL)
def pack_padded_sequence_forward_cpu(x, times, samples, y):
    R, D = y.shape
    for r in prange(R):
        for d in range(D):
            y[r, d] = x[times[r], samples[r], d]


@cuda.jit
def pack_padded_sequence_forward_cuda(x, times, samples, y):
    R, D = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    r = i // D
    d = i % D
    y[r, d] = x[times[r], samples[r], d]


# ## The gradient of the padded sequences
#
# $$\frac{\partial L}{\partial x}[t, n, d] = \frac{\partial L}{\partial y}[r(t, n), d] \text{ or } 0$$
@njit(**PARALLEL)
def pack_padded_sequence_backward_x_cpu(grad_y, rows, grad_x):
    T, N, D = grad_x.shape
    for t in prange(T):
        for n in range(N):
            for d in range(D):
                r = rows[t, n]
                grad_x[t, n, d] = grad_y[r, d] if r >= 0 else grad_y.dtype.type(0)


@cuda.jit
def pack_padded_sequence_backward_x_cuda(grad_y, rows, grad_x):
    T, N, D = grad_x.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    d = i % D
    rest = i // D
    n = rest % N
    t = rest // N
    r = rows[t, n]
    grad_x[t, n, d] = grad_y[r, d] if r >= 0 else grad_y.dtype.type(0)


class PackPaddedSequenceFunction(Function):
    """Packing on the tape. x (T, N, *), times and samples (R), rows (T, N); y (R, *)."""

    @staticmethod
    def forward(ctx, x, times, samples, rows):
        T, N = x.shape[:2]
        R, D = len(times), math.prod(x.shape[2:])
        ctx.save_for_backward(rows)
        ctx.extents, ctx.shape = (T, N, D), x.shape
        y = x.new_empty((R, *x.shape[2:]))
        run = on(x.device, pack_padded_sequence_forward_cpu, pack_padded_sequence_forward_cuda, R * D)
        run(*shaped((T, N, D), x), *arrays(times, samples), *shaped((R, D), y))
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (rows,) = ctx.saved_tensors
        grad_x = grad_y.new_empty(ctx.shape)
        run = on(
            grad_y.device, pack_padded_sequence_backward_x_cpu, pack_padded_sequence_backward_x_cuda, grad_x.numel()
        )
        run(*shaped((len(grad_y), ctx.extents[2]), grad_y), *arrays(rows), *shaped(ctx.extents, grad_x))
        return grad_x, None, None, None


def pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True):
    """Pack the first `lengths[n]` elements of each sequence n of a padded batch.

    Args:
        input: (T, N, *), or (N, T, *) if `batch_first`.
        lengths: the lengths of the sequences, a list or a tensor on the CPU.
        batch_first: whether the first dimension of `input` is that of the sequences.
        enforce_sorted: whether the lengths must be sorted already, the longest first. Otherwise they are sorted here.

    Raises:
        RuntimeError: no elements; another number of lengths than sequences; a length that is 0, negative or greater than T;
            lengths that should be sorted and are not.
    """
    if not isinstance(input, Tensor):
        raise TypeError(
            f"pack_padded_sequence(): argument 'input' must be Tensor, not {type(input).__name__}: pack_sequence takes a list"
        )
    if input.ndim < 2:
        raise RuntimeError(f"pack_padded_sequence: expected an input of (T, N, *), found shape {list(input.shape)}")
    lengths = np.asarray([int(n) for n in lengths], dtype=np.int64)
    order = None if enforce_sorted else np.argsort(-lengths, kind="stable")
    x = input.transpose(0, 1) if batch_first else input
    _check_lengths(x, lengths, enforce_sorted)
    ends = -np.sort(-lengths)
    batch_sizes = np.array([np.count_nonzero(ends > t) for t in range(ends[0])])
    times, samples, rows = row_tables(batch_sizes, order, x.shape[0])
    tables = on_device_of(x, times, samples, rows)
    data = PackPaddedSequenceFunction.apply(x, *tables)
    indices = None if order is None else on_device_of(x, order)[0]
    return PackedSequence(data, from_numpy(batch_sizes), indices)


def _check_lengths(x, lengths, enforce_sorted):
    T, N = x.shape[:2]
    if x.numel() == 0:
        raise RuntimeError(f"Cannot pack empty tensors: the input has shape {list(x.shape)}")
    if len(lengths) != N:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(lengths)} (batch_size={N}): is batch_first wrong?"
        )
    if (lengths <= 0).any():
        raise RuntimeError(
            f"Length of all samples has to be greater than 0, but found {lengths.min()} in lengths={lengths.tolist()}"
        )
    if enforce_sorted and (np.diff(lengths) > 0).any():
        raise RuntimeError(
            f"`lengths` array must be sorted in decreasing order when `enforce_sorted` is True, found {lengths.tolist()}: "
            "with enforce_sorted=False it is sorted here"
        )
    if lengths.max() > T:
        raise RuntimeError(
            f"pack_padded_sequence: a sequence of length {lengths.max()} does not fit into an input of {T} times: is batch_first wrong?"
        )
