r"""ReLU6: a ReLU that is limited to 6.

The limit keeps activations in a small range, so that few bits are enough to store them.

Use it when a network should run in low precision, as MobileNet; otherwise `relu`.

## Forward

One element: $-2$ becomes $0$, $4$ stays $4$, and $9$ becomes $6$. For every element $i$:

$$y_i = \min(\max(x_i, 0), 6)$$

This is `hardtanh` with the limits 0 and 6, and `relu6` calls it.

## Gradients

$$\frac{\partial L}{\partial x_i} =
\begin{cases} \frac{\partial L}{\partial y_i} & \text{if } 0 < x_i < 6 \\ 0 & \text{otherwise} \end{cases}$$

as for `hardtanh`: at the limits themselves the gradient is 0.

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-2., 0, 4, 9], requires_grad=True)
>>> y = F.relu6(x)
>>> y
tensor([0., 0., 4., 6.], grad_fn=<HardtanhBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([0., 0., 1., 0.])

## Questions

**Where does ReLU6 differ from ReLU?**

Only from 6 on: the output is 6, and no gradient passes.

**Why 6?**

With 8 bits for the numbers from 0 to 6, the steps are $6 / 255 \approx 0.024$; the value was found by experiment.

>>> round(6 / 255, 3)
0.024

**Is ReLU6 related to hardsigmoid?**

Yes: $\operatorname{hardsigmoid}(x) = \operatorname{relu6}(x + 3) / 6$.

>>> F.relu6(torch.tensor(1.5) + 3) / 6 == F.hardsigmoid(torch.tensor(1.5))
tensor(True)

## Differences

PyTorch's gradient at NaN is 0 or the upstream gradient, depending on the position in the tensor. Here it is the latter.
"""

from __future__ import annotations

from reftorch.nn.activation.hardtanh import Hardtanh, hardtanh
from reftorch.nn.arguments import options_text


def relu6(input, inplace=False):
    """Elements are limited to the interval from 0 to 6: `hardtanh(input, 0.0, 6.0, inplace)`, with the same errors."""
    return hardtanh(input, 0.0, 6.0, inplace)


class ReLU6(Hardtanh):
    """A ReLU that is limited to 6, as a layer. It has no parameters.

    Args:
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.

    Shapes: input (*), any shape; output the same. Errors as `hardtanh`, when the layer is called.
    """

    def __init__(self, inplace=False):
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self):
        return options_text(self, inplace=False)
