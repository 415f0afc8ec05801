r"""Sampling of images at given places: a grid says where each output reads the input, which may be between pixels.

The grid contains two coordinates for each output, first the column and then the row: from -1 at the left or upper border to 1 at the right
or lower one. A network can compute the grid, because the grid has a gradient too.

Use it when an image should be rotated, warped, or read at places that a network computes, as in a spatial transformer: `affine_grid`
makes the grid of an affine map. For a change of size alone there is `interpolate`.

## Forward

An output reads the input at one place. Its coordinates are $v_w$ for the column and $v_h$ for the row. The grid has $v_w$ first, because it
writes points as geometry does, $(x, y)$: first how far to the right, then how far down. The shape of an image has the opposite order, rows
before columns.

With `align_corners=False` the coordinates -1 and 1 are the outer edges of the border pixels, with `True` their centres. Measured in pixels
of the input, the column of the place is

$$p_w = \frac{(v_w + 1) \, W_{in} - 1}{2} \qquad \text{or with aligned corners} \qquad p_w = \frac{v_w + 1}{2} \, (W_{in} - 1)$$

and its row $p_h$ follows in the same way from $v_h$ and $H_{in}$. With `mode="bilinear"` the output is a weighted mean of the four pixels
around the place. A pixel's weight is the product of a weight for its row and one for its column, and each is smaller the farther the pixel is:

$$k_w(w_{in}) = 1 - \lvert p_w - w_{in} \rvert \qquad w_{in} \in \{\lfloor p_w \rfloor, \lfloor p_w \rfloor + 1\}$$

$$y[n, c, h_{out}, w_{out}] = \sum_{h_{in}} \sum_{w_{in}} k_h(h_{in}) \, k_w(w_{in}) \, x[n, c, h_{in}, w_{in}]$$

With `mode="nearest"` the place is rounded first, so that one pixel has the weight 1.

A place outside the image depends on `padding_mode`: with "zeros" pixels outside count as 0; with "border" the place is moved to the
nearest pixel; with "reflection" it is mirrored at the borders until it lies inside.

## Gradients

An output is linear in the pixels, so the gradient of a pixel is the sum of its weights over all outputs:

$$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}} \sum_{w_{out}} k_h(h_{in}) \, k_w(w_{in}) \,
\frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$

The weight of the left column falls when the place moves to the right, and that of the right column grows by the same amount: their
derivatives are $s_w = -1$ and $s_w = 1$. All channels use the same place:

$$\frac{\partial L}{\partial v_w}[n, h_{out}, w_{out}] = \frac{\partial p_w}{\partial v_w} \sum_c \sum_{h_{in}} \sum_{w_{in}} s_w \,
k_h(h_{in}) \, x[n, c, h_{in}, w_{in}] \, \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$

and for $v_h$ with rows and columns exchanged. The derivative of the place is $W_{in} / 2$, or $(W_{in} - 1) / 2$ with aligned corners;
its sign changes with each reflection, and it is 0 where the place was moved to the border. With `mode="nearest"` the gradient of the
grid is 0: a small step does not change the pixel.

## Cost

About 12 multiply-adds per element of the output and 20 operations for each place. The pixels are read in the order of the grid, so
an irregular grid is slow.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, H_{in}, W_{in})$ | input |
| $y$ | `y` | $(N, C, H_{out}, W_{out})$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, H_{out}, W_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, H_{in}, W_{in})$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial v_w}$ | `grad_grid` | $(N, H_{out}, W_{out}, 2)$ | gradient of the loss for the grid, $v_w$ first |
| $v_w$ | `grid` | $(N, H_{out}, W_{out}, 2)$ | coordinates of each output, $v_w$ first |
| $n$ | `n` | $0 \le n < N$ | image of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of the output |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of the output |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the input |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the input |
| $p_w$ | `w_at` |  | place of the output: column |
| $k_h$ | `k_h` | $0 \le k_h \le 1$ | weight of a row |
| $k_w$ | `k_w` | $0 \le k_w \le 1$ | weight of a column |
| $s_w$ | `s_w` | $-1$ or $1$ | derivative of the weight of a column with respect to the place |

## Worked example

An image of two rows and three columns is read at four places: the centre of the image, the middle of the left edge, the upper left
corner of the image, where three of the four pixels lie outside, and a place outside:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[0., 4, 8],
...                     [8, 12, 16]]]], requires_grad=True)
>>> grid = torch.tensor([[[[0., 0], [-1, 0], [-1, -1], [2, 0]]]], requires_grad=True)
>>> y = F.grid_sample(x, grid, align_corners=False)
>>> y
tensor([[[[8., 2., 0., 0.]]]], grad_fn=<GridSampler2DBackward0>)
>>> y.backward(torch.tensor([[[[2., 4, 0, 0]]]]))
>>> x.grad
tensor([[[[1., 1., 0.],
          [1., 1., 0.]]]])
>>> grid.grad
tensor([[[[12., 16.],
          [24., 16.],
          [ 0.,  0.],
          [ 0.,  0.]]]])

With `padding_mode="border"` the places outside show the border:

>>> F.grid_sample(x.detach(), grid.detach(), padding_mode="border", align_corners=False)
tensor([[[[ 8.,  4.,  0., 12.]]]])

## Questions

**Which coordinate comes first in the grid?**

The column, as in a point $(x, y)$ of geometry. The shape of the image has the rows first, so the two are easily exchanged. The point
(1, 0) is the middle of the right border:

>>> F.grid_sample(x.detach(), torch.tensor([[[[1., 0]]]]), align_corners=True)
tensor([[[[12.]]]])

**Where in the image is the coordinate (0, 0)?**

In the middle, whatever the size.

**Why is the gradient of the grid larger for larger images?**

A step of the coordinate by 1 is half of the image, so it crosses more pixels: the factor $W_{in} / 2$.

**Does a place far outside the image get a gradient?**

Not with "zeros", because it reads no pixel, nor with "border", because the place stays at the border. With "reflection" it does.
"""

