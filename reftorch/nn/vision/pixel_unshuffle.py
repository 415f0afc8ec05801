r"""Makes images smaller by moving pixels into channels: each square of $r$ by $r$ pixels becomes $r^2$ channels of one pixel.

There is no arithmetic; the elements only move. It is the inverse of `PixelShuffle`.

Use it when an image should become smaller without losing information (pooling loses some): the layers behind it read all pixels, as
channels.

## Forward

For one channel and $r = 2$, each square of 2 by 2 pixels becomes four channels: the upper left pixel channel 0, upper right 1, lower left
2, lower right 3. In general

$$y[n, \; c r^2 + i r + j, \; h, w] = x[n, c, \; h r + i, \; w r + j]$$

## Gradients

Each pixel of $x$ is one element of $y$, and the derivative is 1. So its gradient is read from this element:

$$\frac{\partial L}{\partial x}[n, c, \; h r + i, \; w r + j] = \frac{\partial L}{\partial y}[n, \; c r^2 + i r + j, \; h, w]$$

## Output size

$(N, C, H r, W r)$ becomes $(N, C r^2, H, W)$; the number of elements stays the same.

## Cost

No arithmetic: each element is read once and written once, 8 bytes in float32.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, H r, W r)$ | input: large images |
| $y$ | `y` | $(N, C r^2, H, W)$ | output: small images with many channels |
| $\frac{\partial L}{\partial y}$ | `grad_y` | as $y$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | as $x$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | image of the batch; all dimensions before the channels are one |
| $c$ | `c` | $0 \le c < C$ | channel of the large image |
| $h$ | `h` | $0 \le h < H$ | row of the small image |
| $w$ | `w` | $0 \le w < W$ | column of the small image |
| $r$ | `r` | $\ge 1$ | factor between the sizes |
| $i$ | `row` | $0 \le i < r$ | row within a square of $r$ by $r$ |
| $j$ | `column` | $0 \le j < r$ | column within that square |

## Worked example

One channel of 2 by 4 becomes four channels of 1 by 2:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[1., 2, 5, 6],
...                     [3, 4, 7, 8]]]], requires_grad=True)
>>> y = F.pixel_unshuffle(x, 2)
>>> y
tensor([[[[1., 5.]],
<BLANKLINE>
         [[2., 6.]],
<BLANKLINE>
         [[3., 7.]],
<BLANKLINE>
         [[4., 8.]]]], grad_fn=<PixelUnshuffleBackward0>)
>>> y.backward(torch.tensor([[[[10., 20]], [[30, 40]], [[50, 60]], [[70, 80]]]]))
>>> x.grad
tensor([[[[10., 30., 20., 40.],
          [50., 70., 60., 80.]]]])

## Questions

**What does one channel of the result show?**

Every $r$-th row and column of the image.

>>> x = torch.randn(1, 1, 6, 6)
>>> torch.equal(F.pixel_unshuffle(x, 2)[:, 3], x[:, 0, 1::2, 1::2])
True

**How is it related to unfold?**

It cuts the same squares as `unfold` with a stride of $r$; only the shape of the result differs:

>>> x = torch.randn(2, 3, 4, 6)
>>> torch.equal(F.pixel_unshuffle(x, 2).flatten(2), F.unfold(x, 2, stride=2))
True

**What is the gradient of `pixel_shuffle`?**

This operation: it moves each gradient to the place that its element came from.

## Differences

None. A tensor without elements keeps its shape, as in PyTorch on the CPU, although the formula for the size gives another one."""

from __future__ import annotations

import math
from operator import index

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, njit, on, prange, shaped
from reftorch.nn.arguments import COPIED, check_tensors, options_text
from reftorch.nn.module import Module


# ## The output
#
# $$y[n, \; c r^2 + i r + j, \; h, w] = x[n, c, \; h r + i, \; w r + j]$$
@njit(**PARALLEL)
def pixel_unshuffle_forward_cpu(x, y, r):
    N, C, H_large, W_large = x.shape
    N, C_small, H, W = y.shape
    for nc in prange(N * C_small):
        n = nc // C_small
        c_small = nc % C_small
        for h in range(H):
            for w in range(W):
                c = c_small // (r * r)
                row = c_small // r % r
                column = c_small % r
                y[n, c_small, h, w] = x[n, c, h * r + row, w * r + column]


