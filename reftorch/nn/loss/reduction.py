"""Shared by all losses: the names of the reductions, old and new, and the sum over the losses of a batch.

A loss gives one number for each sample. `reduction="none"` returns them, "sum" their sum, "mean" their (weighted) mean.
"""

from __future__ import annotations

import math
import sys
import warnings

import numpy as np

from reftorch.kernel import SERIAL, cuda, flat, njit, on
from reftorch.nn.module import Module
from reftorch.tensor import Tensor
from reftorch.types import CPU


def reduction_name(reduction: str, size_average: bool | None = None, reduce: bool | None = None) -> str:
    """The valid name of the reduction: "none", "mean" or "sum".

    `size_average` and `reduce` are deprecated; giving either (not None) overrides `reduction`, with a warning. Each counts as
    True where only the other is given.

    Raises:
        ValueError: `reduction` is none of the three.
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    if reduction == "elementwise_mean":  # what "mean" was called in PyTorch 0.4.1
        warnings.warn(
            "reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.",
            stacklevel=_callers_level(),
        )
        reduction = "mean"
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction!r} is not a valid value for reduction: it is 'none', 'mean' or 'sum'")
    return reduction


def legacy_reduction(size_average: bool | None, reduce: bool | None) -> str:
    """The reduction that the two deprecated arguments stand for, with torch's warning."""
    if reduce is not None and not reduce:
        reduction = "none"
    elif size_average is None or size_average:
        reduction = "mean"
    else:
        reduction = "sum"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
        stacklevel=_callers_level(),
    )
    return reduction


def _callers_level() -> int:
    """The `stacklevel` with which a warning points at the first line outside this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("reftorch."):
        level, frame = level + 1, frame.f_back
    return level


class _Loss(Module):
    """Base of all losses: keeps `reduction`, which is not checked before the first call."""

    reduction: str

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        if size_average is not None or reduce is not None:
            reduction = legacy_reduction(size_average, reduce)
        self.reduction = reduction


class _WeightedLoss(_Loss):
    """Base of the losses with a weight for each class: a buffer, so that it moves with the Module and is in its state_dict."""

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


# ## The sum of all losses
#
# The CPU adds one loss after the other, in float64, because the sum is long. The CUDA kernel has another body: a single thread
# would be slow, and atomics would add in a different order in each run, and so round differently. One block of threads computes
# the sum; the number of threads is a power of two. With 256 threads, each adds every 256th value. Then half of the threads add
# the partial sums of the other half, and so on, until one number is left. The order never changes. Each `syncthreads` waits until
# all threads have written, before one of them reads. So no thread may return early.
BLOCK = 256  # largest number of threads


@njit(**SERIAL)
def loss_sum_cpu(loss, total):
    acc = np.float64(0)
    for i in range(loss.size):
        acc += loss[i]
    total[0] = acc


@cuda.jit
def loss_sum_cuda(loss, total):
    partial = cuda.shared.array(BLOCK, total.dtype)
    thread = cuda.threadIdx.x
    threads = cuda.blockDim.x
    acc = total.dtype.type(0)
    for i in range(thread, loss.size, threads):
        acc += loss[i]
    partial[thread] = acc
    cuda.syncthreads()
    half = threads // 2
    while half > 0:
        if thread < half:
            partial[thread] += partial[thread + half]
        cuda.syncthreads()
        half //= 2
    if thread == 0:
        total[0] = partial[0]


def loss_sum(loss: Tensor) -> Tensor:
    """The sum of all elements, a tensor of shape (); the same to the last bit in each run. Not recorded on the tape."""
    total = loss.new_empty(())
    run = on(loss.device, loss_sum_cpu, loss_sum_cuda, _threads(loss), one_block=True)
    run(*flat(loss, total))
    return total


def _threads(loss: Tensor) -> int:
    """The number of threads: that of the values, rounded up to a power of two, and at most BLOCK."""
    return min(BLOCK, 1 << max(0, loss.numel() - 1).bit_length())


# ## The weighted mean of all losses
#
# The sum of the losses, divided by the sum of the shares (how much each sample counts). If the shares sum to 0, the divisor is
# NaN and not 0. So the mean and every gradient are NaN then.
@njit(**SERIAL)
def loss_mean_cpu(loss, share, mean, divisor):
    acc = np.float64(0)
    shares = np.float64(0)
    for i in range(loss.size):
        acc += loss[i]
        shares += share[i]
    divisor[0] = shares * (shares / shares)
    mean[0] = acc / divisor[0]


@cuda.jit
def loss_mean_cuda(loss, share, mean, divisor):
    partial = cuda.shared.array(BLOCK, mean.dtype)
    partial_shares = cuda.shared.array(BLOCK, mean.dtype)
    thread = cuda.threadIdx.x
    threads = cuda.blockDim.x
    acc = mean.dtype.type(0)
    shares = mean.dtype.type(0)
    for i in range(thread, loss.size, threads):
        acc += loss[i]
        shares += share[i]
    partial[thread] = acc
    partial_shares[thread] = shares
    cuda.syncthreads()
    half = threads // 2
    while half > 0:
        if thread < half:
            partial[thread] += partial[thread + half]
            partial_shares[thread] += partial_shares[thread + half]
        cuda.syncthreads()
        half //= 2
    if thread == 0:
        shares = partial_shares[0]
        divisor[0] = shares * (shares / shares)
        mean[0] = partial[0] / divisor[0]


def loss_mean(loss: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of all elements of `loss` divided by that of `share`, and this divisor. Not recorded on the tape."""
    mean, divisor = loss.new_empty(()), loss.new_empty(())
    run = on(loss.device, loss_mean_cpu, loss_mean_cuda, _threads(loss), one_block=True)
    run(*flat(loss, share, mean, divisor))
    return mean, divisor