from __future__ import annotations

import math
import warnings

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange
from reftorch.nn.arguments import check_tensors
from reftorch.nn.vision.grid_sample3d import GridSampler3DFunction
from reftorch.nn.vision.grid_sample_bicubic import grid_sample_bicubic

ZEROS, BORDER, REFLECTION = 0, 1, 2  # numbers of the padding modes in the kernels


# The coordinate `v` as a place measured in pixels, before the padding mode is applied.
@njit(**SERIAL)
def unpadded(x, v, extent, align_corners):
    half = x.dtype.type(0.5)
    if align_corners:
        return (v + x.dtype.type(1)) * half * x.dtype.type(extent - 1)
    return (v + x.dtype.type(1)) * half * x.dtype.type(extent) - half


# The place after reflection at both borders, and the sign of its derivative with respect to `at`.
@njit(**SERIAL)
def mirrored(x, at, extent, align_corners):
    low = x.dtype.type(-0.5)
    span = x.dtype.type(extent)
    if align_corners:
        low = x.dtype.type(0)
        span = x.dtype.type(extent - 1)
    distance = abs(at - low)
    if span == x.dtype.type(0) or not distance < x.dtype.type(1e15):
        return x.dtype.type(0), x.dtype.type(0)
    sign = x.dtype.type(1) if at >= low else x.dtype.type(-1)
    flips = int(distance / span)
    extra = distance - x.dtype.type(flips) * span
    if flips % 2 == 0:
        return extra + low, sign
    return span - extra + low, -sign


# The place of the coordinate `v`, and its derivative with respect to `v`. NaN counts as 0, except with padding by zeros.
@njit(**SERIAL)
def place(x, v, extent, padding, align_corners):
    at = unpadded(x, v, extent, align_corners)
    slope = x.dtype.type(extent - 1 if align_corners else extent) * x.dtype.type(0.5)
    last = x.dtype.type(extent - 1)
    if padding == REFLECTION:
        at, sign = mirrored(x, at, extent, align_corners)
        slope *= sign
    if padding != ZEROS:
        if not at > x.dtype.type(0):
            return x.dtype.type(0), x.dtype.type(0)
        if at >= last:
            return last, x.dtype.type(0)
    return at, slope


# The nearest whole number; of two that are equally near, the even one.
@njit(**SERIAL)
def rounded(x, at):
    if not abs(at) < x.dtype.type(1e15):
        return at
    below = int(math.floor(at))
    rest = at - x.dtype.type(below)
    half = x.dtype.type(0.5)
    if rest > half or (rest == half and below % 2 == 1):
        return x.dtype.type(below + 1)
    return x.dtype.type(below)


# Whether a pixel of the input lies less than 1 away, along one dimension. False for NaN.
@njit(**SERIAL)
def within(x, at, extent):
    return at > x.dtype.type(-1) and at < x.dtype.type(extent)


