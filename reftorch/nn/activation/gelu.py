r"""The Gaussian error linear unit: the input multiplied by the probability that a standard normal number is below it.

It is a smooth ReLU: the factor is close to 0 far below zero and close to 1 far above it.

Use it when you build a Transformer, as BERT, GPT and ViT do; `silu` is nearly the same curve and costs less, `relu` costs least.

## Forward

One element: $0$ stays $0$; $1$ is multiplied by $\Phi(1) \approx 0.84$. For every element $i$, with $\Phi$ the distribution function of
the standard normal distribution:

$$y_i = x_i \, \Phi_i \qquad \Phi_i = \Phi(x_i) = \frac{1}{2} \left( 1 + \operatorname{erf} \frac{x_i}{\sqrt 2} \right)$$

With `approximate="tanh"` the probability is approximated by a hyperbolic tangent $t_i$, as in the first GPT:

$$y_i = \frac{x_i}{2} \left( 1 + t_i \right) \qquad t_i = \tanh u_i \qquad u_i = \sqrt{\frac{2}{\pi}} \left( x_i + 0.044715 \, x_i^3 \right)$$

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The derivative of $\Phi$ is the density of the normal distribution, $\varphi$. By the product rule:

$$\frac{\partial L}{\partial x_i} = \left( \Phi_i + x_i \, \varphi_i \right) \frac{\partial L}{\partial y_i} \qquad
\varphi_i = \frac{1}{\sqrt{2 \pi}} \, e^{-x_i^2 / 2}$$

For the approximation, the derivative of $t_i$ is $(1 - t_i^2) \, s_i$, where $s_i$ is the derivative of $u_i$:

$$\frac{\partial L}{\partial x_i} = \left( \frac{1 + t_i}{2} + \frac{x_i}{2} (1 - t_i^2) \, s_i \right) \frac{\partial L}{\partial y_i}
\qquad s_i = \sqrt{\frac{2}{\pi}} \left( 1 + 3 \cdot 0.044715 \, x_i^2 \right)$$

## Cost

Forward computes one error function per element, backward one error function and one exponential. With `approximate="tanh"` each
computes one hyperbolic tangent. Forward reads $x$ and writes $y$, 8 bytes per element in float32; backward reads $x$ and the
gradient of $y$ and writes the gradient of $x$, 12 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $\Phi_i$ | `below` | $0 \le \Phi_i \le 1$ | probability that a normal number is below $x_i$ |
| $\varphi_i$ | `density` | $\varphi_i > 0$ | density of the normal distribution at $x_i$ |
| $u_i$ | `u` | | argument of the hyperbolic tangent |
| $t_i$ | `t` | $-1 \le t_i \le 1$ | hyperbolic tangent of $u_i$ |
| $s_i$ | `s` | $s_i > 0$ | derivative of $u_i$ |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-3., -1, 0, 1], requires_grad=True)
>>> y = F.gelu(x)
>>> y
tensor([-0.0040, -0.1587,  0.0000,  0.8413], grad_fn=<GeluBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([-0.0119, -0.0833,  0.5000,  1.0833])

The approximation differs a little:

>>> x = torch.tensor([-3., -1, 0, 1], requires_grad=True)
>>> y = F.gelu(x, approximate="tanh")
>>> y
tensor([-0.0036, -0.1588,  0.0000,  0.8412], grad_fn=<GeluBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([-0.0116, -0.0830,  0.5000,  1.0830])

## Questions

**What is the largest error of the approximation?**

Less than 0.0005:

>>> x = torch.linspace(-4, 4, 401)
>>> (F.gelu(x) - F.gelu(x, approximate="tanh")).abs().max().item() < 5e-4
True

**What is $\operatorname{gelu}(x) - \operatorname{gelu}(-x)$?**

It is $x$, since $\Phi(-x) = 1 - \Phi(x)$: $x \Phi(x) + x (1 - \Phi(x))$.

>>> F.gelu(torch.tensor(1.5)) - F.gelu(torch.tensor(-1.5))
tensor(1.5000)

**Is the curve monotonic?**

No. Its minimum, about $-0.17$, lies at $x \approx -0.75$; left of it the curve rises again towards 0.

>>> F.gelu(torch.tensor([-1.5, -0.75, 0]))
tensor([-0.1002, -0.1700,  0.0000])
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import check_tensors
from reftorch.nn.module import Module


# ## The output
#
# $$y_i = x_i \, \Phi_i \qquad \Phi_i = \frac{1}{2} \left( 1 + \operatorname{erf} \frac{x_i}{\sqrt 2} \right)$$
#
# The number in the kernel is $1 / \sqrt 2$.
@njit(**PARALLEL)
def gelu_forward_cpu(x, y):
    for i in prange(x.size):
        below = x.dtype.type(0.5) * (x.dtype.type(1) + math.erf(x[i] * x.dtype.type(0.7071067811865476)))
        y[i] = x[i] * below


@cuda.jit
def gelu_forward_cuda(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    below = x.dtype.type(0.5) * (x.dtype.type(1) + math.erf(x[i] * x.dtype.type(0.7071067811865476)))
    y[i] = x[i] * below


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \left( \Phi_i + x_i \, \varphi_i \right) \frac{\partial L}{\partial y_i}$$
#
# The first number of the density is $1 / \sqrt{2 \pi}$.
@njit(**PARALLEL)
def gelu_backward_x_cpu(x, grad_y, grad_x):
    for i in prange(x.size):
        below = x.dtype.type(0.5) * (x.dtype.type(1) + math.erf(x[i] * x.dtype.type(0.7071067811865476)))
        density = x.dtype.type(0.3989422804014327) * math.exp(x.dtype.type(-0.5) * x[i] * x[i])
        grad_x[i] = (below + x[i] * density) * grad_y[i]


@cuda.jit
def gelu_backward_x_cuda(x, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    below = x.dtype.type(0.5) * (x.dtype.type(1) + math.erf(x[i] * x.dtype.type(0.7071067811865476)))
    density = x.dtype.type(0.3989422804014327) * math.exp(x.dtype.type(-0.5) * x[i] * x[i])
    grad_x[i] = (below + x[i] * density) * grad_y[i]


# ## The approximation
#
# $$y_i = \frac{x_i}{2} (1 + t_i) \qquad t_i = \tanh u_i \qquad u_i = \sqrt{\frac{2}{\pi}} \left( x_i + 0.044715 \, x_i^3 \right)$$
@njit(**PARALLEL)
def gelu_tanh_forward_cpu(x, y):
    for i in prange(x.size):
        cubic = x.dtype.type(0.044715) * (x[i] * x[i] * x[i])
        u = x.dtype.type(0.7978845608028654) * (x[i] + cubic)
        t = math.tanh(u)
        y[i] = x.dtype.type(0.5) * x[i] * (x.dtype.type(1) + t)


@cuda.jit
def gelu_tanh_forward_cuda(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    cubic = x.dtype.type(0.044715) * (x[i] * x[i] * x[i])
    u = x.dtype.type(0.7978845608028654) * (x[i] + cubic)
    t = math.tanh(u)
    y[i] = x.dtype.type(0.5) * x[i] * (x.dtype.type(1) + t)


# ## The gradient of the input, of the approximation
#
# $$\frac{\partial L}{\partial x_i} = \left( \frac{1 + t_i}{2} + \frac{x_i}{2} (1 - t_i^2) \, s_i \right) \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def gelu_tanh_backward_x_cpu(x, grad_y, grad_x):
    for i in prange(x.size):
        cubic = x.dtype.type(0.044715) * (x[i] * x[i] * x[i])
        u = x.dtype.type(0.7978845608028654) * (x[i] + cubic)
        t = math.tanh(u)
        s = x.dtype.type(0.7978845608028654) * (x.dtype.type(1) + x.dtype.type(0.134145) * (x[i] * x[i]))
        slope = x.dtype.type(0.5) * (x.dtype.type(1) + t) + x.dtype.type(0.5) * x[i] * (x.dtype.type(1) - t * t) * s
        grad_x[i] = slope * grad_y[i]


@cuda.jit
def gelu_tanh_backward_x_cuda(x, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    cubic = x.dtype.type(0.044715) * (x[i] * x[i] * x[i])
    u = x.dtype.type(0.7978845608028654) * (x[i] + cubic)
    t = math.tanh(u)
    s = x.dtype.type(0.7978845608028654) * (x.dtype.type(1) + x.dtype.type(0.134145) * (x[i] * x[i]))
    slope = x.dtype.type(0.5) * (x.dtype.type(1) + t) + x.dtype.type(0.5) * x[i] * (x.dtype.type(1) - t * t) * s
    grad_x[i] = slope * grad_y[i]


class GeluFunction(Function):
    """GELU on the tape. x of any shape; y of the same shape."""

    @staticmethod
    def forward(ctx, x, approximate):
        ctx.save_for_backward(x)
        ctx.approximate = approximate
        if approximate == "tanh":
            return elementwise(gelu_tanh_forward_cpu, gelu_tanh_forward_cuda, x, fast=fast.gelu_tanh_forward)
        return elementwise(gelu_forward_cpu, gelu_forward_cuda, x, fast=fast.gelu_forward)

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        if ctx.approximate == "tanh":
            quick = fast.gelu_tanh_backward_x
            return elementwise(gelu_tanh_backward_x_cpu, gelu_tanh_backward_x_cuda, x, grad_y, fast=quick), None
        return elementwise(gelu_backward_x_cpu, gelu_backward_x_cuda, x, grad_y, fast=fast.gelu_backward_x), None


def gelu(input, *, approximate="none"):
    """x times the probability that a standard normal number is below x, for every element.

    Shapes: any; the result has the same. `approximate`: "none", or "tanh" for the approximation.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: `input` is not float32 or float64.
        RuntimeError: `approximate` is neither "none" nor "tanh".
    """
    check_tensors("gelu", input=input)
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"gelu: approximate argument must be either 'none' or 'tanh', but found {approximate!r}")
    return GeluFunction.apply(input, approximate)


class GELU(Module):
    """The Gaussian error linear unit, as a layer. It has no parameters.

    Args:
        approximate: "none", or "tanh" for the approximation with a hyperbolic tangent.

    Shapes: input (*), any shape; output the same. Errors as `gelu`, when the layer is called.
    """

    def __init__(self, approximate="none"):
        super().__init__()
        self.approximate = approximate

    def forward(self, input):
        return gelu(input, approximate=self.approximate)

    def extra_repr(self):
        return f"approximate={self.approximate!r}"