# The gradient of the mean is the same for each loss: the upstream gradient over the divisor.
@njit(**SERIAL)
def loss_mean_backward_cpu(grad_y, divisor, grad_loss):
    for i in range(grad_loss.size):
        grad_loss[i] = grad_y[0] / divisor[0]


@cuda.jit
def loss_mean_backward_cuda(grad_y, divisor, grad_loss):
    i = cuda.grid(1)
    if i >= grad_loss.size:
        return
    grad_loss[i] = grad_y[0] / divisor[0]


def loss_mean_backward(grad_y: Tensor, divisor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The gradient of each loss, given that of their mean."""
    grad_loss = grad_y.new_empty(shape)
    run = on(grad_y.device, loss_mean_backward_cpu, loss_mean_backward_cuda, grad_loss.numel())
    run(*flat(grad_y, divisor, grad_loss))
    return grad_loss


# ## The reduction of a loss, and its gradient
def reduced(loss: Tensor, reduction: str) -> Tensor:
    """The losses as they are, their mean or their sum; for a Function's forward, not recorded on the tape."""
    if reduction == "none":
        return loss
    total = loss_sum(loss)
    return _shared(total, loss.numel(), ()) if reduction == "mean" else total


def _shared(total: Tensor, count: int, shape: tuple[int, ...]) -> Tensor:
    """The total divided by the count, with this shape."""
    if total.device is not CPU or total.array.size != 1 or count == 0:
        return (total / count).expand(shape)
    result = total.new_empty(shape)
    result.array.fill(total.array.reshape(())[()] / total.dtype.numpy.type(count))  # one division, however many share
    return result


def grad_of_each(grad_y: Tensor, shape: tuple[int, ...], reduction: str) -> Tensor:
    """The gradient of each loss, given that of `reduced(loss, reduction)`: the same for all, divided by their number for the mean."""
    count = math.prod(shape)
    return _shared(grad_y, count, shape) if reduction == "mean" and count else grad_y.expand(shape)
