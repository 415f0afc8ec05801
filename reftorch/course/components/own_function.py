r"""A user-defined `Function`: swish with a learnable slope, times a fixed number.

$$y_i = a \, x_i \, \sigma(\beta x_i) \qquad \text{with} \quad \sigma(z) = \frac{1}{1 + e^{-z}}$$

The curve is close to ReLU, but smooth. For positive $\beta$ it has a minimum at about $x = -1.28 / \beta$: the larger $\beta$, the
closer it is to ReLU.

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \; a \left( \sigma(\beta x_i) + \beta x_i \, \sigma(\beta x_i) \,
(1 - \sigma(\beta x_i)) \right)
\qquad
\frac{\partial L}{\partial \beta} = \sum_i \frac{\partial L}{\partial y_i} \; a \, x_i^2 \, \sigma(\beta x_i) \, (1 - \sigma(\beta x_i))$$

## Worked example

>>> import reftorch as torch
>>> from reftorch.course.components.own_function import swish
>>> x = torch.tensor([-1., 0, 2], requires_grad=True)
>>> beta = torch.tensor(1., requires_grad=True)
>>> y = swish(x, beta, 10)
>>> y
tensor([-2.6894,  0.0000, 17.6159], grad_fn=<SwishBackward0>)
>>> y.sum().backward()
>>> x.grad
tensor([ 0.7233,  5.0000, 10.9078])
>>> beta.grad
tensor(6.1659)
"""

from __future__ import annotations

from reftorch.autograd import Function


class SwishFunction(Function):
    """Swish as a node of the tape. x has any shape, beta is a tensor without dimensions, and the factor is a number that is not learned."""

    @staticmethod
    def forward(ctx, x, beta, scale):
        """Return y, and save in `ctx` what backward needs: tensors with `ctx.save_for_backward`, other values as attributes."""
        ctx.save_for_backward(x, beta)
        ctx.scale = scale
        return scale * x * (1 / (1 + (-beta * x).exp()))

    @staticmethod
    def backward(ctx, grad_y):
        """Return one gradient for each argument of `forward`: those of x and beta, and None for the number."""
        x, beta = ctx.saved_tensors
        sigma = 1 / (1 + (-beta * x).exp())
        slope = sigma * (1 - sigma)
        grad_x = grad_y * ctx.scale * (sigma + beta * x * slope)
        grad_beta = (grad_y * ctx.scale * x * x * slope).sum()
        return grad_x, grad_beta, None


def swish(x, beta, scale=1.0):
    """Swish of x per element, with the slope `beta` (a tensor without dimensions), times `scale`."""
    return SwishFunction.apply(x, beta, scale)
