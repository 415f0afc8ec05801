r"""Dropout of channels: in training each channel of each sample is set to zero as a whole with probability p.

The other channels are made larger to compensate. In evaluation the input is returned unchanged.

Use it when the input has channels whose neighbouring elements carry nearly the same information, as after a convolution: there,
dropping single pixels removes little information. `Dropout1d` is for sequences, `Dropout2d` for images, `Dropout3d` for volumes;
for vectors of features use `Dropout`.

## Forward

A mask $m$ has one element for each channel of each sample: 1 with probability $q = 1 - p$, else 0. A channel that is kept is
divided by $q$, so that the expected value of each output is its input:

$$y[n, c, d] = x[n, c, d] \, \frac{m[n, c]}{q}$$

With $p = 1$ all channels are dropped: no number is drawn, and $x$ is multiplied by 0.

## Gradients

The mask is a constant, drawn in forward and kept for backward:

$$\frac{\partial L}{\partial x}[n, c, d] = \frac{\partial L}{\partial y}[n, c, d] \, \frac{m[n, c]}{q}$$

## Cost

One multiplication per element, and one random number and one division per channel. Forward reads $x$ and writes $y$: 8 bytes per
element in float32. Backward moves as many.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D)$ | input, all dimensions after the channels as one |
| $m$ | `mask` | $(N, C)$, 0 or 1 | whether the channel is kept |
| $q$ | `keep` | $0 < q \le 1$ | probability that a channel is kept, $1 - p$ |
| $y$ | `y` | $(N, C, D)$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, D)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, D)$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $d$ | `d` | $0 \le d < D$ | position inside the channel |

## Worked example

Two samples of three channels with two elements each; half of the channels are dropped, the others are doubled:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> _ = torch.manual_seed(8)
>>> x = torch.tensor([[[1., 2], [3, 4], [5, 6]],
...                   [[1, 2], [3, 4], [5, 6]]], requires_grad=True)
>>> y = F.dropout1d(x, p=0.5)
>>> y
tensor([[[ 0.,  0.],
         [ 0.,  0.],
         [10., 12.]],
<BLANKLINE>
        [[ 2.,  4.],
         [ 0.,  0.],
         [10., 12.]]], grad_fn=<ChannelDropoutBackward0>)
>>> y.sum().backward()
>>> x.grad[1]
tensor([[2., 2.],
        [0., 0.],
        [2., 2.]])

## Questions

**How many random numbers are drawn for an input of shape (8, 3, 10, 10)?**

One for each channel of each sample.

>>> 8 * 3
24

**Is the same channel dropped in all samples?**

No, each sample has its own mask, as the example shows.

**Does Dropout2d take an image without a batch dimension, (C, H, W)?**

No, as in PyTorch: an input with three dimensions is read as (N, C, L), with a warning. `Dropout1d` takes
(C, L), `Dropout3d` takes (C, D, H, W).
"""

from __future__ import annotations

import math
import warnings

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange, shaped
from reftorch.nn.dropout.dropout_nd import _DropoutNd, channel_mask, check_dropout


# ## The output
#
# $$y[n, c, d] = x[n, c, d] \, \frac{m[n, c]}{q}$$
@njit(**PARALLEL)
def channel_dropout_forward_cpu(x, mask, y, keep):
    N, C, D = x.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        scale = mask[n, c] / x.dtype.type(keep)
        for d in range(D):
            y[n, c, d] = x[n, c, d] * scale


@cuda.jit
def channel_dropout_forward_cuda(x, mask, y, keep):
    N, C, D = x.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    d = i % D
    plane = i // D
    n = plane // C
    c = plane % C
    scale = mask[n, c] / x.dtype.type(keep)
    y[n, c, d] = x[n, c, d] * scale


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, d] = \frac{\partial L}{\partial y}[n, c, d] \, \frac{m[n, c]}{q}$$
#
# Backward uses the mask that forward has drawn.
@njit(**PARALLEL)
def channel_dropout_backward_x_cpu(grad_y, mask, grad_x, keep):
    N, C, D = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        scale = mask[n, c] / grad_y.dtype.type(keep)
        for d in range(D):
            grad_x[n, c, d] = grad_y[n, c, d] * scale


@cuda.jit
def channel_dropout_backward_x_cuda(grad_y, mask, grad_x, keep):
    N, C, D = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    d = i % D
    plane = i // D
    n = plane // C
    c = plane % C
    scale = mask[n, c] / grad_y.dtype.type(keep)
    grad_x[n, c, d] = grad_y[n, c, d] * scale


