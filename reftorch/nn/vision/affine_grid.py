r"""The grid of an affine map: for each output pixel the place in the input that a matrix maps it to.

It is the first half of a spatial transformer; `grid_sample` is the second one.

Use it when an image should be rotated, scaled, sheared or shifted by one matrix, which may be computed by a network.

## Forward

An output pixel has the coordinates $b = (b_0, b_1, 1)$: its column and its row, each from -1 to 1, and a 1 for the shift. The matrix
$\theta$ maps them to the coordinates of the place in the input:

$$y[n, h, w, i] = \sum_{j} \theta[n, i, j] \, b_j(h, w)$$

With `align_corners=True` the coordinates -1 and 1 are the centres of the border pixels, with `False` their outer edges:

$$b_0(w) = \frac{2 w}{W - 1} - 1 \qquad \text{or} \qquad b_0(w) = \frac{2 w + 1}{W} - 1$$

and the same for the row, $b_1$, with $h$ and $H$. In three dimensions there is a plane $d$, and $b = (b_0, b_1, b_2, 1)$:

$$y[n, d, h, w, i] = \sum_{j} \theta[n, i, j] \, b_j(d, h, w)$$

## Gradients

An element of the matrix multiplies one coordinate of every pixel, so its gradient is a sum over all pixels:

$$\frac{\partial L}{\partial \theta}[n, i, j] = \sum_{h, w} \frac{\partial L}{\partial y}[n, h, w, i] \, b_j(h, w)$$

and over $d$, $h$, $w$ in three dimensions.

## Cost

Three multiply-adds per element of the grid, four in three dimensions, and the coordinates. Forward writes the grid, backward reads its
gradient three or four times.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $\theta$ | `theta` | $(N, 2, 3)$ or $(N, 3, 4)$ | matrix of each image |
| $y$ | `y` | $(N, H, W, 2)$ or $(N, D, H, W, 3)$ | output: the grid; the column comes first |
| $\frac{\partial L}{\partial y}$ | `grad_y` | shape of $y$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial \theta}$ | `grad_theta` | shape of $\theta$ | gradient of the loss for the matrix |
| $n$ | `n` | $0 \le n < N$ | image of the batch |
| $d$ | `d` | $0 \le d < D$ | plane |
| $h$ | `h` | $0 \le h < H$ | row |
| $w$ | `w` | $0 \le w < W$ | column |
| $i$ | `i` | $0 \le i < 2$ or $3$ | coordinate of the place: column, row, plane |
| $j$ | `j` | $0 \le j < 3$ or $4$ | coordinate of the output pixel: column, row, plane, 1 |

## Worked example

A matrix that halves the column and shifts the row by 1/4, for an image of two rows and two columns, whose pixels have their centres
at -0.5 and 0.5:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> theta = torch.tensor([[[0.5, 0, 0], [0, 1, 0.25]]], requires_grad=True)
>>> y = F.affine_grid(theta, (1, 1, 2, 2), align_corners=False)
>>> y
tensor([[[[-0.2500, -0.2500],
          [ 0.2500, -0.2500]],
<BLANKLINE>
         [[-0.2500,  0.7500],
          [ 0.2500,  0.7500]]]], grad_fn=<AffineGridGeneratorBackward0>)

Only the first pixel has a gradient. Its coordinates are (-0.5, -0.5, 1):

>>> y.backward(torch.tensor([[[[4., 8], [0, 0]], [[0, 0], [0, 0]]]]))
>>> theta.grad
tensor([[[-2., -2.,  4.],
         [-4., -4.,  8.]]])

For a volume $\theta$ has three rows of four numbers. Here it doubles the column; the two voxels have their centres at -0.5 and 0.5:

>>> theta = torch.tensor([[[2., 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]], requires_grad=True)
>>> y = F.affine_grid(theta, (1, 1, 1, 1, 2), align_corners=False)
>>> y.tolist()
[[[[[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]]]]
>>> y.backward(torch.ones(1, 1, 1, 2, 3))
>>> theta.grad.tolist()
[[[0.0, 0.0, 0.0, 2.0], [0.0, 0.0, 0.0, 2.0], [0.0, 0.0, 0.0, 2.0]]]

## Questions

**Does the matrix map the input to the output?**

No, it maps each pixel of the output to the place in the input that is read. A matrix with 0.5 on the diagonal reads the middle of
the image, which appears twice as large.

**Which matrix changes nothing?**

1 on the diagonal, otherwise 0. The places are then the pixels themselves, if `align_corners` is the same for `grid_sample`.

**In which direction does the third column move the image?**

In the direction opposite to its sign: with 0.25 in the first row every place lies further to the right, so the image moves to the left.
"""

from __future__ import annotations

import warnings

import numpy as np

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange
from reftorch.nn.arguments import check_tensors
from reftorch.tensor import Tensor


