r"""Weight normalization: the length of a weight vector and its direction become two parameters.

Each output of a layer has a weight vector $w$. It is computed before every call from a number $g$, its length, and a vector $v$,
whose length has no influence.

Use it when the speed of learning should not depend on the length of the weight vectors; `spectral_norm` limits how much a layer
can enlarge its input, batch normalization normalizes the outputs instead of the weights.

## Forward

One weight vector:

$$w[b] = g \, \frac{v[b]}{r} \qquad r = \sqrt{\sum_b v[b]^2}$$

A layer has $D$ of them. The dimension `dim` of the weight, usually 0, counts them; all dimensions before it count as one index
$a$, all after it as one index $b$:

$$w[a, d, b] = g[d] \, \frac{v[a, d, b]}{r[d]} \qquad r[d] = \sqrt{\sum_{a, b} v[a, d, b]^2}$$

With `dim=None` the whole weight is one vector: $D = 1$.

## Gradients

The length $g[d]$ is a factor of all elements of its vector:

$$\frac{\partial L}{\partial g}[d] = \frac{s[d]}{r[d]} \qquad s[d] = \sum_{a, b} \frac{\partial L}{\partial w}[a, d, b] \, v[a, d, b]$$

An element of $v$ changes its own element of $w$, by $g / r$. It also changes $r$, by $v / r$, and through it all elements of its
vector; the derivative of $1 / r$ is $-1 / r^2$. The sum of both parts:

$$\frac{\partial L}{\partial v}[a, d, b] = \frac{g[d]}{r[d]} \left( \frac{\partial L}{\partial w}[a, d, b] - v[a, d, b] \,
\frac{s[d]}{r[d]^2} \right)$$

The part of the gradient along $v$ is removed, because a longer $v$ does not change $w$.

## Cost

About 4 operations per element forward and 8 backward. Forward reads $v$ twice and writes $w$; backward reads $v$ and the gradient
of $w$ twice each and writes the gradient of $v$.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $v$ | `v` | $(A, D, B)$ | direction of each weight vector; its length has no influence |
| $g$ | `g` | $(D)$ | length of each weight vector |
| $w$ | `w` | $(A, D, B)$ | the weight that the layer uses |
| $r$ | `norm` | $(D)$ | length of each vector of $v$ |
| $s$ | `along` |  | the gradient of $w$ times $v$, summed over one vector |
| $\frac{\partial L}{\partial w}$ | `grad_w` | $(A, D, B)$ | gradient of the loss for $w$ |
| $\frac{\partial L}{\partial v}$ | `grad_v` | $(A, D, B)$ | gradient of the loss for $v$ |
| $\frac{\partial L}{\partial g}$ | `grad_g` | $(D)$ | gradient of the loss for $g$ |
| $a$ | `a` | $0 \le a < A$ | index of all dimensions before `dim` |
| $d$ | `d` | $0 \le d < D$ | weight vector |
| $b$ | `b` | $0 \le b < B$ | index of all dimensions after `dim` |

## Worked example

A layer with two outputs. The rows of its weight have the lengths 5 and 13:

>>> import warnings
>>> import reftorch as torch
>>> from reftorch.nn.utils import weight_norm
>>> layer = torch.nn.Linear(2, 2, bias=False)
>>> layer.weight.data = torch.tensor([[3., 4], [5, 12]])
>>> with warnings.catch_warnings(action="ignore"):
...     layer = weight_norm(layer)
>>> layer.weight_g.data
tensor([[ 5.],
        [13.]])

The length of the first row becomes 10, its direction stays:

>>> layer.weight_g.data[0] = 10
>>> y = layer(torch.tensor([[1., 0]]))
>>> layer.weight.data
tensor([[ 6.,  8.],
        [ 5., 12.]])
>>> y.sum().backward()
>>> layer.weight_g.grad[0]
tensor([0.6000])
>>> layer.weight_v.grad[0]
tensor([ 1.2800, -0.9600])

## Questions

**Why is the gradient of $v$ orthogonal to $v$?**

A step along $v$ changes its length only, and $w$ does not depend on that: 3 times 1.28 and 4 times -0.96 add up to 0.

**What happens to the length of $v$ during training with plain gradient descent?**

It grows a little with each step, since the step is orthogonal to $v$. A longer $v$ has a smaller gradient, so large steps become
smaller by themselves.

**When is the attribute `weight` computed again?**

Before each call of the layer. After `optimizer.step()` it holds the old values until the next call.

**What is the result for a vector $v$ of zeros?**

NaN: the length is 0, and 0 divided by 0 is NaN.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from reftorch.autograd import Function, no_grad
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange, shaped
from reftorch.nn.parameter import Parameter


# ## The weight
#
# $$w[a, d, b] = g[d] \, \frac{v[a, d, b]}{r[d]} \qquad r[d] = \sqrt{\sum_{a, b} v[a, d, b]^2}$$
#
# In two passes over a vector: its length, then its elements. The CPU adds up the squares in float64.
@njit(**PARALLEL)
def weight_norm_forward_cpu(v, g, norm, w):
    A, D, B = v.shape
    for d in prange(D):
        squares = np.float64(0)
        for a in range(A):
            for b in range(B):
                squares += v[a, d, b] * v[a, d, b]
        norm[d] = math.sqrt(squares)
        for a in range(A):
            for b in range(B):
                w[a, d, b] = g[d] * (v[a, d, b] / norm[d])


@cuda.jit
def weight_norm_forward_cuda(v, g, norm, w):
    A, D, B = v.shape
    d = cuda.grid(1)
    if d >= D:
        return
    squares = v.dtype.type(0)
    for a in range(A):
        for b in range(B):
            squares += v[a, d, b] * v[a, d, b]
    norm[d] = math.sqrt(squares)
    for a in range(A):
        for b in range(B):
            w[a, d, b] = g[d] * (v[a, d, b] / norm[d])


# ## The gradient of the length
#
# $$\frac{\partial L}{\partial g}[d] = \frac{s[d]}{r[d]} \qquad s[d] = \sum_{a, b} \frac{\partial L}{\partial w}[a, d, b] \, v[a, d,
# b]$$
@njit(**PARALLEL)
def weight_norm_backward_g_cpu(grad_w, v, norm, grad_g):
    A, D, B = v.shape
    for d in prange(D):
        along = np.float64(0)
        for a in range(A):
            for b in range(B):
                along += grad_w[a, d, b] * v[a, d, b]
        grad_g[d] = along / norm[d]


@cuda.jit
def weight_norm_backward_g_cuda(grad_w, v, norm, grad_g):
    A, D, B = v.shape
    d = cuda.grid(1)
    if d >= D:
        return
    along = v.dtype.type(0)
    for a in range(A):
        for b in range(B):
            along += grad_w[a, d, b] * v[a, d, b]
    grad_g[d] = along / norm[d]


# ## The gradient of the direction
#
# $$\frac{\partial L}{\partial v}[a, d, b] = \frac{g[d]}{r[d]} \left( \frac{\partial L}{\partial w}[a, d, b] - v[a, d, b] \,
# \frac{s[d]}{r[d]^2} \right)$$
#
# The kernel above has $s / r$ already: it is the gradient of $g$.
@njit(**PARALLEL)
def weight_norm_backward_v_cpu(grad_w, v, g, norm, grad_g, grad_v):
    A, D, B = v.shape
    for d in prange(D):
        for a in range(A):
            for b in range(B):
                rest = grad_w[a, d, b] - v[a, d, b] * (grad_g[d] / norm[d])
                grad_v[a, d, b] = g[d] / norm[d] * rest


@cuda.jit
def weight_norm_backward_v_cuda(grad_w, v, g, norm, grad_g, grad_v):
    A, D, B = v.shape
    i = cuda.grid(1)
    if i >= grad_v.size:
        return
    b = i % B
    a = i // B % A
    d = i // (B * A)
    rest = grad_w[a, d, b] - v[a, d, b] * (grad_g[d] / norm[d])
    grad_v[a, d, b] = g[d] / norm[d] * rest


class WeightNormFunction(Function):
    """Weight normalization on the tape. v has any shape, which the kernels see as (A, D, B); g has D elements."""

    @staticmethod
    def forward(ctx, v, g, extents):
        w, norm = v.new_empty(v.shape), v.new_empty(extents[1])
        run = on(v.device, weight_norm_forward_cpu, weight_norm_forward_cuda, extents[1])
        run(*shaped(extents, v), *shaped(extents[1], g), *arrays(norm), *shaped(extents, w))
        ctx.save_for_backward(v, g, norm)
        ctx.extents = extents
        return w

    @staticmethod
    def backward(ctx, grad_w):
        v, g, norm = ctx.saved_tensors
        D = ctx.extents[1]
        grad_g, grad_v = g.new_empty(g.shape), v.new_empty(v.shape)
        grads, directions, results = shaped(ctx.extents, grad_w, v, grad_v)
        lengths, found = shaped(D, g, grad_g)
        run = on(v.device, weight_norm_backward_g_cpu, weight_norm_backward_g_cuda, D)
        run(grads, directions, *arrays(norm), found)
        run = on(v.device, weight_norm_backward_v_cpu, weight_norm_backward_v_cuda, v.numel())
        run(grads, directions, lengths, *arrays(norm), found, results)
        return grad_v, grad_g, None


class WeightNorm:
    """The hook that computes the weight before each call of the module. `dim` -1 stands for one norm of the whole weight."""

    def __init__(self, name, dim):
        self.name, self.dim = name, -1 if dim is None else dim

    def extents(self, v):
        """(A, D, B): how many elements there are before `dim`, along it and after it."""
        if self.dim == -1:
            return 1, 1, v.numel()
        dim = self.dim % v.dim()
        return math.prod(v.shape[:dim]), v.shape[dim], math.prod(v.shape[dim + 1 :])

    def shape_of_g(self, v):
        """That of the weight with 1 everywhere except at `dim`, so that it can be multiplied by the weight."""
        if self.dim == -1:
            return ()
        return tuple(size if at == self.dim % v.dim() else 1 for at, size in enumerate(v.shape))

    def compute_weight(self, module):
        """The weight out of length and direction."""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return WeightNormFunction.apply(v, g, self.extents(v))

    def __call__(self, module, inputs):
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module, name="weight", dim=0):
    """Replace the parameter `name` of the module by two: `name + "_g"`, the lengths, and `name + "_v"`, the directions.

    Returns the module, which computes the weight before each call.

    Args:
        module: a layer.
        name: which of its parameters.
        dim: the dimension that counts the weight vectors; None or -1: the whole weight is one vector.

    Raises:
        RuntimeError: the parameter is normalized already.
        AttributeError: the module has no such parameter.
    """
    warnings.warn(
        "`torch.nn.utils.weight_norm` is deprecated in favor of `torch.nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
        stacklevel=2,
    )
    if any(isinstance(hook, WeightNorm) and hook.name == name for hook in module._forward_pre_hooks.values()):
        raise RuntimeError(
            f"Cannot register two weight_norm hooks on the same parameter {name}: call remove_weight_norm first"
        )
    hook = WeightNorm(name, dim)
    weight = getattr(module, name)
    del module._parameters[name]
    A, D, B = hook.extents(weight)
    with no_grad():
        lengths = (weight.reshape(A, D, B) ** 2).sum((0, 2)).sqrt().reshape(hook.shape_of_g(weight))
    module.register_parameter(name + "_g", Parameter(lengths))
    module.register_parameter(name + "_v", Parameter(weight.data))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module, name="weight"):
    """Make the parameter `name` an ordinary one again, with the weight that length and direction give. Returns the module.

    Raises:
        ValueError: the parameter is not normalized.
    """
    mine = [
        key for key, hook in module._forward_pre_hooks.items() if isinstance(hook, WeightNorm) and hook.name == name
    ]
    if not mine:
        raise ValueError(f"weight_norm of '{name}' not found in {module}: it was never applied or is removed already")
    weight = module._forward_pre_hooks[mine[0]].compute_weight(module).data
    delattr(module, name)
    del module._parameters[name + "_g"], module._parameters[name + "_v"]
    setattr(module, name, Parameter(weight))
    del module._forward_pre_hooks[mine[0]]
    return module
