r"""Bicubic sampling of images at given places: each output is a weighted sum of the 4 by 4 pixels around its place.

It is `grid_sample` with `mode="bicubic"`. The weights follow a cubic curve, which is negative for the outer pixels.

Use it when a sampled image must stay sharp, or when the gradient of the grid must be continuous; `grid_sample` with
`mode="bilinear"` is cheaper and never leaves the range of its input.

## Forward

The coordinate $v_w$ of an output stands for a place $p_w$, in pixels of the input. With `align_corners=False` the coordinates -1 and 1
are the outer edges of the border pixels, with `True` their centres:

$$p_w = \frac{(v_w + 1) \, W_{in} - 1}{2} \qquad \text{or with aligned corners} \qquad p_w = \frac{v_w + 1}{2} \, (W_{in} - 1)$$

Let $t_w = p_w - \lfloor p_w \rfloor$. The four columns $\lfloor p_w \rfloor + k_w$ with $k_w = -1, 0, 1, 2$ have the weights
$f(t_w - k_w)$, with $A = -0.75$:

$$f(u) = \begin{cases} (A + 2) \lvert u \rvert^3 - (A + 3) \lvert u \rvert^2 + 1 & \lvert u \rvert \le 1 \\ A \lvert u \rvert^3 - 5 A \lvert u
\rvert^2 + 8 A \lvert u \rvert - 4 A & 1 < \lvert u \rvert < 2 \\ 0 & \text{otherwise} \end{cases}$$

$$y[n, c, h_{out}, w_{out}] = \sum_{k_h = -1}^{2} \sum_{k_w = -1}^{2} f(t_h - k_h) \, f(t_w - k_w) \, x[n, c, e_h(k_h), e_w(k_w)]$$

Here $e_w(k_w)$ is the column that is read: $\lfloor p_w \rfloor + k_w$ inside the image. Outside, `padding_mode` is applied to each
of the 16 pixels: it counts as 0, or the nearest pixel of the border or the mirrored pixel is read.

## Gradients

An output is linear in the pixels, so the gradient of a pixel is the sum of its weights, over all outputs and all $k_h, k_w$ that read
it:

$$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}} \sum_{w_{out}} \sum_{k_h} \sum_{k_w} [e_h(k_h) = h_{in}] \,
[e_w(k_w) = w_{in}] \, f(t_h - k_h) \, f(t_w - k_w) \, \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$

A step of the place changes the weights by the derivative $f'$ of the curve. With $g$ for the gradient of the output:

$$\frac{\partial L}{\partial v_w}[n, h_{out}, w_{out}] = \frac{\partial p_w}{\partial v_w} \sum_c \sum_{k_h} \sum_{k_w} f(t_h - k_h) \,
f'(t_w - k_w) \, x[n, c, e_h(k_h), e_w(k_w)] \, g$$

and for $v_h$ with rows and columns exchanged. The derivative of the place is $W_{in} / 2$, or $(W_{in} - 1) / 2$ with aligned corners.

## Cost

16 multiply-adds per element of the output and the eight weights, each about 8 operations.

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
| $A$ | `A` | $-0.75$ | slope of the curve at distance 1 |
| $p_w$ | `w_at` |  | place of the output: column |
| $t_h$ | `t_h` | $0 \le t_h < 1$ | place of the output between two rows |
| $t_w$ | `t_w` | $0 \le t_w < 1$ | place of the output between two columns |
| $k_h$ | `k_h` | $-1 \le k_h \le 2$ | which of the four rows |
| $k_w$ | `k_w` | $-1 \le k_w \le 2$ | which of the four columns |
| $g$ | `g` |  | gradient of an output |

## Worked example

A row with one bright pixel is read at the middle between columns 0 and 1, between 1 and 2, and at the centre of column 2:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[0., 0, 32, 0]]]], requires_grad=True)
>>> grid = torch.tensor([[[[-0.5, 0], [0, 0], [0.25, 0]]]], requires_grad=True)
>>> y = F.grid_sample(x, grid, mode="bicubic", align_corners=False)
>>> y
tensor([[[[-3., 19., 32.]]]], grad_fn=<GridSampler2DBackward0>)
>>> y.backward(torch.tensor([[[[0., 1, 0]]]]))
>>> x.grad
tensor([[[[-0.0938,  0.5938,  0.5938, -0.0938]]]])
>>> grid.grad[0, 0, :, 0]
tensor([ 0., 84.,  0.])

## Questions

**What do the 16 weights add up to?**

To 1 for every place inside the image. With "zeros" the pixels outside are missing, so near the border the sum differs from 1.

**Why is there no factor of 0 at the border, as in bilinear sampling?**

The padding moves the pixels that are read, not the place. So the weights still depend on the place, and the gradient of the grid is
not 0 beyond the border.

**What is the result at the centre of a pixel?**

That pixel, since $f$ is 1 at 0, and 0 at the other integers.

## Differences

Where a coordinate is NaN or infinite, PyTorch returns NaN for large inputs; small inputs take another code path. Here the result is
always NaN.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange

ZEROS, BORDER, REFLECTION = 0, 1, 2  # numbers of the padding modes in the kernels


# The place in pixels that the coordinate `v` stands for, kept within the numbers that an integer can hold.
@njit(**SERIAL)
def place(x, v, extent, align_corners):
    half = x.dtype.type(0.5)
    if align_corners:
        at = (v + x.dtype.type(1)) * half * x.dtype.type(extent - 1)
    else:
        at = (v + x.dtype.type(1)) * half * x.dtype.type(extent) - half
    far = x.dtype.type(1e9)
    if math.isfinite(at):
        return min(max(at, -far), far)
    return at


# The pixel that is read for the position `i` along one dimension; -1 if it counts as 0.
@njit(**SERIAL)
def tap(i, extent, padding, align_corners):
    if padding == BORDER:
        return min(max(i, 0), extent - 1)
    if padding == REFLECTION:
        if align_corners:
            period = max(2 * (extent - 1), 1)
            i = abs(i) % period
            return min(i, period - i) if extent > 1 else 0
        i = (i if i >= 0 else -1 - i) % (2 * extent)
        return min(i, 2 * extent - 1 - i)
    return i if 0 <= i and i < extent else -1


# The curve $f$ at distance `u`.
@njit(**SERIAL)
def cubic(x, u):
    A = x.dtype.type(-0.75)
    u = abs(u)
    if u <= x.dtype.type(1):
        return ((A + x.dtype.type(2)) * u - (A + x.dtype.type(3))) * u * u + x.dtype.type(1)
    if u < x.dtype.type(2):
        return ((A * u - x.dtype.type(5) * A) * u + x.dtype.type(8) * A) * u - x.dtype.type(4) * A
    return x.dtype.type(0)


# Its derivative $f'$.
@njit(**SERIAL)
def cubic_slope(x, u):
    A = x.dtype.type(-0.75)
    sign = x.dtype.type(1) if u > x.dtype.type(0) else x.dtype.type(-1)
    u = abs(u)
    if u <= x.dtype.type(1):
        return sign * (x.dtype.type(3) * (A + x.dtype.type(2)) * u - x.dtype.type(2) * (A + x.dtype.type(3))) * u
    if u < x.dtype.type(2):
        return sign * A * ((x.dtype.type(3) * u - x.dtype.type(10)) * u + x.dtype.type(8))
    return x.dtype.type(0)


# ## The weighted sum of 4 by 4 pixels
#
# $$y[n, c, h_{out}, w_{out}] = \sum_{k_h = -1}^{2} \sum_{k_w = -1}^{2} f(t_h - k_h) \, f(t_w - k_w) \, x[n, c, e_h(k_h), e_w(k_w)]$$
@njit(**PARALLEL)
def grid_sample_bicubic_forward_cpu(x, grid, y, padding, align_corners):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_out in range(H_out):
            for w_out in range(W_out):
                acc = x.dtype.type(math.nan)
                h_at = place(x, grid[n, h_out, w_out, 1], H_in, align_corners)
                w_at = place(x, grid[n, h_out, w_out, 0], W_in, align_corners)
                if math.isfinite(h_at) and math.isfinite(w_at):
                    acc = x.dtype.type(0)
                    h_0, w_0 = int(math.floor(h_at)), int(math.floor(w_at))
                    t_h, t_w = h_at - x.dtype.type(h_0), w_at - x.dtype.type(w_0)
                    for k_h in range(-1, 3):
                        h_in = tap(h_0 + k_h, H_in, padding, align_corners)
                        for k_w in range(-1, 3):
                            w_in = tap(w_0 + k_w, W_in, padding, align_corners)
                            if h_in >= 0 and w_in >= 0:
                                weight = cubic(x, t_h - x.dtype.type(k_h)) * cubic(x, t_w - x.dtype.type(k_w))
                                acc += weight * x[n, c, h_in, w_in]
                y[n, c, h_out, w_out] = acc


@cuda.jit
def grid_sample_bicubic_forward_cuda(x, grid, y, padding, align_corners):
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
    acc = x.dtype.type(math.nan)
    h_at = place(x, grid[n, h_out, w_out, 1], H_in, align_corners)
    w_at = place(x, grid[n, h_out, w_out, 0], W_in, align_corners)
    if math.isfinite(h_at) and math.isfinite(w_at):
        acc = x.dtype.type(0)
        h_0, w_0 = int(math.floor(h_at)), int(math.floor(w_at))
        t_h, t_w = h_at - x.dtype.type(h_0), w_at - x.dtype.type(w_0)
        for k_h in range(-1, 3):
            h_in = tap(h_0 + k_h, H_in, padding, align_corners)
            for k_w in range(-1, 3):
                w_in = tap(w_0 + k_w, W_in, padding, align_corners)
                if h_in >= 0 and w_in >= 0:
                    weight = cubic(x, t_h - x.dtype.type(k_h)) * cubic(x, t_w - x.dtype.type(k_w))
                    acc += weight * x[n, c, h_in, w_in]
    y[n, c, h_out, w_out] = acc


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}} \sum_{w_{out}} \sum_{k_h} \sum_{k_w} [e_h(k_h) = h_{in}] \,
# [e_w(k_w) = w_{in}] \, f(t_h - k_h) \, f(t_w - k_w) \, \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$
#
# Each plane belongs to one thread, which adds the gradient of each output to the pixels that the output has read. `grad_x` holds
# zeros at the start.
@njit(**PARALLEL)
def grid_sample_bicubic_backward_x_cpu(grad_y, grid, grad_x, padding, align_corners):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_out in range(H_out):
            for w_out in range(W_out):
                g = grad_y[n, c, h_out, w_out]
                h_at = place(grad_x, grid[n, h_out, w_out, 1], H_in, align_corners)
                w_at = place(grad_x, grid[n, h_out, w_out, 0], W_in, align_corners)
                if math.isfinite(h_at) and math.isfinite(w_at):
                    h_0, w_0 = int(math.floor(h_at)), int(math.floor(w_at))
                    t_h, t_w = h_at - grad_x.dtype.type(h_0), w_at - grad_x.dtype.type(w_0)
                    for k_h in range(-1, 3):
                        h_in = tap(h_0 + k_h, H_in, padding, align_corners)
                        for k_w in range(-1, 3):
                            w_in = tap(w_0 + k_w, W_in, padding, align_corners)
                            if h_in >= 0 and w_in >= 0:
                                weight = cubic(grad_x, t_h - grad_x.dtype.type(k_h))
                                weight *= cubic(grad_x, t_w - grad_x.dtype.type(k_w))
                                grad_x[n, c, h_in, w_in] += weight * g


@cuda.jit
def grid_sample_bicubic_backward_x_cuda(grad_y, grid, grad_x, padding, align_corners):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    plane = cuda.grid(1)
    if plane >= N * C:
        return
    n = plane // C
    c = plane % C
    for h_out in range(H_out):
        for w_out in range(W_out):
            g = grad_y[n, c, h_out, w_out]
            h_at = place(grad_x, grid[n, h_out, w_out, 1], H_in, align_corners)
            w_at = place(grad_x, grid[n, h_out, w_out, 0], W_in, align_corners)
            if math.isfinite(h_at) and math.isfinite(w_at):
                h_0, w_0 = int(math.floor(h_at)), int(math.floor(w_at))
                t_h, t_w = h_at - grad_x.dtype.type(h_0), w_at - grad_x.dtype.type(w_0)
                for k_h in range(-1, 3):
                    h_in = tap(h_0 + k_h, H_in, padding, align_corners)
                    for k_w in range(-1, 3):
                        w_in = tap(w_0 + k_w, W_in, padding, align_corners)
                        if h_in >= 0 and w_in >= 0:
                            weight = cubic(grad_x, t_h - grad_x.dtype.type(k_h))
                            weight *= cubic(grad_x, t_w - grad_x.dtype.type(k_w))
                            grad_x[n, c, h_in, w_in] += weight * g


# ## The gradient of the grid
#
# $$\frac{\partial L}{\partial v_w}[n, h_{out}, w_{out}] = \frac{\partial p_w}{\partial v_w} \sum_c \sum_{k_h} \sum_{k_w} f(t_h - k_h) \,
# f'(t_w - k_w) \, x[n, c, e_h(k_h), e_w(k_w)] \, g$$
@njit(**PARALLEL)
def grid_sample_bicubic_backward_grid_cpu(grad_y, x, grid, grad_grid, padding, align_corners):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = grad_y.shape
    for row in prange(N * H_out):
        n = row // H_out
        h_out = row % H_out
        for w_out in range(W_out):
            h_acc = x.dtype.type(0)
            w_acc = x.dtype.type(0)
            half = x.dtype.type(0.5)
            h_at = place(x, grid[n, h_out, w_out, 1], H_in, align_corners)
            w_at = place(x, grid[n, h_out, w_out, 0], W_in, align_corners)
            if math.isfinite(h_at) and math.isfinite(w_at):
                h_0, w_0 = int(math.floor(h_at)), int(math.floor(w_at))
                t_h, t_w = h_at - x.dtype.type(h_0), w_at - x.dtype.type(w_0)
                for c in range(C):
                    g = grad_y[n, c, h_out, w_out]
                    for k_h in range(-1, 3):
                        h_in = tap(h_0 + k_h, H_in, padding, align_corners)
                        u_h = t_h - x.dtype.type(k_h)
                        for k_w in range(-1, 3):
                            w_in = tap(w_0 + k_w, W_in, padding, align_corners)
                            u_w = t_w - x.dtype.type(k_w)
                            if h_in >= 0 and w_in >= 0:
                                h_acc += cubic_slope(x, u_h) * cubic(x, u_w) * x[n, c, h_in, w_in] * g
                                w_acc += cubic(x, u_h) * cubic_slope(x, u_w) * x[n, c, h_in, w_in] * g
            grad_grid[n, h_out, w_out, 0] = w_acc * half * x.dtype.type(W_in - 1 if align_corners else W_in)
            grad_grid[n, h_out, w_out, 1] = h_acc * half * x.dtype.type(H_in - 1 if align_corners else H_in)


@cuda.jit
def grid_sample_bicubic_backward_grid_cuda(grad_y, x, grid, grad_grid, padding, align_corners):
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
    half = x.dtype.type(0.5)
    h_at = place(x, grid[n, h_out, w_out, 1], H_in, align_corners)
    w_at = place(x, grid[n, h_out, w_out, 0], W_in, align_corners)
    if math.isfinite(h_at) and math.isfinite(w_at):
        h_0, w_0 = int(math.floor(h_at)), int(math.floor(w_at))
        t_h, t_w = h_at - x.dtype.type(h_0), w_at - x.dtype.type(w_0)
        for c in range(C):
            g = grad_y[n, c, h_out, w_out]
            for k_h in range(-1, 3):
                h_in = tap(h_0 + k_h, H_in, padding, align_corners)
                u_h = t_h - x.dtype.type(k_h)
                for k_w in range(-1, 3):
                    w_in = tap(w_0 + k_w, W_in, padding, align_corners)
                    u_w = t_w - x.dtype.type(k_w)
                    if h_in >= 0 and w_in >= 0:
                        h_acc += cubic_slope(x, u_h) * cubic(x, u_w) * x[n, c, h_in, w_in] * g
                        w_acc += cubic(x, u_h) * cubic_slope(x, u_w) * x[n, c, h_in, w_in] * g
    grad_grid[n, h_out, w_out, 0] = w_acc * half * x.dtype.type(W_in - 1 if align_corners else W_in)
    grad_grid[n, h_out, w_out, 1] = h_acc * half * x.dtype.type(H_in - 1 if align_corners else H_in)


class GridSampler2DFunction(Function):
    """Bicubic sampling on the tape. x (N, C, H_in, W_in), grid (N, H_out, W_out, 2)."""

    @staticmethod
    def forward(ctx, x, grid, padding, align_corners):
        y = x.new_empty(*x.shape[:2], *grid.shape[1:-1])
        run = on(
            x.device,
            grid_sample_bicubic_forward_cpu,
            grid_sample_bicubic_forward_cuda,
            y.numel(),
            fast.grid_sample_bicubic_forward,
        )
        run(*arrays(x, grid, y), padding, align_corners)
        ctx.save_for_backward(x, grid)
        ctx.options = padding, align_corners
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, grid = ctx.saved_tensors
        grad_x = grad_grid = None
        if ctx.needs_input_grad[0]:
            grad_x = x.new_zeros(x.shape)
            planes = x.shape[0] * x.shape[1]
            run = on(
                x.device,
                grid_sample_bicubic_backward_x_cpu,
                grid_sample_bicubic_backward_x_cuda,
                planes,
                fast.grid_sample_bicubic_backward_x,
            )
            run(*arrays(grad_y, grid, grad_x), *ctx.options)
        if ctx.needs_input_grad[1]:
            grad_grid = grid.new_empty(grid.shape)
            places = grid.numel() // 2
            run = on(
                x.device,
                grid_sample_bicubic_backward_grid_cpu,
                grid_sample_bicubic_backward_grid_cuda,
                places,
                fast.grid_sample_bicubic_backward_grid,
            )
            run(*arrays(grad_y, x, grid, grad_grid), *ctx.options)
        return grad_x, grad_grid, None, None


def grid_sample_bicubic(input, grid, padding, align_corners):
    """The input at the places of the grid; `grid_sample` checks the arguments.

    Shapes: `input` (N, C, H_in, W_in), `grid` (N, H_out, W_out, 2); the result (N, C, H_out, W_out).
    """
    return GridSampler2DFunction.apply(input, grid, padding, align_corners)