# The coordinate of pixel `at` along a dimension: from -1 to 1.
@njit(**SERIAL)
def coordinate(theta, at, extent, align_corners):
    one = theta.dtype.type(1)
    if not align_corners:
        return theta.dtype.type(2 * at + 1) / theta.dtype.type(extent) - one
    if extent == 1:
        return theta.dtype.type(0)
    return theta.dtype.type(2 * at) / theta.dtype.type(extent - 1) - one


# ## Images
#
# $$y[n, h, w, i] = \sum_{j} \theta[n, i, j] \, b_j(h, w)$$
@njit(**PARALLEL)
def affine_grid_forward_cpu(theta, y, align_corners):
    N, H, W, coordinates = y.shape
    for row in prange(N * H):
        n = row // H
        h = row % H
        for w in range(W):
            for i in range(2):
                x_part = theta[n, i, 0] * coordinate(theta, w, W, align_corners)
                y_part = theta[n, i, 1] * coordinate(theta, h, H, align_corners)
                y[n, h, w, i] = x_part + y_part + theta[n, i, 2]


@cuda.jit
def affine_grid_forward_cuda(theta, y, align_corners):
    N, H, W, coordinates = y.shape
    thread = cuda.grid(1)
    if thread >= y.size:
        return
    i = thread % 2
    w = thread // 2 % W
    row = thread // (2 * W)
    n = row // H
    h = row % H
    x_part = theta[n, i, 0] * coordinate(theta, w, W, align_corners)
    y_part = theta[n, i, 1] * coordinate(theta, h, H, align_corners)
    y[n, h, w, i] = x_part + y_part + theta[n, i, 2]


# $$\frac{\partial L}{\partial \theta}[n, i, j] = \sum_{h, w} \frac{\partial L}{\partial y}[n, h, w, i] \, b_j(h, w)$$
#
# A sum over all pixels, so the CPU adds it up in float64.
@njit(**PARALLEL)
def affine_grid_backward_theta_cpu(grad_y, grad_theta, align_corners):
    N, H, W, coordinates = grad_y.shape
    for row in prange(N * 2):
        n = row // 2
        i = row % 2
        for j in range(3):
            acc = np.float64(0)
            for h in range(H):
                for w in range(W):
                    b = grad_theta.dtype.type(1)
                    if j == 0:
                        b = coordinate(grad_theta, w, W, align_corners)
                    elif j == 1:
                        b = coordinate(grad_theta, h, H, align_corners)
                    acc += grad_y[n, h, w, i] * b
            grad_theta[n, i, j] = acc


@cuda.jit
def affine_grid_backward_theta_cuda(grad_y, grad_theta, align_corners):
    N, H, W, coordinates = grad_y.shape
    thread = cuda.grid(1)
    if thread >= grad_theta.size:
        return
    j = thread % 3
    row = thread // 3
    n = row // 2
    i = row % 2
    acc = grad_theta.dtype.type(0)
    for h in range(H):
        for w in range(W):
            b = grad_theta.dtype.type(1)
            if j == 0:
                b = coordinate(grad_theta, w, W, align_corners)
            elif j == 1:
                b = coordinate(grad_theta, h, H, align_corners)
            acc += grad_y[n, h, w, i] * b
    grad_theta[n, i, j] = acc


# ## Volumes
#
# $$y[n, d, h, w, i] = \sum_{j} \theta[n, i, j] \, b_j(d, h, w)$$
@njit(**PARALLEL)
def affine_grid3d_forward_cpu(theta, y, align_corners):
    N, D, H, W, coordinates = y.shape
    for section in prange(N * D):
        n = section // D
        d = section % D
        for h in range(H):
            for w in range(W):
                for i in range(3):
                    x_part = theta[n, i, 0] * coordinate(theta, w, W, align_corners)
                    y_part = theta[n, i, 1] * coordinate(theta, h, H, align_corners)
                    z_part = theta[n, i, 2] * coordinate(theta, d, D, align_corners)
                    y[n, d, h, w, i] = x_part + y_part + z_part + theta[n, i, 3]


@cuda.jit
def affine_grid3d_forward_cuda(theta, y, align_corners):
    N, D, H, W, coordinates = y.shape
    thread = cuda.grid(1)
    if thread >= y.size:
        return
    i = thread % 3
    w = thread // 3 % W
    h = thread // (3 * W) % H
    section = thread // (3 * W * H)
    n = section // D
    d = section % D
    x_part = theta[n, i, 0] * coordinate(theta, w, W, align_corners)
    y_part = theta[n, i, 1] * coordinate(theta, h, H, align_corners)
    z_part = theta[n, i, 2] * coordinate(theta, d, D, align_corners)
    y[n, d, h, w, i] = x_part + y_part + z_part + theta[n, i, 3]


