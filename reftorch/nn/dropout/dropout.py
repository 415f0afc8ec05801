r"""Dropout: in training each element is set to zero with probability p, and the others are made larger to compensate.

The next layer cannot rely on any single element, so a network overfits less. In evaluation the input is returned unchanged.

Use it when a network with fully connected layers or a Transformer overfits; for the channels of images and sequences
use `Dropout2d` or `Dropout1d`, since neighbouring elements of a channel carry nearly the same information; after `SELU` use
`AlphaDropout`.

## Forward

A mask $m$ says which elements are kept. Each of its elements is drawn independently: 1 with probability
$q = 1 - p$, else 0. A kept element is divided by $q$:

$$y_i = x_i \, \frac{m_i}{q}$$

The reason for the division: the expected value of $m_i$ is $q$, so the expected value of $y_i$ is $x_i$. The next layer receives
the same mean in training and in evaluation, where $y_i = x_i$.

With $p = 1$ all elements are dropped: no number is drawn, and $x$ is multiplied by 0.

## Gradients

The mask is a constant, drawn in forward and kept for backward. Each output is its input times a constant:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{m_i}{q}$$

Only kept elements get a gradient. Backward must not draw a new mask.

## Cost

One random number, one division and one multiplication per element in forward. In float32 forward reads $x$ and $m$ and writes
$y$: 12 bytes per element. Backward moves as many. Drawing the random numbers takes longer than the rest.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $m_i$ | `mask` | 0 or 1 | whether the element is kept |
| $q$ | `keep` | $0 < q \le 1$ | probability that an element is kept, $1 - p$ |
| $y_i$ | `y` | shape of $x$ | output |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

With $p = 0.5$ about half of the elements are dropped, and the others are doubled:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> _ = torch.manual_seed(8)
>>> x = torch.tensor([1., 2, 3, 4, 5, 6], requires_grad=True)
>>> y = F.dropout(x, p=0.5)
>>> y
tensor([ 0.,  0.,  6.,  8.,  0., 12.], grad_fn=<DropoutBackward0>)
>>> y.backward(torch.tensor([10., 20, 30, 40, 50, 60]))
>>> x.grad
tensor([  0.,   0.,  60.,  80.,   0., 120.])

In evaluation the input itself is returned:

>>> F.dropout(x, p=0.5, training=False) is x
True

## Questions

**What is the mean of the output, if all inputs are 1?**

About 1, for every p, because of the division by $q$.

>>> _ = torch.manual_seed(0)
>>> ones = torch.ones(10_000)
>>> F.dropout(ones, 0.5).mean(), F.dropout(ones, 0.9).mean()
(tensor(0.9908), tensor(0.9860))

**A trained network gives another result at each call. What was forgotten?**

`model.eval()`, which makes every dropout layer return its input. After evaluation, `model.train()` switches back.

**Does dropout with p = 0.2 keep exactly 8 of 10 elements?**

No: each element is kept or dropped independently of the others, so the number of kept ones varies.

>>> _ = torch.manual_seed(1)
>>> [int((F.dropout(torch.ones(10), 0.2) > 0).sum()) for _ in range(5)]
[10, 10, 3, 7, 9]

**What is the output for an input that is infinite and dropped?**

NaN, because infinity times 0 is not defined.
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.dropout.dropout_nd import _DropoutNd, check_dropout, element_mask


# ## The output
#
# $$y_i = x_i \, \frac{m_i}{q}$$
@njit(**PARALLEL)
def dropout_forward_cpu(x, mask, y, keep):
    for i in prange(x.size):
        y[i] = x[i] * (mask[i] / x.dtype.type(keep))


@cuda.jit
def dropout_forward_cuda(x, mask, y, keep):
    i = cuda.grid(1)
    if i >= x.size:
        return
    y[i] = x[i] * (mask[i] / x.dtype.type(keep))


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{m_i}{q}$$
#
# Backward uses the mask that forward has drawn.
@njit(**PARALLEL)
def dropout_backward_x_cpu(grad_y, mask, grad_x, keep):
    for i in prange(grad_y.size):
        grad_x[i] = grad_y[i] * (mask[i] / grad_y.dtype.type(keep))


@cuda.jit
def dropout_backward_x_cuda(grad_y, mask, grad_x, keep):
    i = cuda.grid(1)
    if i >= grad_y.size:
        return
    grad_x[i] = grad_y[i] * (mask[i] / grad_y.dtype.type(keep))


class DropoutFunction(Function):
    """Dropout on the tape. x and mask of any shape; y of the same, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, mask, keep, inplace):
        if inplace:
            ctx.mark_dirty(x)
        ctx.save_for_backward(mask)
        ctx.keep = keep
        return elementwise(dropout_forward_cpu, dropout_forward_cuda, x, mask, numbers=(keep,), inplace=inplace)

    @staticmethod
    def backward(ctx, grad_y):
        (mask,) = ctx.saved_tensors
        grad_x = elementwise(dropout_backward_x_cpu, dropout_backward_x_cuda, grad_y, mask, numbers=(ctx.keep,))
        return grad_x, None, None, None


def dropout(input, p=0.5, training=True, inplace=False):
    """Set each element to zero with probability `p` and divide the others by 1 - p; outside `training`, return `input` itself.

    Shapes: any; the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        ValueError: `p` is not between 0 and 1.
        RuntimeError: the input is not floating point; in place on a leaf that requires grad; `p` is NaN.
        TypeError: `input` is not a tensor, `p` not a number or `training` not a bool.
    """
    p = check_dropout("dropout", input, p, training)
    if not training or p == 0 or input.numel() == 0:
        return input
    return DropoutFunction.apply(input, element_mask(input, p), 1 - p or 1.0, bool(inplace))  # p = 1: the mask is all 0


class Dropout(_DropoutNd):
    """Dropout, as a layer. It has no parameters.

    Args:
        p: the probability that an element is set to zero.
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.

    Shapes: input (*), any shape; output the same. Errors as `dropout`, when the layer is called.

    Raises:
        ValueError: `p` is not between 0 and 1.
    """

    def forward(self, input):
        return dropout(input, self.p, self.training, self.inplace)