# The weight of the pixel `i`: 1 at its place, falling to 0 at distance 1.
@njit(**SERIAL)
def closeness(x, at, i):
    return x.dtype.type(1) - abs(at - x.dtype.type(i))


# ## The weighted mean of the pixels around the place
#
# $$y[n, c, h_{out}, w_{out}] = \sum_{h_{in}} \sum_{w_{in}} k_h(h_{in}) \, k_w(w_{in}) \, x[n, c, h_{in}, w_{in}]$$
#
# `taps` is the number of pixels along each dimension: 2, or 1 for the nearest one. A pixel outside is left out.
@njit(**PARALLEL)
def grid_sample_forward_cpu(x, grid, y, taps, padding, align_corners):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_out in range(H_out):
            for w_out in range(W_out):
                acc = x.dtype.type(0)
                h_at, h_slope = place(x, grid[n, h_out, w_out, 1], H_in, padding, align_corners)
                w_at, w_slope = place(x, grid[n, h_out, w_out, 0], W_in, padding, align_corners)
                if taps == 1:
                    h_at = rounded(x, h_at)
                    w_at = rounded(x, w_at)
                if within(x, h_at, H_in) and within(x, w_at, W_in):
                    h_0 = int(math.floor(h_at))
                    w_0 = int(math.floor(w_at))
                    for h_in in range(max(h_0, 0), min(h_0 + taps, H_in)):
                        k_h = closeness(x, h_at, h_in)
                        for w_in in range(max(w_0, 0), min(w_0 + taps, W_in)):
                            k_w = closeness(x, w_at, w_in)
                            acc += k_h * k_w * x[n, c, h_in, w_in]
                elif taps == 2 and not (math.isfinite(h_at) and math.isfinite(w_at)):
                    acc = x.dtype.type(math.nan)
                y[n, c, h_out, w_out] = acc


@cuda.jit
def grid_sample_forward_cuda(x, grid, y, taps, padding, align_corners):
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
    acc = x.dtype.type(0)
    h_at, h_slope = place(x, grid[n, h_out, w_out, 1], H_in, padding, align_corners)
    w_at, w_slope = place(x, grid[n, h_out, w_out, 0], W_in, padding, align_corners)
    if taps == 1:
        h_at = rounded(x, h_at)
        w_at = rounded(x, w_at)
    if within(x, h_at, H_in) and within(x, w_at, W_in):
        h_0 = int(math.floor(h_at))
        w_0 = int(math.floor(w_at))
        for h_in in range(max(h_0, 0), min(h_0 + taps, H_in)):
            k_h = closeness(x, h_at, h_in)
            for w_in in range(max(w_0, 0), min(w_0 + taps, W_in)):
                k_w = closeness(x, w_at, w_in)
                acc += k_h * k_w * x[n, c, h_in, w_in]
    elif taps == 2 and not (math.isfinite(h_at) and math.isfinite(w_at)):
        acc = x.dtype.type(math.nan)
    y[n, c, h_out, w_out] = acc


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}} \sum_{w_{out}} k_h(h_{in}) \, k_w(w_{in}) \,
# \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$
#
# To find the outputs that read a pixel, the whole grid would have to be searched. So each plane belongs to one thread, which adds the
# gradient of each output to the pixels that the output has read. `grad_x` holds zeros at the start.
@njit(**PARALLEL)
def grid_sample_backward_x_cpu(grad_y, grid, grad_x, taps, padding, align_corners):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_out in range(H_out):
            for w_out in range(W_out):
                h_at, h_slope = place(grad_x, grid[n, h_out, w_out, 1], H_in, padding, align_corners)
                w_at, w_slope = place(grad_x, grid[n, h_out, w_out, 0], W_in, padding, align_corners)
                if taps == 1:
                    h_at = rounded(grad_x, h_at)
                    w_at = rounded(grad_x, w_at)
                if within(grad_x, h_at, H_in) and within(grad_x, w_at, W_in):
                    h_0 = int(math.floor(h_at))
                    w_0 = int(math.floor(w_at))
                    for h_in in range(max(h_0, 0), min(h_0 + taps, H_in)):
                        k_h = closeness(grad_x, h_at, h_in)
                        for w_in in range(max(w_0, 0), min(w_0 + taps, W_in)):
                            k_w = closeness(grad_x, w_at, w_in)
                            grad_x[n, c, h_in, w_in] += k_h * k_w * grad_y[n, c, h_out, w_out]


