r"""Fractional max pooling over images: each output is the largest pixel of a window, and the steps between windows are random.

The output can have nearly any size, for example 0.7 times the input's, where ordinary pooling halves it. New windows
are drawn in each call, for each channel.

Use it when halving the size is too much; `max_pool2d` has fixed steps, `adaptive_max_pool2d` gives any size without random numbers.

## Forward

The simplest case is one output: its window ends at the end of the input. In general:

$$y[n, c, h_{out}, w_{out}] = \max_{0 \le k_h < K_h} \; \max_{0 \le k_w < K_w} \; x[n, c, a_{h} + k_h, a_{w} + k_w]$$

$$a_{h} = \lfloor (h_{out} + u_{h}) \, \alpha_{h} \rfloor - \lfloor u_{h} \, \alpha_{h} \rfloor \qquad \alpha_{h} =
\frac{H_{in} - K_h}{H_{out} - 1}$$

$$a_{w} = \lfloor (w_{out} + u_{w}) \, \alpha_{w} \rfloor - \lfloor u_{w} \, \alpha_{w} \rfloor \qquad \alpha_{w} =
\frac{W_{in} - K_w}{W_{out} - 1}$$

$u$ is uniform between 0 and 1, and drawn once for each sample, channel and dimension. The last window in each dimension begins
at its extent minus $K$ instead. The first one begins at 0. The place of the largest pixel within its channel is kept; of equal
pixels the first one counts:

$$m[n, c, h_{out}, w_{out}] = h_{in} \, W_{in} + w_{in} \quad \text{of the pixel that won}$$

NaN wins against every number.

## Gradients

$y$ copies one pixel of the window, so its derivative is 1 for that pixel and 0 for the others. A pixel may be the largest of
several windows, and gets the sum of their gradients:

$$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}} \sum_{w_{out}} \left[ m[n, c, h_{out}, w_{out}] = h_{in}
\, W_{in} + w_{in} \right] \; \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$

The bracket is 1 where the equation in it holds, and 0 elsewhere. The random numbers are constants.

## Output size

It is the argument `output_size`, or the size of the input times `output_ratio`, rounded down.

## Cost

$K_h K_w$ comparisons per output element, and two random numbers per channel.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, H_{in}, W_{in})$ | input |
| $y$ | `y` | $(N, C, H_{out}, W_{out})$ | output: the largest pixel of each window |
| $m$ | `index` | $(N, C, H_{out}, W_{out})$ | position of that pixel within its channel; int64 |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, H_{out}, W_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, H_{in}, W_{in})$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | image of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of the output: which window |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of the output: which window |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the input |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the input |
| $K_h$ | `K_h` | $K_h \ge 1$ | rows of a window |
| $K_w$ | `K_w` | $K_w \ge 1$ | columns of a window |
| $u_{h}$ | `u_h` | $0 \le u < 1$ | random number of the channel for its rows |
| $u_{w}$ | `u_w` | $0 \le u < 1$ | random number of the channel for its columns |
| $\alpha_{h}$ | `alpha_h` |  | rows from one window to the next, on average |
| $\alpha_{w}$ | `alpha_w` |  | columns from one window to the next, on average |
| $a_{h}$ | `h_start` |  | first row of a window |
| $a_{w}$ | `w_start` |  | first column of a window |

## Worked example

Five columns and windows of two columns; three outputs. With $u = 0.5$ the windows begin at the columns 0, 2 and 3:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[1., 7, 2, 3, 4]]]], requires_grad=True)
>>> samples = torch.tensor([[[0.5, 0.5]]])
>>> y, index = F.fractional_max_pool2d(x, (1, 2), (1, 3), return_indices=True, _random_samples=samples)
>>> y
tensor([[[[7., 3., 4.]]]], grad_fn=<FractionalMaxPool2DBackward0>)
>>> index
tensor([[[[1, 3, 4]]]])
>>> y.backward(torch.tensor([[[[10., 20, 30]]]]))
>>> x.grad
tensor([[[[ 0., 10.,  0., 20., 30.]]]])

## Questions

**Where does the first window begin, whatever $u$ is?**

At 0: both rounded numbers are $\lfloor u \alpha \rfloor$.

**Are windows drawn in evaluation mode too?**

Yes, as in training. This differs from dropout, which does nothing in evaluation mode.

**Can the windows leave a pixel out?**

Yes, if a step is larger than the window. Steps are $\alpha$ rounded up or down.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange
from reftorch.nn.arguments import sizes
from reftorch.nn.module import Module
from reftorch.nn.pooling import checks
from reftorch.nn.pooling.fractional_checks import check_fits, check_samples, size_of_ratio
from reftorch.ops import rand
from reftorch.types import int64


# Where a window begins. The last one ends at the end of the input; the others advance by alpha on average, rounded down.
@njit(**SERIAL)
def window_start(is_last, position, end, u, alpha):
    if is_last:
        return end
    return int((position + u) * alpha) - int(u * alpha)


# ## The largest pixel of each window
#
# $$y[n, c, h_{out}, w_{out}] = \max_{0 \le k_h < K_h} \; \max_{0 \le k_w < K_w} \; x[n, c, a_{h} + k_h, a_{w} + k_w]$$
#
# `samples` holds one number $u$ per channel and dimension, the width first. `value > best` keeps the first of equal pixels;
# NaN is tested by name.
@njit(**PARALLEL)
def fractional_max_pool2d_forward_cpu(x, samples, y, index, K_h, K_w):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_out in range(H_out):
            for w_out in range(W_out):
                u_h = samples[n, c, 1]
                u_w = samples[n, c, 0]
                alpha_h = x.dtype.type(H_in - K_h) / x.dtype.type(H_out - 1)
                alpha_w = x.dtype.type(W_in - K_w) / x.dtype.type(W_out - 1)
                h_start = window_start(h_out == H_out - 1, x.dtype.type(h_out), H_in - K_h, u_h, alpha_h)
                w_start = window_start(w_out == W_out - 1, x.dtype.type(w_out), W_in - K_w, u_w, alpha_w)
                best = x[n, c, h_start, w_start]
                found = h_start * W_in + w_start
                for h_in in range(h_start, h_start + K_h):
                    for w_in in range(w_start, w_start + K_w):
                        value = x[n, c, h_in, w_in]
                        if value > best or math.isnan(value):
                            best = value
                            found = h_in * W_in + w_in
                y[n, c, h_out, w_out] = best
                index[n, c, h_out, w_out] = found


@cuda.jit
def fractional_max_pool2d_forward_cuda(x, samples, y, index, K_h, K_w):
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
    u_h = samples[n, c, 1]
    u_w = samples[n, c, 0]
    alpha_h = x.dtype.type(H_in - K_h) / x.dtype.type(H_out - 1)
    alpha_w = x.dtype.type(W_in - K_w) / x.dtype.type(W_out - 1)
    h_start = window_start(h_out == H_out - 1, x.dtype.type(h_out), H_in - K_h, u_h, alpha_h)
    w_start = window_start(w_out == W_out - 1, x.dtype.type(w_out), W_in - K_w, u_w, alpha_w)
    best = x[n, c, h_start, w_start]
    found = h_start * W_in + w_start
    for h_in in range(h_start, h_start + K_h):
        for w_in in range(w_start, w_start + K_w):
            value = x[n, c, h_in, w_in]
            if value > best or math.isnan(value):
                best = value
                found = h_in * W_in + w_in
    y[n, c, h_out, w_out] = best
    index[n, c, h_out, w_out] = found


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}} \sum_{w_{out}} \left[ m[n, c, h_{out}, w_{out}] =
# h_{in} \, W_{in} + w_{in} \right] \; \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$
#
# A channel belongs to one thread: it is set to zero, then each window adds its gradient where its largest pixel was.
@njit(**PARALLEL)
def fractional_max_pool2d_backward_x_cpu(grad_y, index, grad_x):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_in in range(H_in):
            for w_in in range(W_in):
                grad_x[n, c, h_in, w_in] = 0
        for h_out in range(H_out):
            for w_out in range(W_out):
                found = index[n, c, h_out, w_out]
                grad_x[n, c, found // W_in, found % W_in] += grad_y[n, c, h_out, w_out]


@cuda.jit
def fractional_max_pool2d_backward_x_cuda(grad_y, index, grad_x):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    plane = cuda.grid(1)
    if plane >= N * C:
        return
    n = plane // C
    c = plane % C
    for h_in in range(H_in):
        for w_in in range(W_in):
            grad_x[n, c, h_in, w_in] = 0
    for h_out in range(H_out):
        for w_out in range(W_out):
            found = index[n, c, h_out, w_out]
            grad_x[n, c, found // W_in, found % W_in] += grad_y[n, c, h_out, w_out]


class FractionalMaxPool2DFunction(Function):
    """Fractional max pooling on the tape. x (N, C, H_in, W_in), samples (at least N, C, 2); returns y and the place of each maximum."""

    @staticmethod
    def forward(ctx, x, samples, size_out, kernel_size):
        y = x.new_empty(*x.shape[:2], *size_out)
        index = x.new_empty(y.shape, dtype=int64)
        run = on(
            x.device,
            fractional_max_pool2d_forward_cpu,
            fractional_max_pool2d_forward_cuda,
            y.numel(),
            fast.fractional_max_pool_forward,
        )
        run(*arrays(x, samples, y, index), *kernel_size)
        ctx.save_for_backward(index)
        ctx.mark_non_differentiable(index)
        ctx.set_materialize_grads(False)  # places have no gradient, not even zeros
        ctx.size_in = x.shape
        return y, index

    @staticmethod
    def backward(ctx, grad_y, grad_index):
        (index,) = ctx.saved_tensors
        grad_x = grad_y.new_empty(ctx.size_in)
        planes = ctx.size_in[0] * ctx.size_in[1]  # one thread each
        run = on(
            grad_y.device,
            fractional_max_pool2d_backward_x_cpu,
            fractional_max_pool2d_backward_x_cuda,
            planes,
            fast.max_pool_backward_x,
        )
        run(*arrays(grad_y, index, grad_x))
        return grad_x, None, None, None


def fractional_max_pool2d(
    input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None
):
    """The largest pixel of each window; with `return_indices=True` a pair, the second being its place.

    Shapes: `input` (N, C, H_in, W_in) or (C, H_in, W_in); N may be 0. Both results (N, C, H_out, W_out) or (C, H_out, W_out).
    `kernel_size` and `output_size` are ints or pairs; `output_ratio` is a tuple of two numbers between 0 and 1, and counts if
    `output_size` is None. `_random_samples` (N, C, 2) takes the place of the numbers that are drawn, the width first.

    Raises:
        ValueError: neither `output_size` nor `output_ratio` is given.
        RuntimeError: the input has another number of dimensions or no pixels, the windows do not fit, or the samples have
            another shape or dtype.
        IndexError: the input has less than three dimensions.
        TypeError: an argument is of the wrong type.
        NotImplementedError: the input is not float32 or float64.
    """
    checks.check_tensor("fractional_max_pool2d", input)
    kernel_size = sizes(2, kernel_size, "kernel_size", "fractional_max_pool2d")
    if output_size is None:
        output_size = size_of_ratio("fractional_max_pool2d", 2, input, output_ratio)
    size_out = sizes(2, output_size, "output_size", "fractional_max_pool2d")
    checks.check_size_in("fractional_max_pool2d", 2, input.shape, too_few=IndexError, first_may_be_0=True)
    check_fits("fractional_max_pool2d", input.shape, kernel_size, size_out)
    batch = input.unsqueeze(0) if input.ndim == 3 else input
    if _random_samples is None:
        _random_samples = rand(*batch.shape[:2], 2, dtype=input.dtype).to(input.device)
    check_samples("fractional_max_pool2d", 2, batch, _random_samples)
    y, index = FractionalMaxPool2DFunction.apply(batch, _random_samples, size_out, kernel_size)
    if input.ndim == 3:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index) if return_indices else y


def fractional_max_pool2d_with_indices(
    input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None
):
    """`fractional_max_pool2d` with `return_indices=True`, whatever that argument says."""
    return fractional_max_pool2d(input, kernel_size, output_size, output_ratio, True, _random_samples)


class FractionalMaxPool2d(Module):
    """The largest pixel of each window, with random steps, as a layer. It has no parameters.

    Args:
        kernel_size: rows and columns of the window; an int for both, or a pair.
        output_size: rows and columns of the output.
        output_ratio: its size as a fraction of the input's, between 0 and 1; a number or a tuple. Either this or `output_size`
            is given.
        return_indices: also return the place of each maximum, as `MaxUnpool2d` needs it.

    Shapes: those of `fractional_max_pool2d`, which also raises the errors, when the layer is called.

    Raises:
        ValueError: both or neither of `output_size` and `output_ratio` are given, or a ratio is not between 0 and 1.
    """

    def __init__(self, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None):
        super().__init__()
        self.kernel_size = sizes(2, kernel_size, "kernel_size", "FractionalMaxPool2d")
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        if output_size is None and output_ratio is None:
            raise ValueError("FractionalMaxPool2d needs either output_size or output_ratio, and found neither")
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified, and found both")
        self.output_size = None if output_size is None else sizes(2, output_size, "output_size", "FractionalMaxPool2d")
        if output_ratio is not None:
            output_ratio = tuple(output_ratio) if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * 2
            if not all(0 < ratio < 1 for ratio in output_ratio):
                raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")
        self.output_ratio = output_ratio

    def forward(self, input):
        return fractional_max_pool2d(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices, self._random_samples
        )
