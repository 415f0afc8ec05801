r"""Padding of packed sequences: the elements return to their times and sequences, and padding fills the rest.

It undoes `pack_padded_sequence`.

Use it when a recurrent layer has returned a packed sequence and the next layer expects a tensor with one dimension for the time.

## Forward

One sequence: its elements, then padding up to length $T$. In general row $r$ of the packed data belongs to one time and one
sequence; $r(t, n)$ is the row of time $t$ and sequence $n$, if that sequence has not ended:

$$y[t, n, d] = x[r(t, n), d] \text{ or } p$$

where $p$ is the padding value.

## Gradients

Each row is copied to one place, time $t_r$ of sequence $n_r$, and takes its gradient from there. The gradient of padding is discarded,
since padding does not depend on $x$:

$$\frac{\partial L}{\partial x}[r, d] = \frac{\partial L}{\partial y}[t_r, n_r, d]$$

## Cost

No arithmetic. Forward writes all elements of $y$ and reads those of $x$; backward reads and writes each packed element once.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(R, D)$ | input: packed elements, one row each |
| $y$ | `y` | $(T, N, D)$ | output: padded sequences |
| $p$ | `padding` | any | padding value |
| $r(t, n)$ | `rows` | $(T, N)$ | row of each time and sequence; -1 where there is padding |
| $t_r$ | `times` | $(R)$ | time of each row |
| $n_r$ | `samples` | $(R)$ | sequence of each row |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(T, N, D)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(R, D)$ | gradient of the loss for $x$ |
| $r$ | `r` | $0 \le r < R$ | row of the packed data |
| $t$ | `t` | $0 \le t < T$ | time |
| $n$ | `n` | $0 \le n < N$ | sequence of the batch |
| $d$ | `d` | $0 \le d < D$ | position inside an element |

## Worked example

Three sequences, (1, 2, 3), (4, 5) and (6), packed. Each column of the result is a sequence:

>>> import reftorch as torch
>>> from reftorch.nn.utils.rnn import PackedSequence, pad_packed_sequence
>>> data = torch.tensor([1., 4, 6, 2, 5, 3], requires_grad=True)
>>> packed = PackedSequence(data, torch.tensor([3, 2, 1]))
>>> y, lengths = pad_packed_sequence(packed, padding_value=-1)
>>> y
tensor([[ 1.,  4.,  6.],
        [ 2.,  5., -1.],
        [ 3., -1., -1.]], grad_fn=<PadPackedSequenceBackward0>)
>>> lengths
tensor([3, 2, 1])

The gradients 6, 8 and 9 belong to padding and are discarded:

>>> y.backward(torch.tensor([[1., 2, 3],
...                          [4, 5, 6],
...                          [7, 8, 9]]))
>>> data.grad
tensor([1., 2., 3., 4., 5., 7.])

## Questions

**When is `total_length` needed?**

When several machines or several calls must return tensors of one length: without it $T$ is the length of the longest sequence of
this batch.

>>> pad_packed_sequence(packed, total_length=5)[0].shape
torch.Size([5, 3])

**In which order do the sequences come back?**

In the order in which they were given to the packing function, if that has sorted them.

**Which elements of `data` get a gradient?**

All of them: each is at one place of the result, and gets the gradient of this place.

>>> data.grad.shape == data.shape
True
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange, shaped
from reftorch.nn.utils.rnn.packing import on_device_of, row_tables
from reftorch.ops import from_numpy


# ## The padded sequences
#
# $$y[t, n, d] = x[r(t, n), d] \text{ or } p$$
@njit(**PARALLEL)
def pad_packed_sequence_forward_cpu(x, rows, y, padding):
    T, N, D = y.shape
    for t in prange(T):
        for n in range(N):
            for d in range(D):
                r = rows[t, n]
                y[t, n, d] = x[r, d] if r >= 0 else padding


@cuda.jit
def pad_packed_sequence_forward_cuda(x, rows, y, padding):
    T, N, D = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    d = i % D
    rest = i // D
    n = rest % N
    t = rest // N
    r = rows[t, n]
    y[t, n, d] = x[r, d] if r >= 0 else padding


# ## The gradient of the packed rows
#
# $$\frac{\partial L}{\partial x}[r, d] = \frac{\partial L}{\partial y}[t_r, n_r, d]$$
@njit(**PARALLEL)
def pad_packed_sequence_backward_x_cpu(grad_y, times, samples, grad_x):
    R, D = grad_x.shape
    for r in prange(R):
        for d in range(D):
            grad_x[r, d] = grad_y[times[r], samples[r], d]


@cuda.jit
def pad_packed_sequence_backward_x_cuda(grad_y, times, samples, grad_x):
    R, D = grad_x.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    r = i // D
    d = i % D
    grad_x[r, d] = grad_y[times[r], samples[r], d]


class PadPackedSequenceFunction(Function):
    """Padding on the tape. x (R, *), times and samples (R), rows (T, N); y (T, N, *)."""

    @staticmethod
    def forward(ctx, x, times, samples, rows, padding):
        R, D = len(x), math.prod(x.shape[1:])
        ctx.save_for_backward(times, samples)
        ctx.extents, ctx.shape = (*rows.shape, D), x.shape
        y = x.new_empty((*rows.shape, *x.shape[1:]))
        run = on(x.device, pad_packed_sequence_forward_cpu, pad_packed_sequence_forward_cuda, y.numel())
        run(*shaped((R, D), x), *arrays(rows), *shaped(ctx.extents, y), padding)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        times, samples = ctx.saved_tensors
        grad_x = grad_y.new_empty(ctx.shape)
        run = on(grad_y.device, pad_packed_sequence_backward_x_cpu, pad_packed_sequence_backward_x_cuda, grad_x.numel())
        dense = shaped((len(grad_x), ctx.extents[2]), grad_x)
        run(*shaped(ctx.extents, grad_y), *arrays(times, samples), *dense)
        return grad_x, None, None, None, None


def pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None):
    """The sequences, padded to one length, and their lengths. Both are in the order in which they were packed.

    Args:
        sequence: a PackedSequence.
        batch_first: whether the result is (N, T, *) and not (T, N, *).
        padding_value: what stands where a sequence has ended.
        total_length: T; None means the length of the longest sequence.

    Raises:
        ValueError: `total_length` is less than the length of the longest sequence.
    """
    data, batch_sizes, order = sequence.data, sequence.batch_sizes.numpy(), sequence.sorted_indices
    T = len(batch_sizes) if total_length is None else total_length
    if T < len(batch_sizes):
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {len(batch_sizes)}"
        )
    order = None if order is None else order.cpu().numpy()
    times, samples, rows = row_tables(batch_sizes, order, T)
    padding = data.dtype.numpy.type(padding_value)
    y = PadPackedSequenceFunction.apply(data, *on_device_of(data, times, samples, rows), padding)
    lengths = from_numpy(np.asarray((rows >= 0).sum(0), np.int64))
    return y.transpose(0, 1) if batch_first else y, lengths
