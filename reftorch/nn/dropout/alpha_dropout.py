r"""Alpha dropout: in training elements are set to the lowest value of SELU at random, and mean and variance stay as they were.

Feature alpha dropout does the same with whole channels. In evaluation the input is returned unchanged.

Use it when the network normalizes itself with `SELU`: plain `Dropout` sets elements to 0 and changes the variance, which such
a network must keep at 1.

## Forward

$\mathrm{SELU}(x)$ approaches $-\alpha' = -1.7581$ for very negative $x$. A dropped element gets this value. Each element of the
mask $m$ is 1 with probability $q = 1 - p$, else 0:

$$z_i = m_i \, x_i - (1 - m_i) \, \alpha'$$

If the inputs have mean 0 and variance 1, then $z$ has the mean $-p \, \alpha'$ and the variance $q + q \, p \, \alpha'^2$. A scale
$s$ and a shift bring these back to 0 and 1:

$$y_i = s \left( z_i + p \, \alpha' \right) = m_i \, s \, x_i + (m_i - 1) \, s \alpha' + p s \alpha' \qquad
s = \frac{1}{\sqrt{q \left( 1 + p \, \alpha'^2 \right)}}$$

In feature alpha dropout all elements of a channel of a sample share one $m_i$. With $p = 1$ no number is drawn, and $x$ is
multiplied by 0.

## Gradients

A kept element is multiplied by $s$. The output of a dropped element does not depend on its input:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, s \, m_i$$

## Cost

One random number and about 5 operations per element. In float32 forward reads $x$ and $m$ and writes $y$: 12 bytes per element.
Backward reads $m$ and the gradient of $y$ and writes the gradient of $x$: 12 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $m_i$ | `mask` | 0 or 1 | whether the element is kept |
| $s$ | `scale` | $> 0$ | brings the variance back to 1 |
| $s \alpha'$ | `low` | $> 0$ | scale times 1.7581; the lowest value of SELU is -1.7581 |
| $p s \alpha'$ | `lift` | $> 0$ | brings the mean back to 0 |
| $y_i$ | `y` | shape of $x$ | output |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

With $p = 0.5$ the scale is 0.8864; dropped elements become $0.8864 \cdot (-1.7581 + 0.8790) = -0.7792$, and kept ones
$0.8864 \, (x + 0.8790)$:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> _ = torch.manual_seed(8)
>>> x = torch.tensor([1., 2, 3, 4, 5, 6], requires_grad=True)
>>> y = F.alpha_dropout(x, p=0.5, training=True)
>>> y
tensor([-0.7792, -0.7792,  3.4384,  4.3248, -0.7792,  6.0976],
       grad_fn=<AlphaDropoutBackward0>)
>>> y.backward(torch.tensor([10., 20, 30, 40, 50, 60]))
>>> x.grad
tensor([ 0.0000,  0.0000, 26.5921, 35.4562,  0.0000, 53.1843])

## Questions

**Are mean and variance kept?**

On average, if the inputs had mean 0 and variance 1:

>>> _ = torch.manual_seed(0)
>>> y = F.alpha_dropout(torch.randn(100_000), p=0.3, training=True)
>>> round(abs(y.mean().item()), 1), round(y.var().item(), 1)
(0.0, 1.0)

**What would plain dropout do to the variance?**

With p = 0.3 it becomes $1 / 0.7$, since kept elements are divided by 0.7:

>>> round(F.dropout(torch.randn(100_000), p=0.3).var().item(), 1), round(1 / 0.7, 1)
(1.4, 1.4)

**What is the default of `training` here?**

False for the two functions, unlike for `dropout`. The layers pass their attribute `training`.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, fast_forms, njit, prange
from reftorch.nn.dropout.dropout_nd import _DropoutNd, channel_mask, check_dropout, element_mask
from reftorch.ops.backend import quietly
from reftorch.tensor import Tensor

FLOOR = 1.7580993408473766  # the product of SELU's two constants


# ## The output
#
# $$y_i = m_i \, s \, x_i + (m_i - 1) \, s \alpha' + p s \alpha'$$
@njit(**PARALLEL)
def alpha_dropout_forward_cpu(x, mask, y, scale, low, lift):
    for i in prange(x.size):
        dropped = (mask[i] - x.dtype.type(1)) * x.dtype.type(low)
        y[i] = x[i] * (mask[i] * x.dtype.type(scale)) + (dropped + x.dtype.type(lift))


@cuda.jit
def alpha_dropout_forward_cuda(x, mask, y, scale, low, lift):
    i = cuda.grid(1)
    if i >= x.size:
        return
    dropped = (mask[i] - x.dtype.type(1)) * x.dtype.type(low)
    y[i] = x[i] * (mask[i] * x.dtype.type(scale)) + (dropped + x.dtype.type(lift))


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, s \, m_i$$
@njit(**PARALLEL)
def alpha_dropout_backward_x_cpu(grad_y, mask, grad_x, scale):
    for i in prange(grad_y.size):
        grad_x[i] = grad_y[i] * (mask[i] * grad_y.dtype.type(scale))


@cuda.jit
def alpha_dropout_backward_x_cuda(grad_y, mask, grad_x, scale):
    i = cuda.grid(1)
    if i >= grad_y.size:
        return
    grad_x[i] = grad_y[i] * (mask[i] * grad_y.dtype.type(scale))


class AlphaDropoutFunction(Function):
    """Alpha dropout on the tape. mask of the shape of x, or (N, C, 1, ...); y as x, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, mask, p, inplace):
        if inplace:
            ctx.mark_dirty(x)
        scale = 0.0 if p == 1 else 1 / math.sqrt((FLOOR**2 * p + 1) * (1 - p))
        ctx.save_for_backward(mask)
        ctx.scale = scale
        numbers = (scale, FLOOR * scale, FLOOR * scale * p)
        ctx.planes = mask.shape != x.shape and x.device.type == "cpu" and fast_forms()
        if ctx.planes and not inplace:
            return Tensor._make(fast.drop_planes(x.array, mask.array, *numbers))
        kernels = alpha_dropout_forward_cpu, alpha_dropout_forward_cuda
        return elementwise(*kernels, x, mask.expand(x.shape), numbers=numbers, inplace=inplace)

    @staticmethod
    def backward(ctx, grad_y):
        (mask,) = ctx.saved_tensors
        if ctx.planes:
            return Tensor._make(quietly(fast.scale_planes, grad_y.array, mask.array, ctx.scale)), None, None, None
        kernels = alpha_dropout_backward_x_cpu, alpha_dropout_backward_x_cuda
        return elementwise(*kernels, grad_y, mask.expand(grad_y.shape), numbers=(ctx.scale,)), None, None, None