@cuda.jit
def pixel_unshuffle_forward_cuda(x, y, r):
    N, C, H_large, W_large = x.shape
    N, C_small, H, W = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w = i % W
    h = i // W % H
    nc = i // (W * H)
    n = nc // C_small
    c_small = nc % C_small
    c = c_small // (r * r)
    row = c_small // r % r
    column = c_small % r
    y[n, c_small, h, w] = x[n, c, h * r + row, w * r + column]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, \; h r + i, \; w r + j] = \frac{\partial L}{\partial y}[n, \; c r^2 + i r + j, \; h, w]$$
#
# Row h_large of x is row `row` of the squares of row h.
@njit(**PARALLEL)
def pixel_unshuffle_backward_x_cpu(grad_y, grad_x, r):
    N, C_small, H, W = grad_y.shape
    N, C, H_large, W_large = grad_x.shape
    for nc in prange(N * C):
        n = nc // C
        c = nc % C
        for h_large in range(H_large):
            for w_large in range(W_large):
                h = h_large // r
                row = h_large % r
                w = w_large // r
                column = w_large % r
                grad_x[n, c, h_large, w_large] = grad_y[n, c * r * r + row * r + column, h, w]


@cuda.jit
def pixel_unshuffle_backward_x_cuda(grad_y, grad_x, r):
    N, C_small, H, W = grad_y.shape
    N, C, H_large, W_large = grad_x.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w_large = i % W_large
    h_large = i // W_large % H_large
    nc = i // (W_large * H_large)
    n = nc // C
    c = nc % C
    h = h_large // r
    row = h_large % r
    w = w_large // r
    column = w_large % r
    grad_x[n, c, h_large, w_large] = grad_y[n, c * r * r + row * r + column, h, w]


class PixelUnshuffleFunction(Function):
    """Pixels put into channels, on the tape. x (..., C, H r, W r)."""

    @staticmethod
    def forward(ctx, x, r):
        ctx.size, ctx.r = x.shape, r
        *front, C, H, W = x.shape
        y = x.new_empty(*front, C * r * r, H // r, W // r)
        run = on(x.device, pixel_unshuffle_forward_cpu, pixel_unshuffle_forward_cuda, y.numel())
        run(*images(x, y), r)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.size)
        run = on(grad_y.device, pixel_unshuffle_backward_x_cpu, pixel_unshuffle_backward_x_cuda, grad_x.numel())
        run(*images(grad_y, grad_x), ctx.r)
        return grad_x, None


def images(*tensors):
    """The arrays of the tensors with all dimensions before the channels as one."""
    return [shaped((math.prod(t.shape[:-3]), *t.shape[-3:]), t)[0] for t in tensors]


def pixel_unshuffle(input, downscale_factor):
    """Pixels put into channels.

    Shapes: `input` (..., C, H r, W r) with r = `downscale_factor`; the result (..., C r^2, H, W).

    Raises:
        RuntimeError: fewer than three dimensions, rows or columns that r does not divide, a factor below 1.
        TypeError: `input` is not a tensor, or the factor not an int.
        NotImplementedError: float16, for which there is no kernel.
    """
    check_tensors("pixel_unshuffle", allowed=COPIED, input=input)
    if not hasattr(downscale_factor, "__index__"):
        raise TypeError(
            f"pixel_unshuffle(): argument 'downscale_factor' must be int, not {type(downscale_factor).__name__}"
        )
    if input.dim() < 3:
        raise RuntimeError(
            f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {input.dim()} dimension(s): "
            f"{list(input.shape)}; an image without channels needs x.unsqueeze(0)"
        )
    r = index(downscale_factor)
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    for name, dim in (("height", -2), ("width", -1)):
        if input.shape[dim] % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({dim})={input.shape[dim]} "
                f"is not divisible by {r}: crop or pad the image"
            )
    if input.numel() == 0:
        return input.clone()  # as PyTorch on the CPU: the shape stays
    return PixelUnshuffleFunction.apply(input, r)


class PixelUnshuffle(Module):
    """Pixels put into channels, as a layer. It has no parameters.

    Args:
        downscale_factor: how many times fewer rows and columns the result has.

    Shapes and errors: as `pixel_unshuffle`, which raises them when the layer is called.
    """

    def __init__(self, downscale_factor):
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input):
        return pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self):
        return options_text(self, "downscale_factor")
