r"""Sampling of volumes at given places: a grid says where each output reads the input, which may be between voxels.

The grid holds three coordinates for each output, from -1 at one border to 1 at the other: column, row, plane. It has a gradient itself.

Use it when a volume should be rotated, warped or cut along any plane, as for medical scans. It is the 5-D form of `grid_sample`, which
is for images.

## Forward

The coordinate $v_w$ of an output stands for a place $p_w$, in voxels of the input. With `align_corners=False` the coordinates -1 and 1
are the outer edges of the border voxels, with `True` their centres:

$$p_w = \frac{(v_w + 1) \, W_{in} - 1}{2} \qquad \text{or with aligned corners} \qquad p_w = \frac{v_w + 1}{2} \, (W_{in} - 1)$$

and the same for rows and planes. With `mode="bilinear"`, which is trilinear here, the eight voxels around the place get weights
that fall with their distance:

$$k_w(w_{in}) = 1 - \lvert p_w - w_{in} \rvert \qquad w_{in} \in \{\lfloor p_w \rfloor, \lfloor p_w \rfloor + 1\}$$

$$y[n, c, d_{out}, h_{out}, w_{out}] = \sum_{d_{in}} \sum_{h_{in}} \sum_{w_{in}} k_d(d_{in}) \, k_h(h_{in}) \, k_w(w_{in}) \,
x[n, c, d_{in}, h_{in}, w_{in}]$$

With `mode="nearest"` the place is rounded first, so that one voxel has the weight 1. `padding_mode` says what a place outside reads:
zeros, the nearest voxel of the border, or the mirrored volume.

## Gradients

An output is linear in the voxels, so the gradient of a voxel is the sum of its weights over all outputs:

$$\frac{\partial L}{\partial x}[n, c, d_{in}, h_{in}, w_{in}] = \sum_{d_{out}} \sum_{h_{out}} \sum_{w_{out}} k_d(d_{in}) \, k_h(h_{in})
\, k_w(w_{in}) \, \frac{\partial L}{\partial y}[n, c, d_{out}, h_{out}, w_{out}]$$

The weight of the left column falls when the place moves to the right, and that of the right column grows: the derivatives are
$s_w = -1$ and $s_w = 1$. With $g$ for the gradient of the output:

$$\frac{\partial L}{\partial v_w} = \frac{\partial p_w}{\partial v_w} \sum_c \sum_{d_{in}} \sum_{h_{in}} \sum_{w_{in}} s_w \,
k_d(d_{in}) \, k_h(h_{in}) \, x[n, c, d_{in}, h_{in}, w_{in}] \, g \qquad g = \frac{\partial L}{\partial y}[n, c, d_{out}, h_{out},
w_{out}]$$

and in the same way for $v_h$ and $v_d$. The derivative of the place is $W_{in} / 2$, or $(W_{in} - 1) / 2$ with aligned corners;
its sign changes with each reflection, and it is 0 where the place was moved to the border. With `mode="nearest"` the gradient of
the grid is 0.

## Cost

About 30 multiply-adds per element of the output and 30 operations for each place. The voxels are read in the order of the grid.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D_{in}, H_{in}, W_{in})$ | input |
| $y$ | `y` | $(N, C, D_{out}, H_{out}, W_{out})$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | shape of $y$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial v_w}$ | `grad_grid` | $(N, D_{out}, H_{out}, W_{out}, 3)$ | gradient of the loss for the grid, $v_w$ first |
| $v_w$ | `grid` | $(N, D_{out}, H_{out}, W_{out}, 3)$ | coordinates of each output: $v_w$, $v_h$, $v_d$ |
| $n$ | `n` | $0 \le n < N$ | volume of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $d_{out}$ | `d_out` | $0 \le d_{out} < D_{out}$ | plane of the output |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of the output |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of the output |
| $d_{in}$ | `d_in` | $0 \le d_{in} < D_{in}$ | plane of the input |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the input |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the input |
| $p_w$ | `w_at` |  | place of the output: column |
| $k_d$ | `k_d` | $0 \le k_d \le 1$ | weight of a plane |
| $k_h$ | `k_h` | $0 \le k_h \le 1$ | weight of a row |
| $k_w$ | `k_w` | $0 \le k_w \le 1$ | weight of a column |
| $s_w$ | `s_w` | $-1$ or $1$ | derivative of the weight of a column with respect to the place |
| $g$ | `g` |  | gradient of an output |

## Worked example

A volume of two planes, each of one row with two voxels, is read at its centre and at the centre of the second plane:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[[0., 4]], [[8, 20]]]]], requires_grad=True)
>>> grid = torch.tensor([[[[[0., 0, 0], [0, 0, 0.5]]]]], requires_grad=True)
>>> y = F.grid_sample(x, grid, align_corners=False)
>>> y
tensor([[[[[ 8., 14.]]]]], grad_fn=<GridSampler3DBackward0>)
>>> y.backward(torch.tensor([[[[[4., 2]]]]]))
>>> x.grad
tensor([[[[[1., 1.]],
<BLANKLINE>
          [[2., 2.]]]]])
>>> grid.grad[0, 0, 0]
tensor([[ 32., -16.,  48.],
        [ 24., -14., -28.]])

There is one row only. The row below it lies outside and counts as 0, so a step down makes the outputs smaller.

## Questions

**Which coordinate comes first in the grid?**

The column, then the row, then the plane. In the shape of the volume the order is reversed.

**What is the sum of the eight weights?**

1 inside the volume: along each dimension the two weights add up to 1. With "zeros" it is less outside.

**How is a volume cut along a plane?**

With a grid of one plane, (N, 1, H_out, W_out, 3), whose places lie in the wanted plane of the volume.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange

ZEROS, BORDER, REFLECTION = 0, 1, 2  # numbers of the padding modes in the kernels


# The coordinate `v` as a place measured in voxels, before the padding mode is applied.
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


# Whether a voxel of the input lies less than 1 away, along one dimension. False for NaN.
@njit(**SERIAL)
def within(x, at, extent):
    return at > x.dtype.type(-1) and at < x.dtype.type(extent)


# The weight of the voxel `i`: 1 at its place, falling to 0 at distance 1.
@njit(**SERIAL)
def closeness(x, at, i):
    return x.dtype.type(1) - abs(at - x.dtype.type(i))


# ## The weighted mean of the voxels around the place
#
# $$y[n, c, d_{out}, h_{out}, w_{out}] = \sum_{d_{in}} \sum_{h_{in}} \sum_{w_{in}} k_d(d_{in}) \, k_h(h_{in}) \, k_w(w_{in}) \,
# x[n, c, d_{in}, h_{in}, w_{in}]$$
#
# `taps` is the number of voxels along each dimension: 2, or 1 for the nearest one.
@njit(**PARALLEL)
def grid_sample3d_forward_cpu(x, grid, y, taps, padding, align_corners):
    N, C, D_in, H_in, W_in = x.shape
    N, C, D_out, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for d_out in range(D_out):
            for h_out in range(H_out):
                for w_out in range(W_out):
                    acc = x.dtype.type(0)
                    d_at, d_slope = place(x, grid[n, d_out, h_out, w_out, 2], D_in, padding, align_corners)
                    h_at, h_slope = place(x, grid[n, d_out, h_out, w_out, 1], H_in, padding, align_corners)
                    w_at, w_slope = place(x, grid[n, d_out, h_out, w_out, 0], W_in, padding, align_corners)
                    if taps == 1:
                        d_at, h_at, w_at = rounded(x, d_at), rounded(x, h_at), rounded(x, w_at)
                    if within(x, d_at, D_in) and within(x, h_at, H_in) and within(x, w_at, W_in):
                        d_0, h_0, w_0 = int(math.floor(d_at)), int(math.floor(h_at)), int(math.floor(w_at))
                        for d_in in range(max(d_0, 0), min(d_0 + taps, D_in)):
                            k_d = closeness(x, d_at, d_in)
                            for h_in in range(max(h_0, 0), min(h_0 + taps, H_in)):
                                k_h = closeness(x, h_at, h_in)
                                for w_in in range(max(w_0, 0), min(w_0 + taps, W_in)):
                                    k_w = closeness(x, w_at, w_in)
                                    acc += k_d * k_h * k_w * x[n, c, d_in, h_in, w_in]
                    y[n, c, d_out, h_out, w_out] = acc


@cuda.jit
def grid_sample3d_forward_cuda(x, grid, y, taps, padding, align_corners):
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
    acc = x.dtype.type(0)
    d_at, d_slope = place(x, grid[n, d_out, h_out, w_out, 2], D_in, padding, align_corners)
    h_at, h_slope = place(x, grid[n, d_out, h_out, w_out, 1], H_in, padding, align_corners)
    w_at, w_slope = place(x, grid[n, d_out, h_out, w_out, 0], W_in, padding, align_corners)
    if taps == 1:
        d_at, h_at, w_at = rounded(x, d_at), rounded(x, h_at), rounded(x, w_at)
    if within(x, d_at, D_in) and within(x, h_at, H_in) and within(x, w_at, W_in):
        d_0, h_0, w_0 = int(math.floor(d_at)), int(math.floor(h_at)), int(math.floor(w_at))
        for d_in in range(max(d_0, 0), min(d_0 + taps, D_in)):
            k_d = closeness(x, d_at, d_in)
            for h_in in range(max(h_0, 0), min(h_0 + taps, H_in)):
                k_h = closeness(x, h_at, h_in)
                for w_in in range(max(w_0, 0), min(w_0 + taps, W_in)):
                    k_w = closeness(x, w_at, w_in)
                    acc += k_d * k_h * k_w * x[n, c, d_in, h_in, w_in]
    y[n, c, d_out, h_out, w_out] = acc


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, d_{in}, h_{in}, w_{in}] = \sum_{d_{out}} \sum_{h_{out}} \sum_{w_{out}} k_d(d_{in}) \, k_h(h_{in})
# \, k_w(w_{in}) \, \frac{\partial L}{\partial y}[n, c, d_{out}, h_{out}, w_{out}]$$
#
# The volume of one channel belongs to one thread, which adds the gradient of each output to the voxels that the output has read.
# `grad_x` holds zeros at the start.
@njit(**PARALLEL)
def grid_sample3d_backward_x_cpu(grad_y, grid, grad_x, taps, padding, align_corners):
    N, C, D_in, H_in, W_in = grad_x.shape
    N, C, D_out, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for d_out in range(D_out):
            for h_out in range(H_out):
                for w_out in range(W_out):
                    g = grad_y[n, c, d_out, h_out, w_out]
                    d_at, d_slope = place(grad_x, grid[n, d_out, h_out, w_out, 2], D_in, padding, align_corners)
                    h_at, h_slope = place(grad_x, grid[n, d_out, h_out, w_out, 1], H_in, padding, align_corners)
                    w_at, w_slope = place(grad_x, grid[n, d_out, h_out, w_out, 0], W_in, padding, align_corners)
                    if taps == 1:
                        d_at, h_at, w_at = rounded(grad_x, d_at), rounded(grad_x, h_at), rounded(grad_x, w_at)
                    if within(grad_x, d_at, D_in) and within(grad_x, h_at, H_in) and within(grad_x, w_at, W_in):
                        d_0, h_0, w_0 = int(math.floor(d_at)), int(math.floor(h_at)), int(math.floor(w_at))
                        for d_in in range(max(d_0, 0), min(d_0 + taps, D_in)):
                            k_d = closeness(grad_x, d_at, d_in)
                            for h_in in range(max(h_0, 0), min(h_0 + taps, H_in)):
                                k_h = closeness(grad_x, h_at, h_in)
                                for w_in in range(max(w_0, 0), min(w_0 + taps, W_in)):
                                    k_w = closeness(grad_x, w_at, w_in)
                                    grad_x[n, c, d_in, h_in, w_in] += k_d * k_h * k_w * g


@cuda.jit
def grid_sample3d_backward_x_cuda(grad_y, grid, grad_x, taps, padding, align_corners):
    N, C, D_in, H_in, W_in = grad_x.shape
    N, C, D_out, H_out, W_out = grad_y.shape
    plane = cuda.grid(1)
    if plane >= N * C:
        return
    n = plane // C
    c = plane % C
    for d_out in range(D_out):
        for h_out in range(H_out):
            for w_out in range(W_out):
                g = grad_y[n, c, d_out, h_out, w_out]
                d_at, d_slope = place(grad_x, grid[n, d_out, h_out, w_out, 2], D_in, padding, align_corners)
                h_at, h_slope = place(grad_x, grid[n, d_out, h_out, w_out, 1], H_in, padding, align_corners)
                w_at, w_slope = place(grad_x, grid[n, d_out, h_out, w_out, 0], W_in, padding, align_corners)
                if taps == 1:
                    d_at, h_at, w_at = rounded(grad_x, d_at), rounded(grad_x, h_at), rounded(grad_x, w_at)
                if within(grad_x, d_at, D_in) and within(grad_x, h_at, H_in) and within(grad_x, w_at, W_in):
                    d_0, h_0, w_0 = int(math.floor(d_at)), int(math.floor(h_at)), int(math.floor(w_at))
                    for d_in in range(max(d_0, 0), min(d_0 + taps, D_in)):
                        k_d = closeness(grad_x, d_at, d_in)
                        for h_in in range(max(h_0, 0), min(h_0 + taps, H_in)):
                            k_h = closeness(grad_x, h_at, h_in)
                            for w_in in range(max(w_0, 0), min(w_0 + taps, W_in)):
                                k_w = closeness(grad_x, w_at, w_in)
                                grad_x[n, c, d_in, h_in, w_in] += k_d * k_h * k_w * g


# ## The gradient of the grid
#
# $$\frac{\partial L}{\partial v_w} = \frac{\partial p_w}{\partial v_w} \sum_c \sum_{d_{in}} \sum_{h_{in}} \sum_{w_{in}} s_w \, k_d(d_{in})
# \, k_h(h_{in}) \, x[n, c, d_{in}, h_{in}, w_{in}] \, g$$
@njit(**PARALLEL)
def grid_sample3d_backward_grid_cpu(grad_y, x, grid, grad_grid, padding, align_corners):
    N, C, D_in, H_in, W_in = x.shape
    N, C, D_out, H_out, W_out = grad_y.shape
    for section in prange(N * D_out):
        n = section // D_out
        d_out = section % D_out
        for h_out in range(H_out):
            for w_out in range(W_out):
                d_acc, h_acc, w_acc = x.dtype.type(0), x.dtype.type(0), x.dtype.type(0)
                d_at, d_slope = place(x, grid[n, d_out, h_out, w_out, 2], D_in, padding, align_corners)
                h_at, h_slope = place(x, grid[n, d_out, h_out, w_out, 1], H_in, padding, align_corners)
                w_at, w_slope = place(x, grid[n, d_out, h_out, w_out, 0], W_in, padding, align_corners)
                if within(x, d_at, D_in) and within(x, h_at, H_in) and within(x, w_at, W_in):
                    d_0, h_0, w_0 = int(math.floor(d_at)), int(math.floor(h_at)), int(math.floor(w_at))
                    for c in range(C):
                        for d_in in range(max(d_0, 0), min(d_0 + 2, D_in)):
                            k_d, s_d = closeness(x, d_at, d_in), x.dtype.type(2 * (d_in - d_0) - 1)
                            for h_in in range(max(h_0, 0), min(h_0 + 2, H_in)):
                                k_h, s_h = closeness(x, h_at, h_in), x.dtype.type(2 * (h_in - h_0) - 1)
                                for w_in in range(max(w_0, 0), min(w_0 + 2, W_in)):
                                    k_w, s_w = closeness(x, w_at, w_in), x.dtype.type(2 * (w_in - w_0) - 1)
                                    value = x[n, c, d_in, h_in, w_in] * grad_y[n, c, d_out, h_out, w_out]
                                    d_acc += s_d * k_h * k_w * value
                                    h_acc += s_h * k_d * k_w * value
                                    w_acc += s_w * k_d * k_h * value
                grad_grid[n, d_out, h_out, w_out, 0] = w_acc * w_slope
                grad_grid[n, d_out, h_out, w_out, 1] = h_acc * h_slope
                grad_grid[n, d_out, h_out, w_out, 2] = d_acc * d_slope


@cuda.jit
def grid_sample3d_backward_grid_cuda(grad_y, x, grid, grad_grid, padding, align_corners):
    N, C, D_in, H_in, W_in = x.shape
    N, C, D_out, H_out, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= N * D_out * H_out * W_out:
        return
    w_out = i % W_out
    h_out = i // W_out % H_out
    section = i // (W_out * H_out)
    n = section // D_out
    d_out = section % D_out
    d_acc, h_acc, w_acc = x.dtype.type(0), x.dtype.type(0), x.dtype.type(0)
    d_at, d_slope = place(x, grid[n, d_out, h_out, w_out, 2], D_in, padding, align_corners)
    h_at, h_slope = place(x, grid[n, d_out, h_out, w_out, 1], H_in, padding, align_corners)
    w_at, w_slope = place(x, grid[n, d_out, h_out, w_out, 0], W_in, padding, align_corners)
    if within(x, d_at, D_in) and within(x, h_at, H_in) and within(x, w_at, W_in):
        d_0, h_0, w_0 = int(math.floor(d_at)), int(math.floor(h_at)), int(math.floor(w_at))
        for c in range(C):
            for d_in in range(max(d_0, 0), min(d_0 + 2, D_in)):
                k_d, s_d = closeness(x, d_at, d_in), x.dtype.type(2 * (d_in - d_0) - 1)
                for h_in in range(max(h_0, 0), min(h_0 + 2, H_in)):
                    k_h, s_h = closeness(x, h_at, h_in), x.dtype.type(2 * (h_in - h_0) - 1)
                    for w_in in range(max(w_0, 0), min(w_0 + 2, W_in)):
                        k_w, s_w = closeness(x, w_at, w_in), x.dtype.type(2 * (w_in - w_0) - 1)
                        value = x[n, c, d_in, h_in, w_in] * grad_y[n, c, d_out, h_out, w_out]
                        d_acc += s_d * k_h * k_w * value
                        h_acc += s_h * k_d * k_w * value
                        w_acc += s_w * k_d * k_h * value
    grad_grid[n, d_out, h_out, w_out, 0] = w_acc * w_slope
    grad_grid[n, d_out, h_out, w_out, 1] = h_acc * h_slope
    grad_grid[n, d_out, h_out, w_out, 2] = d_acc * d_slope


class GridSampler3DFunction(Function):
    """Sampling of volumes on the tape. x (N, C, D_in, H_in, W_in), grid (N, D_out, H_out, W_out, 3); `taps` is 2, or 1 for the
    nearest voxel."""

    @staticmethod
    def forward(ctx, x, grid, taps, padding, align_corners):
        y = x.new_empty(*x.shape[:2], *grid.shape[1:-1])
        run = on(x.device, grid_sample3d_forward_cpu, grid_sample3d_forward_cuda, y.numel(), fast.grid_sample_forward)
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
                grid_sample3d_backward_x_cpu,
                grid_sample3d_backward_x_cuda,
                x.shape[0] * x.shape[1],
                fast.grid_sample_backward_x,
            )
            run(*arrays(grad_y, grid, grad_x), taps, padding, align_corners)
        if ctx.needs_input_grad[1]:
            grad_grid = grid.new_zeros(grid.shape)
            if taps == 2:
                run = on(
                    x.device,
                    grid_sample3d_backward_grid_cpu,
                    grid_sample3d_backward_grid_cuda,
                    grid.numel() // 3,
                    fast.grid_sample_backward_grid,
                )
                run(*arrays(grad_y, x, grid, grad_grid), padding, align_corners)
        return grad_x, grad_grid, None, None, None