class ChannelDropoutFunction(Function):
    """Dropout of channels on the tape. x (N, C, *), mask (N, C); y as x, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, mask, keep, inplace):
        if inplace:
            ctx.mark_dirty(x)
        ctx.save_for_backward(mask)
        ctx.keep = keep
        dense = x.contiguous()  # x itself, unless it is a strided view
        y = dense if inplace else x.new_empty(x.shape)
        run = on(x.device, channel_dropout_forward_cpu, channel_dropout_forward_cuda, threads=x.numel())
        extents = *mask.shape, math.prod(x.shape[2:])
        source, out = shaped(extents, dense, y)
        run(source, *arrays(mask), out, keep)
        if inplace and y is not x:
            x.data.copy_(y)
            y = x
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (mask,) = ctx.saved_tensors
        grad_x = grad_y.new_empty(grad_y.shape)
        run = on(grad_y.device, channel_dropout_backward_x_cpu, channel_dropout_backward_x_cuda, threads=grad_y.numel())
        given, found = shaped((*mask.shape, math.prod(grad_y.shape[2:])), grad_y, grad_x)
        run(given, *arrays(mask), found, ctx.keep)
        return grad_x, None, None, None


def _of_channels(function, input, p, training, inplace):
    """Dropout of the second dimension of the input. `p` is checked."""
    if not training or p == 0 or input.numel() == 0:
        return input
    if input.ndim < 2:
        raise RuntimeError(
            f"{function}: Feature dropout requires at least 2 dimensions in the input, found {input.ndim}"
        )
    return ChannelDropoutFunction.apply(input, channel_mask(input, p), 1 - p or 1.0, bool(inplace))  # p = 1: mask all 0


def _unbatched(function, input, p, training, inplace):
    """Dropout of the first dimension of the input, which has no batch dimension."""
    y = _of_channels(function, input.unsqueeze(0), p, training, inplace)
    return input if inplace else y.squeeze(0)


def dropout1d(input, p=0.5, training=True, inplace=False):
    """Set each channel of sequences to zero with probability `p` and divide the others by 1 - p, in `training` only.

    Shapes: (N, C, L) or (C, L); the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        ValueError: `p` is not between 0 and 1.
        RuntimeError: another number of dimensions; not floating point; in place on a leaf that requires grad.
        TypeError: `input` is not a tensor, `p` not a number or `training` not a bool.
    """
    p = check_dropout("dropout1d", input, p, training)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input: wanted (N, C, L) or (C, L), found "
            f"{list(input.shape)}. Note that dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension"
        )
    drop = _of_channels if input.ndim == 3 else _unbatched
    return drop("dropout1d", input, p, training, inplace)


def dropout2d(input, p=0.5, training=True, inplace=False):
    """Set each channel of images to zero with probability `p` and divide the others by 1 - p, in `training` only.

    Shapes: (N, C, H, W); the result has the same, or is `input` itself, changed, if `inplace`. With a warning also (N, C, L) and
    other shapes with channels in the second dimension.

    Raises: as `dropout1d`.
    """
    p = check_dropout("dropout2d", input, p, training)
    if input.ndim not in (3, 4):
        _warn("dropout2d", input, "3D or 4D")
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired - input "
            "is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a future release to "
            "interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise "
            "dropout behavior, please switch to using dropout1d instead.",
            stacklevel=2,
        )
    return _of_channels("dropout2d", input, p, training, inplace)


def dropout3d(input, p=0.5, training=True, inplace=False):
    """Set each channel of volumes to zero with probability `p` and divide the others by 1 - p, in `training` only.

    Shapes: (N, C, D, H, W) or (C, D, H, W); the result has the same, or is `input` itself, changed, if `inplace`. With a warning
    also other shapes with channels in the first dimension.

    Raises: as `dropout1d`.
    """
    p = check_dropout("dropout3d", input, p, training)
    if input.ndim not in (4, 5):
        _warn("dropout3d", input, "4D or 5D")
    drop = _of_channels if input.ndim == 5 or input.ndim == 0 else _unbatched
    return drop("dropout3d", input, p, training, inplace)


def _warn(function, input, wanted):
    warnings.warn(
        f"{function}: Received a {input.ndim}-D input to {function}, which is deprecated and will result in an error in a future "
        "release. To retain the behavior and silence this warning, please use dropout instead. Note that "
        f"{function} exists to provide channel-wise dropout on {wanted} inputs.",
        stacklevel=3,
    )


class Dropout1d(_DropoutNd):
    """Dropout of the channels of sequences, as a layer.

    Args:
        p: the probability that a channel is set to zero.
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.

    Shapes: input (N, C, L) or (C, L); output the same. Errors as `dropout1d`, when the layer is called.

    Raises:
        ValueError: `p` is not between 0 and 1.
    """

    def forward(self, input):
        return dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Dropout of the channels of images, as a layer. Args and errors as `Dropout1d`.

    Shapes: input (N, C, H, W); output the same.
    """

    def forward(self, input):
        return dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Dropout of the channels of volumes, as a layer. Args and errors as `Dropout1d`.

    Shapes: input (N, C, D, H, W) or (C, D, H, W); output the same.
    """

    def forward(self, input):
        return dropout3d(input, self.p, self.training, self.inplace)