def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """Set each element to the lowest value of SELU with probability `p`, then keep mean 0 and variance 1, in `training` only.

    Shapes: any; the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        ValueError: `p` is not between 0 and 1.
        RuntimeError: the input is not floating point; in place on a leaf that requires grad; `p` is NaN.
        TypeError: `input` is not a tensor, `p` not a number or `training` not a bool.
    """
    p = check_dropout("alpha_dropout", input, p, training)
    if not training or p == 0 or input.numel() == 0:
        return input
    return AlphaDropoutFunction.apply(input, element_mask(input, p), p, bool(inplace))


def feature_alpha_dropout(input, p=0.5, training=False, inplace=False):
    """`alpha_dropout` of whole channels, which are the second dimension.

    Shapes: (N, C, *); the result has the same, or is `input` itself, changed, if `inplace`.

    Raises: as `alpha_dropout`; RuntimeError: fewer than two dimensions.
    """
    p = check_dropout("feature_alpha_dropout", input, p, training)
    if not training or p == 0 or input.numel() == 0:
        return input
    if input.ndim < 2:
        raise RuntimeError(
            f"feature_alpha_dropout: Feature dropout requires at least 2 dimensions in the input, found {input.ndim}"
        )
    mask = channel_mask(input, p).reshape(*input.shape[:2], *[1] * (input.ndim - 2))
    return AlphaDropoutFunction.apply(input, mask, p, bool(inplace))


class AlphaDropout(_DropoutNd):
    """Alpha dropout, as a layer. It has no parameters.

    Args:
        p: the probability that an element is dropped.
        inplace: has no effect, as in PyTorch.

    Shapes: input (*), any shape; output the same. Errors as `alpha_dropout`, when the layer is called.

    Raises:
        ValueError: `p` is not between 0 and 1.
    """

    def forward(self, input):
        return alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """Alpha dropout of whole channels, as a layer. Args and errors as `AlphaDropout`.

    Shapes: input (N, C, *); output the same.
    """

    def forward(self, input):
        return feature_alpha_dropout(input, self.p, self.training)
