r"""Gumbel-softmax: a random choice of a class that still has a gradient.

The class with the largest sum of logit and Gumbel noise is a sample of softmax's distribution (the Gumbel-max trick). Here the maximum
is replaced by a softmax with a temperature, which can be differentiated.

Use it when a network has to choose one of several things and should learn from the outcome; `softmax` mixes all of them instead of
choosing, and `multinomial` sampling gives no gradient.

## Forward

One sample of $C$ classes with logits $x[c]$ and temperature $\tau$: draw $E[c]$ from the exponential distribution with rate 1; then
$-\log E[c]$ has the Gumbel distribution, and

$$y = \operatorname{softmax} \left( \frac{x - \log E}{\tau} \right)$$

along one dimension of a tensor. The smaller $\tau$ is, the closer $y$ is to a hard choice: a single one, and zeros for all other classes.
With `hard=True` the output is this choice: 1 for the largest element of $y$, 0 for the others.

## Gradients

The noise does not depend on $x$. The gradient is that of softmax, divided by $\tau$. With $\mu$ the mean of the upstream gradients,
weighted by $y$:

$$\frac{\partial L}{\partial x}[c] = \frac{1}{\tau} \, y[c] \left( \frac{\partial L}{\partial y}[c] - \mu \right) \qquad
\mu = \sum_{c=0}^{C-1} \frac{\partial L}{\partial y}[c] \, y[c]$$

A choice has no useful derivative: it is constant except where it jumps. With `hard=True` the output is $(h - y) + y$, where $h$ is the
choice, and the difference in brackets is treated as a constant. So the value is $h$, and the gradient is that of $y$. This is called a
straight-through estimator.

## Worked example

Three classes with probabilities in the ratio 1 : 2 : 1. Over many draws, the fraction of each class is close to its softmax probability:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> _ = torch.manual_seed(0)
>>> logits = torch.tensor([1., 2, 1]).log()
>>> F.gumbel_softmax(logits, tau=0.5)
tensor([0.0151, 0.4923, 0.4925])
>>> chosen = F.gumbel_softmax(logits.expand(1000, 3), hard=True)
>>> chosen[0]
tensor([0., 1., 0.])
>>> (chosen.mean(0) - torch.tensor([0.25, 0.5, 0.25])).abs().max().item() < 0.05
True

## Questions

**What does a very high temperature give?**

All classes get nearly the same share, whatever the logits and the noise are:

>>> F.gumbel_softmax(logits, tau=1000.0).round(decimals=2)
tensor([0.3300, 0.3300, 0.3300])

**Why is the noise $-\log E$ and not a normal number?**

With Gumbel noise, each class has the largest sum with exactly its softmax probability. With normal noise the probabilities are different.

**Does a hard choice have a gradient?**

Yes, that of the soft one:

>>> x = logits.clone().requires_grad_()
>>> F.gumbel_softmax(x, hard=True)[1].backward()
>>> bool((x.grad != 0).all())
True
"""

from __future__ import annotations

import warnings

from reftorch import random
from reftorch.nn.activation.softmax import softmax
from reftorch.nn.arguments import check_tensors
from reftorch.types import float16, float32, float64


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """A random choice along dimension `dim`, softened with temperature `tau`; with `hard`, a single 1 and otherwise zeros.

    Shapes: any; the result has the same.

    Raises:
        TypeError: `logits` is not a tensor.
        RuntimeError: it holds no floating-point numbers.
        IndexError: there is no such dimension.
    Warns:
        UserWarning: `eps` was given; it has no effect.
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    try:
        check_tensors("gumbel_softmax", (float16, float32, float64), logits=logits)
    except NotImplementedError as error:
        raise RuntimeError(f"{error}: the noise is not a whole number") from None
    exponential = logits.new_tensor(random.samples.exponential(logits.shape, dtype=logits.dtype.numpy))
    y = softmax((logits - exponential.log()) / tau, dim)
    if not hard:
        return y
    choice = y.new_zeros(y.shape).scatter(dim, y.detach().argmax(dim, keepdim=True), value=1.0)
    return choice - y.detach() + y
