r"""Normalization of images: the mean of each channel is subtracted, and the result is divided by its standard deviation.

With the mean and deviation of the training images, the numbers that enter a network are centred on 0 with a spread of 1,
whatever the units of the pixels were. The two are given, not learned and not computed here (that is what BatchNorm does).

Use it when images enter a network; `batch_norm2d` computes the mean and the deviation from each batch, inside the network.

## Forward

One pixel of 5 with mean 3 and deviation 2 becomes $(5 - 3) / 2 = 1$. In general:

$$y[n, c, h, w] = \frac{x[n, c, h, w] - m[c]}{s[c]}$$

## Gradients

Each output is a linear function of its pixel with slope $1 / s$, so the chain rule gives

$$\frac{\partial L}{\partial x}[n, c, h, w] = \frac{1}{s[c]} \, \frac{\partial L}{\partial y}[n, c, h, w]$$

Mean and deviation may be tensors that require a gradient themselves. They touch every pixel of their channel, so theirs are
sums:

$$\frac{\partial L}{\partial m}[c] = - \frac{1}{s[c]} \sum_{n, h, w} \frac{\partial L}{\partial y}[n, c, h, w]$$

$$\frac{\partial L}{\partial s}[c] = - \frac{1}{s[c]} \sum_{n, h, w} y[n, c, h, w] \, \frac{\partial L}{\partial y}[n, c, h, w]$$

No gradient needs $x$. That is why the operation may overwrite its input.

## Cost

One subtraction and one division a pixel; 8 bytes of it are read and written in float32, forward and backward alike. The
gradients of mean and deviation read the gradient of $y$ once more, that of the deviation also $y$.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, H, W)$ | input: images |
| $y$ | `y` | $(N, C, H, W)$ | output: normalized images |
| $m$ | `mean` | $(C)$ | what is taken away, for each channel |
| $s$ | `std` | $(C)$, not zero | what is divided by, for each channel |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, H, W)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, H, W)$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial m}$ | `grad_mean` | $(C)$ | gradient of the loss for the means |
| $\frac{\partial L}{\partial s}$ | `grad_std` | $(C)$ | gradient of the loss for the deviations |
| $n$ | `n` | $0 \le n < N$ | image of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $h$ | `h` | $0 \le h < H$ | row |
| $w$ | `w` | $0 \le w < W$ | column |

## Worked example

Two channels of one row. The second has larger numbers and a larger spread; afterwards they are alike:

>>> import reftorch as torch
>>> from reftorch.transforms import Normalize, functional
>>> x = torch.tensor([[[1., 3, 5]],
...                   [[10., 20, 30]]], requires_grad=True)
>>> y = Normalize(mean=[3, 20], std=[2, 10])(x)
>>> y.tolist()
[[[-1.0, 0.0, 1.0]], [[-1.0, 0.0, 1.0]]]
>>> y.backward(torch.tensor([[[2., 4, 6]],
...                          [[10., 0, 30]]]))
>>> x.grad.tolist()
[[[1.0, 2.0, 3.0]], [[1.0, 0.0, 3.0]]]

Mean and deviation can be learned:

>>> mean, std = torch.tensor([3., 20], requires_grad=True), torch.tensor([2., 10], requires_grad=True)
>>> y = functional.normalize(x, mean, std)
>>> y.backward(torch.tensor([[[2., 4, 6]],
...                          [[10., 0, 30]]]))
>>> print(mean.grad.tolist(), std.grad.tolist())
[-6.0, -4.0] [-2.0, -2.0]

## Questions

**Which mean and deviation do the outputs have, if those of the training images are given?**

Over the training images, mean 0 and deviation 1 in each channel.

**What is the gradient of a pixel of a channel with deviation 10?**

A tenth of the gradient that arrives: the derivative is $1 / s$.

**Why may the operation overwrite its input?**

No gradient reads $x$.

## Differences

- The deviation is what is divided by, not the variance, and nothing small is added to it: a deviation of zero is an error. -
Mean and deviation of any shape that broadcasts are taken, as in torchvision: one value for all channels, or one for each
pixel. The latter is ordinary tensor arithmetic and does not use the kernels here; nor do images of float16.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.module import Module
from reftorch.ops.creation import as_tensor
from reftorch.tensor import Tensor

__all__ = ["Normalize", "normalize"]


# ## Centre and scale
#
# $$y[n, c, h, w] = \frac{x[n, c, h, w] - m[c]}{s[c]}$$
@njit(**PARALLEL)
def normalize_forward_cpu(x, mean, std, y):
    N, C, H, W = x.shape
    for n in prange(N):
        for c in range(C):
            for h in range(H):
                for w in range(W):
                    y[n, c, h, w] = (x[n, c, h, w] - mean[c]) / std[c]


@cuda.jit
def normalize_forward_cuda(x, mean, std, y):
    N, C, H, W = x.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w = i % W
    h = i // W % H
    c = i // (W * H) % C
    n = i // (W * H * C)
    y[n, c, h, w] = (x[n, c, h, w] - mean[c]) / std[c]


# ## The gradient of the images
#
# $$\frac{\partial L}{\partial x}[n, c, h, w] = \frac{1}{s[c]} \, \frac{\partial L}{\partial y}[n, c, h, w]$$
@njit(**PARALLEL)
def normalize_backward_x_cpu(grad_y, std, grad_x):
    N, C, H, W = grad_y.shape
    for n in prange(N):
        for c in range(C):
            for h in range(H):
                for w in range(W):
                    grad_x[n, c, h, w] = grad_y[n, c, h, w] / std[c]


@cuda.jit
def normalize_backward_x_cuda(grad_y, std, grad_x):
    N, C, H, W = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w = i % W
    h = i // W % H
    c = i // (W * H) % C
    n = i // (W * H * C)
    grad_x[n, c, h, w] = grad_y[n, c, h, w] / std[c]


# ## The gradient of the means
#
# $$\frac{\partial L}{\partial m}[c] = - \frac{1}{s[c]} \sum_{n, h, w} \frac{\partial L}{\partial y}[n, c, h, w]$$
@njit(**PARALLEL)
def normalize_backward_mean_cpu(grad_y, std, grad_mean):
    N, C, H, W = grad_y.shape
    for c in prange(C):
        total = np.float64(0)
        for n in range(N):
            for h in range(H):
                for w in range(W):
                    total += grad_y[n, c, h, w]
        grad_mean[c] = -total / std[c]


@cuda.jit
def normalize_backward_mean_cuda(grad_y, std, grad_mean):
    N, C, H, W = grad_y.shape
    c = cuda.grid(1)
    if c >= C:
        return
    total = grad_mean.dtype.type(0)
    for n in range(N):
        for h in range(H):
            for w in range(W):
                total += grad_y[n, c, h, w]
    grad_mean[c] = -total / std[c]


# ## The gradient of the deviations
#
# $$\frac{\partial L}{\partial s}[c] =
# - \frac{1}{s[c]} \sum_{n, h, w} y[n, c, h, w] \, \frac{\partial L}{\partial y}[n, c, h, w]$$
@njit(**PARALLEL)
def normalize_backward_std_cpu(y, grad_y, std, grad_std):
    N, C, H, W = grad_y.shape
    for c in prange(C):
        total = np.float64(0)
        for n in range(N):
            for h in range(H):
                for w in range(W):
                    total += y[n, c, h, w] * grad_y[n, c, h, w]
        grad_std[c] = -total / std[c]


@cuda.jit
def normalize_backward_std_cuda(y, grad_y, std, grad_std):
    N, C, H, W = grad_y.shape
    c = cuda.grid(1)
    if c >= C:
        return
    total = grad_std.dtype.type(0)
    for n in range(N):
        for h in range(H):
            for w in range(W):
                total += y[n, c, h, w] * grad_y[n, c, h, w]
    grad_std[c] = -total / std[c]


def _images(tensor: Tensor) -> Tensor:
    """(..., C, H, W) as (N, C, H, W): a view where the tensor is contiguous."""
    if tensor.dim() == 4:
        return tensor
    return tensor.reshape(math.prod(tensor.shape[:-3]), *tensor.shape[-3:])


class NormalizeFunction(Function):
    """Normalization on the tape, for images (..., C, H, W) and C means and deviations."""

    @staticmethod
    def forward(ctx, x, mean, std, inplace):
        if inplace:
            ctx.mark_dirty(x)
        y = x if inplace and x.is_contiguous() else x.new_empty(x.shape)
        run = on(x.device, normalize_forward_cpu, normalize_forward_cuda, threads=y.numel())
        run(*arrays(_images(x), mean, std, _images(y)))
        if inplace and y is not x:
            y = x.copy_(y)
        ctx.save_for_backward(std, y if ctx.needs_input_grad[2] else None)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        std, y = ctx.saved_tensors
        device, C = grad_y.device, std.numel()
        grad_x = grad_mean = grad_std = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_y.new_empty(grad_y.shape)
            run = on(device, normalize_backward_x_cpu, normalize_backward_x_cuda, grad_x.numel())
            run(*arrays(_images(grad_y), std, _images(grad_x)))
        if ctx.needs_input_grad[1]:
            grad_mean = std.new_empty(C)
            run = on(device, normalize_backward_mean_cpu, normalize_backward_mean_cuda, threads=C)
            run(*arrays(_images(grad_y), std, grad_mean))
        if ctx.needs_input_grad[2]:
            grad_std = std.new_empty(C)
            run = on(device, normalize_backward_std_cpu, normalize_backward_std_cuda, threads=C)
            run(*arrays(_images(y), _images(grad_y), std, grad_std))
        return grad_x, grad_mean, grad_std, None


def _per_channel(values: Tensor, channels: int) -> Tensor | None:
    """`values` as one row with a number for each channel; None if they vary within a channel."""
    shape = tuple(values.shape)
    if shape == (channels,):
        return values
    if shape in ((), (1,), (1, 1, 1), (channels, 1, 1)):
        return values.reshape(-1).expand(channels)
    return None


def normalize(tensor: Tensor, mean: Any, std: Any, inplace: bool = False) -> Tensor:
    """`(tensor - mean) / std` for images: the functional form of `Normalize`.

    Args:
        tensor: floating point images (..., C, H, W), with any number of leading dimensions.
        mean, std: a sequence or tensor with a number for each channel; also what broadcasts to the images, such as one number.
        inplace: overwrite `tensor`.

    Raises:
        TypeError: `tensor` is no tensor, has fewer than 2 dimensions, or is not of floating point.
        ValueError: it has 2 dimensions, or `std` is zero after conversion to its dtype.
        RuntimeError: `mean` or `std` fit neither the channels nor the images; or `tensor` is a leaf that requires grad and
            `inplace` is True.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(
            f"img should be Tensor Image. Got {type(tensor)}: convert it with torch.tensor or torch.from_numpy"
        )
    size = list(tensor.shape)
    if len(size) < 2:
        raise TypeError(f"Tensor is not a torch image: expected size (..., C, H, W), got {size}")
    if not tensor.is_floating_point():
        raise TypeError(
            f"Input tensor should be a float tensor. Got {tensor.dtype}: for pixels from 0 to 255, img.float() / 255"
        )
    if len(size) < 3:
        raise ValueError(
            f"Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = {size}: "
            "add the channel with img.unsqueeze(0)"
        )
    mean = as_tensor(mean, dtype=tensor.dtype, device=tensor.device)
    std = as_tensor(std, dtype=tensor.dtype, device=tensor.device)
    if not std.detach().cpu().numpy().all():
        raise ValueError(
            f"std evaluated to zero after conversion to {tensor.dtype}, leading to division by zero: {std.tolist()}"
        )
    channels = size[-3]
    for name, values in (("mean", mean), ("std", std)):
        if values.dim() == 1 and values.numel() not in (1, channels):
            raise RuntimeError(
                f"{name} has {values.numel()} values, but images of size {size} have {channels} channels: "
                "give one value for each channel, or one for all"
            )
    if tensor.dtype.name in ("float32", "float64"):
        means, stds = _per_channel(mean, channels), _per_channel(std, channels)
        if means is not None and stds is not None:
            return NormalizeFunction.apply(tensor, means, stds, inplace)
    mean, std = (v.reshape(-1, 1, 1) if v.dim() == 1 else v for v in (mean, std))
    return (tensor if inplace else tensor.clone()).sub_(mean).div_(std)


class Normalize(Module):
    """Takes the mean from each channel of an image and divides by the standard deviation.

    Shape: (..., C, H, W), and the same for the result.

    Args:
        mean: a sequence of one number for each channel.
        std: likewise, none of them zero.
        inplace: overwrite the image that is given.

    Raises:
        TypeError, ValueError, RuntimeError: when called; see `normalize`.
    """

    def __init__(self, mean: Any, std: Any, inplace: bool = False) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor: Tensor) -> Tensor:
        """The normalized image."""
        return normalize(tensor, self.mean, self.std, self.inplace)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"