@cuda.jit
def grid_sample_backward_x_cuda(grad_y, grid, grad_x, taps, padding, align_corners):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    plane = cuda.grid(1)
    if plane >= N * C:
        return
    n = plane // C
    c = plane % C
    for h_out in range(H_out):
        for w_out in range(W_out):
            h_at, h_slope = place(grad_x, grid[n, h_out, w_out, 1], H_in, padding, align_corners)
            w_at, w_slope = place(grad_x, grid[n, h_out, w_out, 0], W_in, padding, align_corners)
            if taps == 1:
                h_at = rounded(grad_x, h_at)
                w_at = rounded(grad_x, w_at)
            if within(grad_x, h_at, H_in) and within(grad_x, w_at, W_in):
                h_0 = int(math.floor(h_at))
                w_0 = int(math.floor(w_at))
                for h_in in range(max(h_0, 0), min(h_0 + taps, H_in)):
                    k_h = closeness(grad_x, h_at, h_in)
                    for w_in in range(max(w_0, 0), min(w_0 + taps, W_in)):
                        k_w = closeness(grad_x, w_at, w_in)
                        grad_x[n, c, h_in, w_in] += k_h * k_w * grad_y[n, c, h_out, w_out]


# ## The gradient of the grid
#
# $$\frac{\partial L}{\partial v_w}[n, h_{out}, w_{out}] = \frac{\partial p_w}{\partial v_w} \sum_c \sum_{h_{in}} \sum_{w_{in}} s_w \,
# k_h(h_{in}) \, x[n, c, h_{in}, w_{in}] \, \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$
@njit(**PARALLEL)
def grid_sample_backward_grid_cpu(grad_y, x, grid, grad_grid, padding, align_corners):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = grad_y.shape
    for row in prange(N * H_out):
        n = row // H_out
        h_out = row % H_out
        for w_out in range(W_out):
            h_acc = x.dtype.type(0)
            w_acc = x.dtype.type(0)
            h_at, h_slope = place(x, grid[n, h_out, w_out, 1], H_in, padding, align_corners)
            w_at, w_slope = place(x, grid[n, h_out, w_out, 0], W_in, padding, align_corners)
            if within(x, h_at, H_in) and within(x, w_at, W_in):
                h_0 = int(math.floor(h_at))
                w_0 = int(math.floor(w_at))
                for c in range(C):
                    for h_in in range(max(h_0, 0), min(h_0 + 2, H_in)):
                        k_h = closeness(x, h_at, h_in)
                        s_h = x.dtype.type(2 * (h_in - h_0) - 1)
                        for w_in in range(max(w_0, 0), min(w_0 + 2, W_in)):
                            k_w = closeness(x, w_at, w_in)
                            s_w = x.dtype.type(2 * (w_in - w_0) - 1)
                            value = x[n, c, h_in, w_in] * grad_y[n, c, h_out, w_out]
                            h_acc += s_h * k_w * value
                            w_acc += s_w * k_h * value
            grad_grid[n, h_out, w_out, 0] = w_acc * w_slope
            grad_grid[n, h_out, w_out, 1] = h_acc * h_slope


@cuda.jit
def grid_sample_backward_grid_cuda(grad_y, x, grid, grad_grid, padding, align_corners):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= N * H_out * W_out:
        return
    w_out = i % W_out
    row = i // W_out
    n = row // H_out
    h_out = row % H_out
    h_acc = x.dtype.type(0)
    w_acc = x.dtype.type(0)
    h_at, h_slope = place(x, grid[n, h_out, w_out, 1], H_in, padding, align_corners)
    w_at, w_slope = place(x, grid[n, h_out, w_out, 0], W_in, padding, align_corners)
    if within(x, h_at, H_in) and within(x, w_at, W_in):
        h_0 = int(math.floor(h_at))
        w_0 = int(math.floor(w_at))
        for c in range(C):
            for h_in in range(max(h_0, 0), min(h_0 + 2, H_in)):
                k_h = closeness(x, h_at, h_in)
                s_h = x.dtype.type(2 * (h_in - h_0) - 1)
                for w_in in range(max(w_0, 0), min(w_0 + 2, W_in)):
                    k_w = closeness(x, w_at, w_in)
                    s_w = x.dtype.type(2 * (w_in - w_0) - 1)
                    value = x[n, c, h_in, w_in] * grad_y[n, c, h_out, w_out]
                    h_acc += s_h * k_w * value
                    w_acc += s_w * k_h * value
    grad_grid[n, h_out, w_out, 0] = w_acc * w_slope
    grad_grid[n, h_out, w_out, 1] = h_acc * h_slope


