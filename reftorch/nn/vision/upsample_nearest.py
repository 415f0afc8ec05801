r"""Nearest-neighbour interpolation: each pixel of the result is a copy of one pixel of the input.

It makes sequences, images and volumes larger by repeating pixels, or smaller by leaving pixels out. No new values are computed.

Use it when values must not be mixed, as in a map of class numbers, or when speed counts; `upsample_bilinear2d` gives smooth
images. `mode="nearest-exact"` of `interpolate` is centred, as in other image libraries; `mode="nearest"` is shifted by half a
pixel of the result.

## Forward

Along one dimension the output at $w_{out}$ shows the input at $q_w(w_{out})$:

$$y[n, c, w_{out}] = x[n, c, q_w(w_{out})] \qquad q_w(w_{out}) = \min(\lfloor w_{out} \, r_w \rfloor, W_{in} - 1)$$

where $r_w$ is the distance between neighbouring outputs, measured in pixels of the input: 1/2 where the result is twice as wide.
`nearest-exact` takes the pixel in which the centre of the output pixel lies:

$$q_w(w_{out}) = \min(\lfloor (w_{out} + 1/2) \, r_w \rfloor, W_{in} - 1)$$

In two and three dimensions each dimension has its own $r$, and each index is found by itself:

$$y[n, c, h_{out}, w_{out}] = x[n, c, q_h(h_{out}), q_w(w_{out})]$$

$$y[n, c, d_{out}, h_{out}, w_{out}] = x[n, c, q_d(d_{out}), q_h(h_{out}), q_w(w_{out})]$$

## Gradients

The derivative of an output with respect to the pixel that it shows is 1, with respect to all others 0. So the gradient of a pixel is
the sum over the outputs that show it. The bracket $[\,]$ is 1 if the equation in it holds, and 0 otherwise:

$$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}, w_{out}} [q_h(h_{out}) = h_{in}] \, [q_w(w_{out}) = w_{in}] \,
\frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$

In one and three dimensions there are as many factors and sums as dimensions. Only outputs near $w_{in} / r_w$ can show the pixel
$w_{in}$, so the loops run over these.

## Cost

Two operations for each index. Forward reads one pixel and writes one per element of the output. Backward tests about
$1 / r + 3$ outputs along each dimension for every pixel.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D_{in}, H_{in}, W_{in})$ | input; $D_{in}$ and $H_{in}$ only in more dimensions |
| $y$ | `y` | $(N, C, D_{out}, H_{out}, W_{out})$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | shape of $y$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | image of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $d_{out}$ | `d_out` | $0 \le d_{out} < D_{out}$ | plane of the output |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of the output |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of the output |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the input |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the input |
| $r_w$ | `scale_w` | $> 0$ | distance between neighbouring outputs in a row, in pixels of the input |

## Worked example

Three pixels become five, so $r_w = 3 / 5$. The first two pixels are shown twice, the last one once:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[10., 20, 30]]], requires_grad=True)
>>> y = F.interpolate(x, size=5, mode="nearest")
>>> y
tensor([[[10., 10., 20., 20., 30.]]], grad_fn=<UpsampleNearest1DBackward0>)
>>> y.backward(torch.tensor([[[1., 2, 3, 4, 5]]]))
>>> x.grad
tensor([[[3., 7., 5.]]])

The exact form is symmetric:

>>> F.interpolate(x.detach(), size=5, mode="nearest-exact")
tensor([[[10., 10., 20., 30., 30.]]])

An image that becomes twice as high and three times as wide. Each pixel is shown six times:

>>> x = torch.tensor([[[[1., 2], [3, 4]]]], requires_grad=True)
>>> y = F.interpolate(x, scale_factor=(2, 3))
>>> y.detach()
tensor([[[[1., 1., 1., 2., 2., 2.],
          [1., 1., 1., 2., 2., 2.],
          [3., 3., 3., 4., 4., 4.],
          [3., 3., 3., 4., 4., 4.]]]])
>>> y.backward(torch.ones(1, 1, 4, 6))
>>> x.grad
tensor([[[[6., 6.],
          [6., 6.]]]])

A volume of one voxel that becomes one of two planes:

>>> x = torch.tensor([[[[[7.]]]]], requires_grad=True)
>>> y = F.interpolate(x, size=(2, 1, 1))
>>> y.tolist()
[[[[[7.0]], [[7.0]]]]]
>>> y.sum().backward()
>>> x.grad.item()
2.0

## Questions

**Which pixels remain when an image is made smaller by 2?**

Those with even indices: $q_w(w_{out}) = 2 \, w_{out}$. The exact form takes those with odd indices.

**What is the gradient of a pixel that is left out?**

0: no output shows it.

**Why is the exact form symmetric and the other not?**

With 3 pixels and 5 outputs the centres of the outputs lie at 0.3, 0.9, 1.5, 2.1 and 2.7, symmetric about the middle at 1.5. Without
the half they lie at 0, 0.6, 1.2, 1.8 and 2.4.

## Differences

A factor such as 2.3 makes 6 columns out of 3, and the distance is then $1 / 2.3$. If an extent stays equal or is exactly doubled,
PyTorch's loop for small images uses the distance 1 or 1/2 instead; `interpolate` does so for all images. PyTorch's gradient always
uses this distance, even if its forward pass did not; here the gradient is that of the forward pass.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange


# The pixel that output `o` shows, along one dimension. As in PyTorch, the product is rounded to float32 for every dtype.
@njit(**SERIAL)
def nearest_source(x, o, scale, exact, extent):
    position = x.dtype.type(o)
    if exact:
        position += x.dtype.type(0.5)
    return min(int(np.float32(position * x.dtype.type(scale))), extent - 1)


# The outputs that may show pixel `at`: from the first number up to, but not including, the second.
@njit(**SERIAL)
def outputs_near(x, at, scale, extent_out):
    first = int(math.floor(x.dtype.type(at) / x.dtype.type(scale))) - 1
    end = int(math.ceil(x.dtype.type(at + 1) / x.dtype.type(scale))) + 1
    return max(first, 0), min(end, extent_out)


# ## One dimension
#
# $$y[n, c, w_{out}] = x[n, c, q_w(w_{out})]$$
@njit(**PARALLEL)
def upsample_nearest1d_forward_cpu(x, y, scale_w, exact):
    N, C, W_in = x.shape
    N, C, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for w_out in range(W_out):
            w_in = nearest_source(x, w_out, scale_w, exact, W_in)
            y[n, c, w_out] = x[n, c, w_in]


@cuda.jit
def upsample_nearest1d_forward_cuda(x, y, scale_w, exact):
    N, C, W_in = x.shape
    N, C, W_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w_out = i % W_out
    plane = i // W_out
    n = plane // C
    c = plane % C
    w_in = nearest_source(x, w_out, scale_w, exact, W_in)
    y[n, c, w_out] = x[n, c, w_in]


# The gradient of a pixel is the sum over the outputs that show it.
@njit(**PARALLEL)
def upsample_nearest1d_backward_x_cpu(grad_y, grad_x, scale_w, exact):
    N, C, W_in = grad_x.shape
    N, C, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for w_in in range(W_in):
            acc = grad_x.dtype.type(0)
            w_first, w_end = outputs_near(grad_x, w_in, scale_w, W_out)
            for w_out in range(w_first, w_end):
                if nearest_source(grad_x, w_out, scale_w, exact, W_in) == w_in:
                    acc += grad_y[n, c, w_out]
            grad_x[n, c, w_in] = acc


@cuda.jit
def upsample_nearest1d_backward_x_cuda(grad_y, grad_x, scale_w, exact):
    N, C, W_in = grad_x.shape
    N, C, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w_in = i % W_in
    plane = i // W_in
    n = plane // C
    c = plane % C
    acc = grad_x.dtype.type(0)
    w_first, w_end = outputs_near(grad_x, w_in, scale_w, W_out)
    for w_out in range(w_first, w_end):
        if nearest_source(grad_x, w_out, scale_w, exact, W_in) == w_in:
            acc += grad_y[n, c, w_out]
    grad_x[n, c, w_in] = acc


# ## Two dimensions
#
# $$y[n, c, h_{out}, w_{out}] = x[n, c, q_h(h_{out}), q_w(w_{out})]$$
@njit(**PARALLEL)
def upsample_nearest2d_forward_cpu(x, y, scale_h, scale_w, exact):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_out in range(H_out):
            for w_out in range(W_out):
                h_in = nearest_source(x, h_out, scale_h, exact, H_in)
                w_in = nearest_source(x, w_out, scale_w, exact, W_in)
                y[n, c, h_out, w_out] = x[n, c, h_in, w_in]


@cuda.jit
def upsample_nearest2d_forward_cuda(x, y, scale_h, scale_w, exact):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w_out = i % W_out
    h_out = i // W_out % H_out
    plane = i // (W_out * H_out)
    n = plane // C
    c = plane % C
    h_in = nearest_source(x, h_out, scale_h, exact, H_in)
    w_in = nearest_source(x, w_out, scale_w, exact, W_in)
    y[n, c, h_out, w_out] = x[n, c, h_in, w_in]


# $$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}, w_{out}} [q_h(h_{out}) = h_{in}] \, [q_w(w_{out}) = w_{in}] \,
# \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$
@njit(**PARALLEL)
def upsample_nearest2d_backward_x_cpu(grad_y, grad_x, scale_h, scale_w, exact):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_in in range(H_in):
            for w_in in range(W_in):
                acc = grad_x.dtype.type(0)
                h_first, h_end = outputs_near(grad_x, h_in, scale_h, H_out)
                w_first, w_end = outputs_near(grad_x, w_in, scale_w, W_out)
                for h_out in range(h_first, h_end):
                    if nearest_source(grad_x, h_out, scale_h, exact, H_in) == h_in:
                        for w_out in range(w_first, w_end):
                            if nearest_source(grad_x, w_out, scale_w, exact, W_in) == w_in:
                                acc += grad_y[n, c, h_out, w_out]
                grad_x[n, c, h_in, w_in] = acc


@cuda.jit
def upsample_nearest2d_backward_x_cuda(grad_y, grad_x, scale_h, scale_w, exact):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w_in = i % W_in
    h_in = i // W_in % H_in
    plane = i // (W_in * H_in)
    n = plane // C
    c = plane % C
    acc = grad_x.dtype.type(0)
    h_first, h_end = outputs_near(grad_x, h_in, scale_h, H_out)
    w_first, w_end = outputs_near(grad_x, w_in, scale_w, W_out)
    for h_out in range(h_first, h_end):
        if nearest_source(grad_x, h_out, scale_h, exact, H_in) == h_in:
            for w_out in range(w_first, w_end):
                if nearest_source(grad_x, w_out, scale_w, exact, W_in) == w_in:
                    acc += grad_y[n, c, h_out, w_out]
    grad_x[n, c, h_in, w_in] = acc


# ## Three dimensions
#
# $$y[n, c, d_{out}, h_{out}, w_{out}] = x[n, c, q_d(d_{out}), q_h(h_{out}), q_w(w_{out})]$$
@njit(**PARALLEL)
def upsample_nearest3d_forward_cpu(x, y, scale_d, scale_h, scale_w, exact):
    N, C, D_in, H_in, W_in = x.shape
    N, C, D_out, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for d_out in range(D_out):
            for h_out in range(H_out):
                for w_out in range(W_out):
                    d_in = nearest_source(x, d_out, scale_d, exact, D_in)
                    h_in = nearest_source(x, h_out, scale_h, exact, H_in)
                    w_in = nearest_source(x, w_out, scale_w, exact, W_in)
                    y[n, c, d_out, h_out, w_out] = x[n, c, d_in, h_in, w_in]


@cuda.jit
def upsample_nearest3d_forward_cuda(x, y, scale_d, scale_h, scale_w, exact):
    N, C, D_in, H_in, W_in = x.shape
    N, C, D_out, H_out, W_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w_out = i % W_out
    h_out = i // W_out % H_out
    d_out = i // (W_out * H_out) % D_out
    plane = i // (W_out * H_out * D_out)
    n = plane // C
    c = plane % C
    d_in = nearest_source(x, d_out, scale_d, exact, D_in)
    h_in = nearest_source(x, h_out, scale_h, exact, H_in)
    w_in = nearest_source(x, w_out, scale_w, exact, W_in)
    y[n, c, d_out, h_out, w_out] = x[n, c, d_in, h_in, w_in]


# The gradient, with one more factor $[q_d(d_{out}) = d_{in}]$.
@njit(**PARALLEL)
def upsample_nearest3d_backward_x_cpu(grad_y, grad_x, scale_d, scale_h, scale_w, exact):
    N, C, D_in, H_in, W_in = grad_x.shape
    N, C, D_out, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for d_in in range(D_in):
            for h_in in range(H_in):
                for w_in in range(W_in):
                    acc = grad_x.dtype.type(0)
                    d_first, d_end = outputs_near(grad_x, d_in, scale_d, D_out)
                    h_first, h_end = outputs_near(grad_x, h_in, scale_h, H_out)
                    w_first, w_end = outputs_near(grad_x, w_in, scale_w, W_out)
                    for d_out in range(d_first, d_end):
                        if nearest_source(grad_x, d_out, scale_d, exact, D_in) == d_in:
                            for h_out in range(h_first, h_end):
                                if nearest_source(grad_x, h_out, scale_h, exact, H_in) == h_in:
                                    for w_out in range(w_first, w_end):
                                        if nearest_source(grad_x, w_out, scale_w, exact, W_in) == w_in:
                                            acc += grad_y[n, c, d_out, h_out, w_out]
                    grad_x[n, c, d_in, h_in, w_in] = acc


@cuda.jit
def upsample_nearest3d_backward_x_cuda(grad_y, grad_x, scale_d, scale_h, scale_w, exact):
    N, C, D_in, H_in, W_in = grad_x.shape
    N, C, D_out, H_out, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w_in = i % W_in
    h_in = i // W_in % H_in
    d_in = i // (W_in * H_in) % D_in
    plane = i // (W_in * H_in * D_in)
    n = plane // C
    c = plane % C
    acc = grad_x.dtype.type(0)
    d_first, d_end = outputs_near(grad_x, d_in, scale_d, D_out)
    h_first, h_end = outputs_near(grad_x, h_in, scale_h, H_out)
    w_first, w_end = outputs_near(grad_x, w_in, scale_w, W_out)
    for d_out in range(d_first, d_end):
        if nearest_source(grad_x, d_out, scale_d, exact, D_in) == d_in:
            for h_out in range(h_first, h_end):
                if nearest_source(grad_x, h_out, scale_h, exact, H_in) == h_in:
                    for w_out in range(w_first, w_end):
                        if nearest_source(grad_x, w_out, scale_w, exact, W_in) == w_in:
                            acc += grad_y[n, c, d_out, h_out, w_out]
    grad_x[n, c, d_in, h_in, w_in] = acc


class UpsampleNearest1DFunction(Function):
    """Nearest neighbours on the tape, in one dimension. x (N, C, W_in); `scales` holds one number."""

    @staticmethod
    def forward(ctx, x, size_out, scales, exact):
        y = x.new_empty(*x.shape[:2], *size_out)
        run = on(
            x.device,
            upsample_nearest1d_forward_cpu,
            upsample_nearest1d_forward_cuda,
            y.numel(),
            fast.upsample_nearest_forward,
        )
        run(*arrays(x, y), *scales, exact)
        ctx.size_in, ctx.options = x.shape, (*scales, exact)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            upsample_nearest1d_backward_x_cpu,
            upsample_nearest1d_backward_x_cuda,
            grad_x.numel(),
            fast.upsample_nearest_backward_x,
        )
        run(*arrays(grad_y, grad_x), *ctx.options)
        return grad_x, None, None, None


class UpsampleNearest2DFunction(Function):
    """Nearest neighbours on the tape, in two dimensions. x (N, C, H_in, W_in); `scales` holds two numbers."""

    @staticmethod
    def forward(ctx, x, size_out, scales, exact):
        y = x.new_empty(*x.shape[:2], *size_out)
        run = on(
            x.device,
            upsample_nearest2d_forward_cpu,
            upsample_nearest2d_forward_cuda,
            y.numel(),
            fast.upsample_nearest_forward,
        )
        run(*arrays(x, y), *scales, exact)
        ctx.size_in, ctx.options = x.shape, (*scales, exact)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            upsample_nearest2d_backward_x_cpu,
            upsample_nearest2d_backward_x_cuda,
            grad_x.numel(),
            fast.upsample_nearest_backward_x,
        )
        run(*arrays(grad_y, grad_x), *ctx.options)
        return grad_x, None, None, None


class UpsampleNearest3DFunction(Function):
    """Nearest neighbours on the tape, in three dimensions. x (N, C, D_in, H_in, W_in); `scales` holds three numbers."""

    @staticmethod
    def forward(ctx, x, size_out, scales, exact):
        y = x.new_empty(*x.shape[:2], *size_out)
        run = on(
            x.device,
            upsample_nearest3d_forward_cpu,
            upsample_nearest3d_forward_cuda,
            y.numel(),
            fast.upsample_nearest_forward,
        )
        run(*arrays(x, y), *scales, exact)
        ctx.size_in, ctx.options = x.shape, (*scales, exact)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            upsample_nearest3d_backward_x_cpu,
            upsample_nearest3d_backward_x_cuda,
            grad_x.numel(),
            fast.upsample_nearest_backward_x,
        )
        run(*arrays(grad_y, grad_x), *ctx.options)
        return grad_x, None, None, None


class UpsampleNearestExact1DFunction(UpsampleNearest1DFunction):
    """The same with `exact`; the graph shows it under its own name, as in PyTorch."""


class UpsampleNearestExact2DFunction(UpsampleNearest2DFunction):
    """The same with `exact`; the graph shows it under its own name, as in PyTorch."""


class UpsampleNearestExact3DFunction(UpsampleNearest3DFunction):
    """The same with `exact`; the graph shows it under its own name, as in PyTorch."""


FUNCTIONS = {  # by number of dimensions and `exact`
    (1, False): UpsampleNearest1DFunction,
    (2, False): UpsampleNearest2DFunction,
    (3, False): UpsampleNearest3DFunction,
    (1, True): UpsampleNearestExact1DFunction,
    (2, True): UpsampleNearestExact2DFunction,
    (3, True): UpsampleNearestExact3DFunction,
}


def upsample_nearest_nd(input, size_out, scales, exact):
    """The input at the size `size_out`; `interpolate` checks the arguments.

    Shapes: `input` (N, C, *size_in) with one to three sizes; the result (N, C, *size_out).
    """
    return FUNCTIONS[len(size_out), exact].apply(input, size_out, scales, exact)
