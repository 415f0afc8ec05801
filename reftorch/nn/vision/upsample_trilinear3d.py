r"""Trilinear interpolation of volumes: each voxel of the result is a weighted mean of the eight voxels around its place.

The place of each output is found in the input. The weights fall linearly with the distance, along each of the three dimensions.

Use it when a volume should become larger and stay smooth, such as a medical scan or a short film; `upsample_nearest` repeats
voxels. For images there is `upsample_bilinear2d`.

## Forward

Along one dimension an output lies between two elements $a$ and $b$ of the input, and $t$ is the weight of the second one:

$$y[w_{out}] = (1 - t_w) \, x[a_w] + t_w \, x[b_w]$$

In a volume this is done along all three dimensions. With $e_{d} \in \{a_d, b_d\}$, whose weight $k_d$ is $1 - t_d$ for $a_d$ and $t_d$
for $b_d$, and so on:

$$y[n, c, d_{out}, h_{out}, w_{out}] = \sum_{e_d} \sum_{e_h} \sum_{e_w} k_d \, k_h \, k_w \, x[n, c, e_d, e_h, e_w]$$

The place along each dimension follows from the distance $r$ between neighbouring outputs, in voxels of the input, and
$a = \lfloor p \rfloor$, $b = \min(a + 1, W_{in} - 1)$, $t = p - a$. With `align_corners=False` voxels are cubes, and those of input and
output fill the same volume; with `align_corners=True` they are points, and the corners coincide:

$$p_w = \max\left(0, r_w \left(w_{out} + \frac{1}{2}\right) - \frac{1}{2}\right) \quad r_w = \frac{W_{in}}{W_{out}} \qquad
\text{or} \qquad p_w = r_w \, w_{out} \quad r_w = \frac{W_{in} - 1}{W_{out} - 1}$$

## Gradients

An output is a sum over voxels with fixed weights, so the derivative with respect to a voxel is its weight, $k_d \, k_h \, k_w$. The
weight of a voxel that an output does not use is 0:

$$\frac{\partial L}{\partial x}[n, c, d_{in}, h_{in}, w_{in}] = \sum_{d_{out}} \sum_{h_{out}} \sum_{w_{out}} k_d \, k_h \, k_w \,
\frac{\partial L}{\partial y}[n, c, d_{out}, h_{out}, w_{out}]$$

Only outputs whose place is less than one voxel away have a weight, so the loops run over these.

## Cost

About 21 operations per element of the output. Forward reads eight voxels, most of them in the cache, and writes one. Backward tests
about $3 / r + 3$ outputs along each dimension for every voxel.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D_{in}, H_{in}, W_{in})$ | input |
| $y$ | `y` | $(N, C, D_{out}, H_{out}, W_{out})$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | shape of $y$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | volume of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $d_{out}$ | `d_out` | $0 \le d_{out} < D_{out}$ | plane of the output |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of the output |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of the output |
| $d_{in}$ | `d_in` | $0 \le d_{in} < D_{in}$ | plane of the input |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the input |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the input |
| $a_w, b_w$ | `w_a`, `w_b` |  | the two columns around the place |
| $t_d$ | `t_d` | $0 \le t_d \le 1$ | weight of the second plane |
| $t_w$ | `t_w` | $0 \le t_w \le 1$ | weight of the second column |
| $k_d$ | `k_d` | $0 \le k_d \le 1$ | weight of a plane |
| $k_h$ | `k_h` | $0 \le k_h \le 1$ | weight of a row |
| $k_w$ | `k_w` | $0 \le k_w \le 1$ | weight of a column |
| $r_w$ | `scale_w` | $\ge 0$ | distance between neighbouring outputs in a row, in voxels of the input |

## Worked example

A volume of two planes, with one row of two voxels in each, becomes three planes of one row with two voxels. Plane 1 is the mean of
the two:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[[0., 4]], [[8, 16]]]]], requires_grad=True)
>>> y = F.interpolate(x, size=(3, 1, 2), mode="trilinear", align_corners=True)
>>> y
tensor([[[[[ 0.,  4.]],
<BLANKLINE>
          [[ 4., 10.]],
<BLANKLINE>
          [[ 8., 16.]]]]], grad_fn=<UpsampleTrilinear3DBackward0>)
>>> y.backward(torch.tensor([[[[[1., 0]], [[2, 4]], [[0, 0]]]]]))
>>> x.grad
tensor([[[[[2., 2.]],
<BLANKLINE>
          [[1., 2.]]]]])

## Questions

**How many voxels contribute to an output?**

Eight, the corners of the cube around its place. At the border, or where the place is a voxel, fewer.

**What do the weights of one output add up to?**

To 1: along each dimension the two weights add up to 1, and a product of sums is the sum of all products.

**What is trilinear interpolation of a volume with one plane to one plane?**

Bilinear interpolation of that plane.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange

# (1 - t) a + t b must not become a + t (b - a), which is NaN where a is infinite.
IN_ORDER = {**PARALLEL, "fastmath": {"contract"}}


# The two voxels around the place of output `o` along one dimension, and the weight of the second one. In the dtype of x, as in PyTorch.
@njit(**SERIAL)
def linear_taps(x, o, scale, align_corners, extent):
    place = x.dtype.type(scale) * x.dtype.type(o)
    if not align_corners:
        half = x.dtype.type(0.5)
        place = max(x.dtype.type(scale) * (x.dtype.type(o) + half) - half, x.dtype.type(0))
    a = min(int(place), extent - 1)
    b = min(a + 1, extent - 1)
    t = min(place - x.dtype.type(a), x.dtype.type(1))
    return a, b, t


# The weight of voxel `at` for output `o`: at the border both taps may be the same voxel.
@njit(**SERIAL)
def linear_weight(x, at, o, scale, align_corners, extent):
    a, b, t = linear_taps(x, o, scale, align_corners, extent)
    weight = x.dtype.type(0)
    if a == at:
        weight += x.dtype.type(1) - t
    if b == at:
        weight += t
    return weight


# The outputs that may use voxel `at`: from the first number up to, but not including, the second.
@njit(**SERIAL)
def outputs_near(x, at, scale, extent_out):
    step = x.dtype.type(scale)
    if step == x.dtype.type(0):
        return 0, extent_out
    first = int(math.floor(x.dtype.type(at - 1) / step)) - 1
    end = int(math.ceil(x.dtype.type(at + 2) / step)) + 1
    return max(first, 0), min(end, extent_out)


# ## The weighted mean of eight voxels
#
# $$y[n, c, d_{out}, h_{out}, w_{out}] = \sum_{e_d} \sum_{e_h} \sum_{e_w} k_d \, k_h \, k_w \, x[n, c, e_d, e_h, e_w]$$
#
# First along the columns, then along the rows, then along the planes.
@njit(**IN_ORDER)
def upsample_trilinear3d_forward_cpu(x, y, scale_d, scale_h, scale_w, align_corners):
    N, C, D_in, H_in, W_in = x.shape
    N, C, D_out, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for d_out in range(D_out):
            for h_out in range(H_out):
                for w_out in range(W_out):
                    one = x.dtype.type(1)
                    d_a, d_b, t_d = linear_taps(x, d_out, scale_d, align_corners, D_in)
                    h_a, h_b, t_h = linear_taps(x, h_out, scale_h, align_corners, H_in)
                    w_a, w_b, t_w = linear_taps(x, w_out, scale_w, align_corners, W_in)
                    front_above = (one - t_w) * x[n, c, d_a, h_a, w_a] + t_w * x[n, c, d_a, h_a, w_b]
                    front_below = (one - t_w) * x[n, c, d_a, h_b, w_a] + t_w * x[n, c, d_a, h_b, w_b]
                    back_above = (one - t_w) * x[n, c, d_b, h_a, w_a] + t_w * x[n, c, d_b, h_a, w_b]
                    back_below = (one - t_w) * x[n, c, d_b, h_b, w_a] + t_w * x[n, c, d_b, h_b, w_b]
                    front = (one - t_h) * front_above + t_h * front_below
                    back = (one - t_h) * back_above + t_h * back_below
                    y[n, c, d_out, h_out, w_out] = (one - t_d) * front + t_d * back


@cuda.jit
def upsample_trilinear3d_forward_cuda(x, y, scale_d, scale_h, scale_w, align_corners):
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
    one = x.dtype.type(1)
    d_a, d_b, t_d = linear_taps(x, d_out, scale_d, align_corners, D_in)
    h_a, h_b, t_h = linear_taps(x, h_out, scale_h, align_corners, H_in)
    w_a, w_b, t_w = linear_taps(x, w_out, scale_w, align_corners, W_in)
    front_above = (one - t_w) * x[n, c, d_a, h_a, w_a] + t_w * x[n, c, d_a, h_a, w_b]
    front_below = (one - t_w) * x[n, c, d_a, h_b, w_a] + t_w * x[n, c, d_a, h_b, w_b]
    back_above = (one - t_w) * x[n, c, d_b, h_a, w_a] + t_w * x[n, c, d_b, h_a, w_b]
    back_below = (one - t_w) * x[n, c, d_b, h_b, w_a] + t_w * x[n, c, d_b, h_b, w_b]
    front = (one - t_h) * front_above + t_h * front_below
    back = (one - t_h) * back_above + t_h * back_below
    y[n, c, d_out, h_out, w_out] = (one - t_d) * front + t_d * back


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, d_{in}, h_{in}, w_{in}] = \sum_{d_{out}} \sum_{h_{out}} \sum_{w_{out}} k_d \, k_h \, k_w \,
# \frac{\partial L}{\partial y}[n, c, d_{out}, h_{out}, w_{out}]$$
@njit(**PARALLEL)
def upsample_trilinear3d_backward_x_cpu(grad_y, grad_x, scale_d, scale_h, scale_w, align_corners):
    N, C, D_in, H_in, W_in = grad_x.shape
    N, C, D_out, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for d_in in range(D_in):
            for h_in in range(H_in):
                for w_in in range(W_in):
                    acc = grad_x.dtype.type(0)
                    none = grad_x.dtype.type(0)
                    d_first, d_end = outputs_near(grad_x, d_in, scale_d, D_out)
                    h_first, h_end = outputs_near(grad_x, h_in, scale_h, H_out)
                    w_first, w_end = outputs_near(grad_x, w_in, scale_w, W_out)
                    for d_out in range(d_first, d_end):
                        k_d = linear_weight(grad_x, d_in, d_out, scale_d, align_corners, D_in)
                        if k_d > none:
                            for h_out in range(h_first, h_end):
                                k_h = linear_weight(grad_x, h_in, h_out, scale_h, align_corners, H_in)
                                if k_h > none:
                                    for w_out in range(w_first, w_end):
                                        k_w = linear_weight(grad_x, w_in, w_out, scale_w, align_corners, W_in)
                                        if k_w > none:
                                            acc += k_d * k_h * k_w * grad_y[n, c, d_out, h_out, w_out]
                    grad_x[n, c, d_in, h_in, w_in] = acc


@cuda.jit
def upsample_trilinear3d_backward_x_cuda(grad_y, grad_x, scale_d, scale_h, scale_w, align_corners):
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
    none = grad_x.dtype.type(0)
    d_first, d_end = outputs_near(grad_x, d_in, scale_d, D_out)
    h_first, h_end = outputs_near(grad_x, h_in, scale_h, H_out)
    w_first, w_end = outputs_near(grad_x, w_in, scale_w, W_out)
    for d_out in range(d_first, d_end):
        k_d = linear_weight(grad_x, d_in, d_out, scale_d, align_corners, D_in)
        if k_d > none:
            for h_out in range(h_first, h_end):
                k_h = linear_weight(grad_x, h_in, h_out, scale_h, align_corners, H_in)
                if k_h > none:
                    for w_out in range(w_first, w_end):
                        k_w = linear_weight(grad_x, w_in, w_out, scale_w, align_corners, W_in)
                        if k_w > none:
                            acc += k_d * k_h * k_w * grad_y[n, c, d_out, h_out, w_out]
    grad_x[n, c, d_in, h_in, w_in] = acc


class UpsampleTrilinear3DFunction(Function):
    """Trilinear interpolation on the tape. x (N, C, D_in, H_in, W_in); `scales` holds three numbers."""

    @staticmethod
    def forward(ctx, x, size_out, scales, align_corners):
        y = x.new_empty(*x.shape[:2], *size_out)
        run = on(
            x.device,
            upsample_trilinear3d_forward_cpu,
            upsample_trilinear3d_forward_cuda,
            y.numel(),
            fast.linear_interpolation_forward,
        )
        run(*arrays(x, y), *scales, align_corners)
        ctx.size_in, ctx.options = x.shape, (*scales, align_corners)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            upsample_trilinear3d_backward_x_cpu,
            upsample_trilinear3d_backward_x_cuda,
            grad_x.numel(),
            fast.linear_interpolation_backward_x,
        )
        run(*arrays(grad_y, grad_x), *ctx.options)
        return grad_x, None, None, None


def upsample_trilinear3d(input, size_out, scales, align_corners):
    """The volume at the size `size_out`; `interpolate` checks the arguments.

    Shapes: `input` (N, C, D_in, H_in, W_in); the result (N, C, D_out, H_out, W_out).
    """
    return UpsampleTrilinear3DFunction.apply(input, size_out, scales, align_corners)