class GridSampler2DFunction(Function):
    """Sampling on the tape. x (N, C, H_in, W_in), grid (N, H_out, W_out, 2); `taps` is 2, or 1 for the nearest pixel."""

    @staticmethod
    def forward(ctx, x, grid, taps, padding, align_corners):
        y = x.new_empty(*x.shape[:2], *grid.shape[1:-1])
        run = on(x.device, grid_sample_forward_cpu, grid_sample_forward_cuda, y.numel(), fast.grid_sample_forward)
        run(*arrays(x, grid, y), taps, padding, align_corners)
        ctx.save_for_backward(x, grid)
        ctx.options = taps, padding, align_corners
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, grid = ctx.saved_tensors
        taps, padding, align_corners = ctx.options
        grad_x = grad_grid = None
        if ctx.needs_input_grad[0]:
            grad_x = x.new_zeros(x.shape)
            run = on(
                x.device,
                grid_sample_backward_x_cpu,
                grid_sample_backward_x_cuda,
                x.shape[0] * x.shape[1],
                fast.grid_sample_backward_x,
            )
            run(*arrays(grad_y, grid, grad_x), taps, padding, align_corners)
        if ctx.needs_input_grad[1]:
            grad_grid = grid.new_zeros(grid.shape)
            if taps == 2:
                run = on(
                    x.device,
                    grid_sample_backward_grid_cpu,
                    grid_sample_backward_grid_cuda,
                    grid.numel() // 2,
                    fast.grid_sample_backward_grid,
                )
                run(*arrays(grad_y, x, grid, grad_grid), padding, align_corners)
        return grad_x, grad_grid, None, None, None


MODES, PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """The input at the places of the grid.

    Shapes: `input` (N, C, H_in, W_in) and `grid` (N, H_out, W_out, 2), columns first: the result is (N, C, H_out, W_out). Or `input`
    (N, C, D_in, H_in, W_in) and `grid` (N, D_out, H_out, W_out, 3): columns, rows, planes. N may be 0.

    Args:
        mode: "bilinear", which in three dimensions is trilinear, "nearest" or, in two dimensions, "bicubic".
        padding_mode: what is read outside the input: "zeros", "border" or "reflection".
        align_corners: whether -1 and 1 are the centres of the outermost pixels instead of their outer edges. None warns and means
            False.

    Raises:
        ValueError: an unknown `mode` or `padding_mode`.
        IndexError: `input` has no dimensions.
        RuntimeError: shapes or dtypes that do not fit, an input without pixels, or "bicubic" in three dimensions.
        NotImplementedError: the dtype is not float32 or float64.
        TypeError: an argument is not a tensor.
    """
    if mode not in MODES:
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify "
            "align_corners=True if the old behavior is desired: pass one of the two to avoid this warning",
            stacklevel=2,
        )
    check_tensors("grid_sample", input=input, grid=grid)
    _check_shapes(input, grid, mode)
    padding, aligned = PADDINGS.index(padding_mode), bool(align_corners)
    if mode == "bicubic":
        return grid_sample_bicubic(input, grid, padding, aligned)
    taps = 1 if mode == "nearest" else 2
    function = GridSampler2DFunction if input.ndim == 4 else GridSampler3DFunction
    return function.apply(input, grid, taps, padding, aligned)


def _check_shapes(input, grid, mode):
    """Raise RuntimeError unless input and grid fit; IndexError for an input without dimensions."""
    if input.ndim not in (4, 5) or input.ndim != grid.ndim:
        raise (RuntimeError if input.ndim else IndexError)(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with sizes "
            f"{list(input.shape)} and grid with sizes {list(grid.shape)}: one image needs x.unsqueeze(0)"
        )
    if input.shape[0] != grid.shape[0]:
        raise RuntimeError(
            f"grid_sampler(): expected grid and input to have same batch size, but got input with sizes {list(input.shape)} "
            f"and grid with sizes {list(grid.shape)}: to use one grid for all, grid.expand({input.shape[0]}, ...)"
        )
    if grid.shape[-1] != input.ndim - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {input.ndim - 2} in last dimension, but got grid with sizes "
            f"{list(grid.shape)}: the coordinates of an output stand in the last dimension"
        )
    if 0 in input.shape[2:]:
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
            f"{list(input.shape)}: there is nothing to read"
        )
    if mode == "bicubic" and input.ndim == 5:
        raise RuntimeError(
            "grid_sampler(): bicubic interpolation only supports 4D input; found 5 dimensions: 'bilinear' and 'nearest' have them"
        )