# The gradient of the matrix, as for images, with one more coordinate.
@njit(**PARALLEL)
def affine_grid3d_backward_theta_cpu(grad_y, grad_theta, align_corners):
    N, D, H, W, coordinates = grad_y.shape
    for row in prange(N * 3):
        n = row // 3
        i = row % 3
        for j in range(4):
            acc = np.float64(0)
            for d in range(D):
                for h in range(H):
                    for w in range(W):
                        b = grad_theta.dtype.type(1)
                        if j == 0:
                            b = coordinate(grad_theta, w, W, align_corners)
                        elif j == 1:
                            b = coordinate(grad_theta, h, H, align_corners)
                        elif j == 2:
                            b = coordinate(grad_theta, d, D, align_corners)
                        acc += grad_y[n, d, h, w, i] * b
            grad_theta[n, i, j] = acc


@cuda.jit
def affine_grid3d_backward_theta_cuda(grad_y, grad_theta, align_corners):
    N, D, H, W, coordinates = grad_y.shape
    thread = cuda.grid(1)
    if thread >= grad_theta.size:
        return
    j = thread % 4
    row = thread // 4
    n = row // 3
    i = row % 3
    acc = grad_theta.dtype.type(0)
    for d in range(D):
        for h in range(H):
            for w in range(W):
                b = grad_theta.dtype.type(1)
                if j == 0:
                    b = coordinate(grad_theta, w, W, align_corners)
                elif j == 1:
                    b = coordinate(grad_theta, h, H, align_corners)
                elif j == 2:
                    b = coordinate(grad_theta, d, D, align_corners)
                acc += grad_y[n, d, h, w, i] * b
    grad_theta[n, i, j] = acc


class AffineGridGeneratorFunction(Function):
    """The grid on the tape. theta (N, 2, 3) or (N, 3, 4); `extents` are (H, W) or (D, H, W)."""

    @staticmethod
    def forward(ctx, theta, extents, align_corners):
        y = theta.new_empty(theta.shape[0], *extents, len(extents))
        if len(extents) == 2:
            run = on(theta.device, affine_grid_forward_cpu, affine_grid_forward_cuda, y.numel())
        else:
            run = on(theta.device, affine_grid3d_forward_cpu, affine_grid3d_forward_cuda, y.numel())
        run(*arrays(theta, y), align_corners)
        ctx.shape, ctx.align_corners = theta.shape, align_corners
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_theta = grad_y.new_empty(ctx.shape)
        count = grad_theta.numel()
        if grad_y.ndim == 4:
            run = on(grad_y.device, affine_grid_backward_theta_cpu, affine_grid_backward_theta_cuda, count)
        else:
            run = on(grad_y.device, affine_grid3d_backward_theta_cpu, affine_grid3d_backward_theta_cuda, count)
        run(*arrays(grad_y, grad_theta), ctx.align_corners)
        return grad_theta, None, None


def affine_grid(theta, size, align_corners=None):
    """The places in the input that the matrices map the pixels of an output of shape `size` to.

    Shapes: `theta` (N, 2, 3) and `size` (N, C, H, W): the result is (N, H, W, 2). Or (N, 3, 4) and (N, C, D, H, W): (N, D, H, W, 3).

    Args:
        align_corners: whether -1 and 1 are the centres of the border pixels instead of their outer edges. None warns and means False.

    Raises:
        ValueError: theta has another shape or is not floating point, or an extent is not positive.
        NotImplementedError: `size` has another length than 4 or 5.
        RuntimeError: `size` has another N than theta.
        TypeError: theta is not a tensor.
    """
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify "
            "align_corners=True if the old behavior is desired: pass one of the two to avoid this warning",
            stacklevel=2,
        )
        align_corners = False
    size = tuple(size)
    _check(theta, size)
    if align_corners and min(size[2:]) == 1:
        warnings.warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True. This is not an "
            "intended use case of affine_grid: a single pixel has no distance between its corners, and gets the coordinate 0",
            stacklevel=2,
        )
    check_tensors("affine_grid", theta=theta)
    return AffineGridGeneratorFunction.apply(theta, size[2:], bool(align_corners))


def _check(theta, size):
    if not isinstance(theta, Tensor):
        raise TypeError(f"affine_grid(): argument 'theta' must be Tensor, not {type(theta).__name__}")
    if theta.dtype.numpy.kind != "f":
        raise ValueError(
            f"Expected theta to have floating point type, but got {theta.dtype}: theta.float() converts it"
        )
    if len(size) not in (4, 5):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size "
            f"{size}: batch and channels belong to it"
        )
    n = len(size) - 2
    if theta.ndim != 3 or theta.shape[1:] != (n, n + 1):
        raise ValueError(
            f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {size}. Got {list(theta.shape)}: one matrix "
            "needs theta.unsqueeze(0)"
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    if size[0] != theta.shape[0]:
        raise RuntimeError(
            f"affine_grid: size {size} says {size[0]} images, but theta has {theta.shape[0]} matrices: one for each image"
        )
