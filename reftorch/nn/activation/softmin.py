r"""Softmin: softmax of the negated input. The smallest number gets the largest probability.

Use it when small numbers are the good ones, as distances or costs; otherwise `softmax`.

## Forward

One sample of $C$ classes: $y[c] = e^{-x[c]} / \sum_{c'} e^{-x[c']}$. In general the classes lie along one dimension of a tensor:

$$y = \operatorname{softmax}(-x)$$

and `softmin` computes it in this way.

## Gradients

The derivative of $-x$ is $-1$, so the gradient of softmax changes its sign. With $\mu$ the mean of the upstream gradients,
weighted by the probabilities:

$$\frac{\partial L}{\partial x}[c] = -y[c] \left( \frac{\partial L}{\partial y}[c] - \mu \right) \qquad
\mu = \sum_{c=0}^{C-1} \frac{\partial L}{\partial y}[c] \, y[c]$$

## Worked example

Three distances; the nearest gets the largest weight.

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([1., 2, 4], requires_grad=True)
>>> y = F.softmin(x, dim=0)
>>> y
tensor([0.7054, 0.2595, 0.0351], grad_fn=<SoftmaxBackward0>)
>>> y.backward(torch.tensor([1., 0, 0]))
>>> x.grad
tensor([-0.2078,  0.1830,  0.0248])

## Questions

**How do softmin and softmax differ for two classes?**

They exchange the probabilities:

>>> F.softmin(torch.tensor([1., 3]), dim=0), F.softmax(torch.tensor([1., 3]), dim=0)
(tensor([0.8808, 0.1192]), tensor([0.1192, 0.8808]))

**Is softmin the same as $1 - \operatorname{softmax}$?**

Only for two classes. In general the numbers $1 - y[c]$ sum to $C - 1$, not to 1.

**In which direction must a distance change for its weight to grow?**

It must become smaller: in the example, the derivative of the first weight with respect to the first distance is negative.
"""

from __future__ import annotations

from reftorch.nn.activation.along import chosen_dim
from reftorch.nn.activation.softmax import softmax
from reftorch.nn.module import Module


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """`softmax(-input, dim)`: the smallest element gets the largest probability. Arguments and errors as `softmax`."""
    return softmax(-input, chosen_dim("softmin", dim, input, _stacklevel), dtype=dtype)


class Softmin(Module):
    """Softmin along a dimension, as a layer. It has no parameters.

    Args:
        dim: the dimension along which the probabilities sum to one; None guesses, with a warning.

    Shapes: input (*), any shape; output the same. Errors as `softmax`, when the layer is called.
    """

    def __init__(self, dim=None):
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return softmin(input, self.dim, _stacklevel=5)

    def extra_repr(self):
        return f"dim={self.dim}"
