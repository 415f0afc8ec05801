r"""Bilinear: each output feature is a weighted sum of the products of all pairs of features of two inputs, plus a bias.

Use it when two inputs of each sample should be compared or combined, such as two words or a question and an answer; with one
input use `Linear`; `CosineSimilarity` compares two inputs without weights.

## Forward

One output feature of one sample, whose inputs $u$ and $v$ have $D_u$ and $D_v$ features:

$$y = b + \sum_{d_u} \sum_{d_v} u[d_u] \, W[d_u, d_v] \, v[d_v]$$

With one matrix $W[d_{out}]$ for each output feature $d_{out}$, and many samples:

$$y[n, d_{out}] = b[d_{out}] + \sum_{d_u} \sum_{d_v} u[n, d_u] \, W[d_{out}, d_u, d_v] \, v[n, d_v]$$

It is linear in $u$ if $v$ is fixed, and linear in $v$ if $u$ is fixed.

## Gradients

Each product has three factors. The derivative with respect to one of them is the product of the other two. The chain rule
multiplies it by the gradient of $y$ and sums over all products in which the factor occurs:

$$\frac{\partial L}{\partial u}[n, d_u] =
\sum_{d_{out}} \sum_{d_v} \frac{\partial L}{\partial y}[n, d_{out}] \, W[d_{out}, d_u, d_v] \, v[n, d_v]$$

$$\frac{\partial L}{\partial v}[n, d_v] =
\sum_{d_{out}} \sum_{d_u} \frac{\partial L}{\partial y}[n, d_{out}] \, W[d_{out}, d_u, d_v] \, u[n, d_u]$$

$$\frac{\partial L}{\partial W}[d_{out}, d_u, d_v] = \sum_n \frac{\partial L}{\partial y}[n, d_{out}] \, u[n, d_u] \, v[n, d_v] \qquad
\frac{\partial L}{\partial b}[d_{out}] = \sum_n \frac{\partial L}{\partial y}[n, d_{out}]$$

## Output size

$$(*, D_u), \; (*, D_v) \rightarrow (*, D_{out})$$

## Cost

$2 N D_{out} D_u D_v$ multiplications in forward and three times as many in backward. The weight has $D_{out} D_u D_v$ elements:
for 100 features each, a million.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $u$ | `u` | $(N, D_u)$ | first input |
| $v$ | `v` | $(N, D_v)$ | second input |
| $W$ | `weight` | $(D_{out}, D_u, D_v)$ | weight: one matrix for each output feature |
| $b$ | `bias` | $(D_{out})$ | bias: what is added to each output; 0 if there is none |
| $y$ | `y` | $(N, D_{out})$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, D_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial u}$ | `grad_u` | $(N, D_u)$ | gradient of the loss for $u$ |
| $\frac{\partial L}{\partial v}$ | `grad_v` | $(N, D_v)$ | gradient of the loss for $v$ |
| $\frac{\partial L}{\partial W}$ | `grad_weight` | $(D_{out}, D_u, D_v)$ | gradient of the loss for $W$ |
| $\frac{\partial L}{\partial b}$ | `grad_bias` | $(D_{out})$ | gradient of the loss for $b$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $d_{out}$ | `d_out` | $0 \le d_{out} < D_{out}$ | output feature |
| $d_u$ | `d_u` | $0 \le d_u < D_u$ | feature of the first input |
| $d_v$ | `d_v` | $0 \le d_v < D_v$ | feature of the second input |

## Worked example

One output feature. Its matrix adds the product of the two first features and three times the product of the two second features:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> u = torch.tensor([[1., 2]], requires_grad=True)
>>> v = torch.tensor([[10., 100]], requires_grad=True)
>>> weight = torch.tensor([[[1., 0],
...                         [0, 3]]], requires_grad=True)
>>> bias = torch.tensor([5.], requires_grad=True)
>>> y = F.bilinear(u, v, weight, bias)
>>> y
tensor([[615.]], grad_fn=<BilinearBackward0>)
>>> y.backward(torch.tensor([[2.]]))
>>> u.grad, v.grad
(tensor([[ 20., 600.]]), tensor([[ 2., 12.]]))
>>> weight.grad, bias.grad
(tensor([[[ 20., 200.],
         [ 40., 400.]]]), tensor([2.]))

## Questions

**How many elements does the weight of Bilinear(20, 30, 40) have?**

>>> 40 * 20 * 30
24000

**What is the output if the first input is 0?**

The bias, whatever the second input is.

**One output feature, whose matrix is the identity, and no bias: which known product is the output?**

The dot product of the two inputs.

>>> F.bilinear(torch.tensor([[1., 2]]), torch.tensor([[3., 4]]), torch.eye(2).unsqueeze(0))
tensor([[11.]])

**Are the inputs broadcast if one has a single sample and the other many?**

No, all dimensions but the last must be equal. `u.expand(...)` repeats the samples without a copy.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange, shaped
from reftorch.nn import init
from reftorch.nn.arguments import check_tensors
from reftorch.nn.module import Module
from reftorch.nn.parameter import Parameter
from reftorch.ops import empty
from reftorch.tensor import Tensor
from reftorch.types import float32, float64, int64


# ## The output
#
# $$y[n, d_{out}] = b[d_{out}] + \sum_{d_v} \left( \sum_{d_u} u[n, d_u] \, W[d_{out}, d_u, d_v] \right) v[n, d_v]$$
#
# $v[n, d_v]$ does not depend on $d_u$, so the inner sum comes first. PyTorch adds up in this order, too: infinite elements times zeros
# give NaN in the same places.
@njit(**PARALLEL)
def bilinear_forward_cpu(u, v, weight, bias, y):
    D_out, D_u, D_v = weight.shape
    for n in prange(u.shape[0]):
        for d_out in range(D_out):
            acc = bias[d_out]
            for d_v in range(D_v):
                inner = bias.dtype.type(0)
                for d_u in range(D_u):
                    inner += u[n, d_u] * weight[d_out, d_u, d_v]
                acc += inner * v[n, d_v]
            y[n, d_out] = acc


@cuda.jit
def bilinear_forward_cuda(u, v, weight, bias, y):
    D_out, D_u, D_v = weight.shape
    thread = cuda.grid(1)
    if thread >= y.size:
        return
    d_out = thread % D_out
    n = thread // D_out
    acc = bias[d_out]
    for d_v in range(D_v):
        inner = bias.dtype.type(0)
        for d_u in range(D_u):
            inner += u[n, d_u] * weight[d_out, d_u, d_v]
        acc += inner * v[n, d_v]
    y[n, d_out] = acc


# ## The gradient of the first input
#
# $$\frac{\partial L}{\partial u}[n, d_u] =
# \sum_{d_{out}} \sum_{d_v} \frac{\partial L}{\partial y}[n, d_{out}] \, W[d_{out}, d_u, d_v] \, v[n, d_v]$$
@njit(**PARALLEL)
def bilinear_backward_u_cpu(grad_y, v, weight, grad_u):
    D_out, D_u, D_v = weight.shape
    for n in prange(grad_u.shape[0]):
        for d_u in range(D_u):
            acc = grad_u.dtype.type(0)
            for d_out in range(D_out):
                for d_v in range(D_v):
                    acc += grad_y[n, d_out] * weight[d_out, d_u, d_v] * v[n, d_v]
            grad_u[n, d_u] = acc


@cuda.jit
def bilinear_backward_u_cuda(grad_y, v, weight, grad_u):
    D_out, D_u, D_v = weight.shape
    thread = cuda.grid(1)
    if thread >= grad_u.size:
        return
    d_u = thread % D_u
    n = thread // D_u
    acc = grad_u.dtype.type(0)
    for d_out in range(D_out):
        for d_v in range(D_v):
            acc += grad_y[n, d_out] * weight[d_out, d_u, d_v] * v[n, d_v]
    grad_u[n, d_u] = acc


# ## The gradient of the second input
#
# $$\frac{\partial L}{\partial v}[n, d_v] =
# \sum_{d_{out}} \frac{\partial L}{\partial y}[n, d_{out}] \sum_{d_u} W[d_{out}, d_u, d_v] \, u[n, d_u]$$
@njit(**PARALLEL)
def bilinear_backward_v_cpu(grad_y, u, weight, grad_v):
    D_out, D_u, D_v = weight.shape
    for n in prange(grad_v.shape[0]):
        for d_v in range(D_v):
            acc = grad_v.dtype.type(0)
            for d_out in range(D_out):
                inner = grad_v.dtype.type(0)
                for d_u in range(D_u):
                    inner += u[n, d_u] * weight[d_out, d_u, d_v]
                acc += grad_y[n, d_out] * inner
            grad_v[n, d_v] = acc


@cuda.jit
def bilinear_backward_v_cuda(grad_y, u, weight, grad_v):
    D_out, D_u, D_v = weight.shape
    thread = cuda.grid(1)
    if thread >= grad_v.size:
        return
    d_v = thread % D_v
    n = thread // D_v
    acc = grad_v.dtype.type(0)
    for d_out in range(D_out):
        inner = grad_v.dtype.type(0)
        for d_u in range(D_u):
            inner += u[n, d_u] * weight[d_out, d_u, d_v]
        acc += grad_y[n, d_out] * inner
    grad_v[n, d_v] = acc


# ## The gradient of the weight
#
# $$\frac{\partial L}{\partial W}[d_{out}, d_u, d_v] = \sum_n \frac{\partial L}{\partial y}[n, d_{out}] \, u[n, d_u] \, v[n, d_v]$$
#
# A sum over the batch, which may be long, so the CPU adds it up in float64.
@njit(**PARALLEL)
def bilinear_backward_weight_cpu(grad_y, u, v, grad_weight):
    D_out, D_u, D_v = grad_weight.shape
    for d_out in prange(D_out):
        for d_u in range(D_u):
            for d_v in range(D_v):
                acc = np.float64(0)
                for n in range(u.shape[0]):
                    acc += grad_y[n, d_out] * u[n, d_u] * v[n, d_v]
                grad_weight[d_out, d_u, d_v] = acc


@cuda.jit
def bilinear_backward_weight_cuda(grad_y, u, v, grad_weight):
    D_out, D_u, D_v = grad_weight.shape
    thread = cuda.grid(1)
    if thread >= grad_weight.size:
        return
    d_v = thread % D_v
    d_u = thread // D_v % D_u
    d_out = thread // (D_v * D_u)
    acc = grad_weight.dtype.type(0)
    for n in range(u.shape[0]):
        acc += grad_y[n, d_out] * u[n, d_u] * v[n, d_v]
    grad_weight[d_out, d_u, d_v] = acc


# ## The gradient of the bias
#
# $$\frac{\partial L}{\partial b}[d_{out}] = \sum_n \frac{\partial L}{\partial y}[n, d_{out}]$$
@njit(**PARALLEL)
def bilinear_backward_bias_cpu(grad_y, grad_bias):
    N, D_out = grad_y.shape
    for d_out in prange(D_out):
        acc = np.float64(0)
        for n in range(N):
            acc += grad_y[n, d_out]
        grad_bias[d_out] = acc


@cuda.jit
def bilinear_backward_bias_cuda(grad_y, grad_bias):
    N, D_out = grad_y.shape
    d_out = cuda.grid(1)
    if d_out >= D_out:
        return
    acc = grad_bias.dtype.type(0)
    for n in range(N):
        acc += grad_y[n, d_out]
    grad_bias[d_out] = acc


class BilinearFunction(Function):
    """Bilinear on the tape. u (*, D_u), v (*, D_v), weight (D_out, D_u, D_v), bias (D_out) or None."""

    @staticmethod
    def forward(ctx, u, v, weight, bias):
        D_out, D_u, D_v = weight.shape
        N = math.prod(u.shape[:-1])
        ctx.save_for_backward(u, v, weight)
        y = u.new_empty((*u.shape[:-1], D_out))
        bias = u.new_zeros(D_out) if bias is None else bias
        run = on(u.device, bilinear_forward_cpu, bilinear_forward_cuda, N * D_out, fast.bilinear_forward)
        first, second, *parameters, result = arrays(u, v, weight, bias, y)
        run(first.reshape(N, D_u), second.reshape(N, D_v), *parameters, result.reshape(N, D_out))
        return y

    @staticmethod
    def backward(ctx, grad_y):
        u, v, weight = ctx.saved_tensors
        D_out, D_u, D_v = weight.shape
        N, device = math.prod(u.shape[:-1]), u.device
        (given,), (first,), (second,) = shaped((N, D_out), grad_y), shaped((N, D_u), u), shaped((N, D_v), v)
        grad_u = grad_v = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_u = u.new_empty(u.shape)
            run = on(device, bilinear_backward_u_cpu, bilinear_backward_u_cuda, N * D_u, fast.bilinear_backward_u)
            run(given, second, *arrays(weight), *shaped((N, D_u), grad_u))
        if ctx.needs_input_grad[1]:
            grad_v = v.new_empty(v.shape)
            run = on(device, bilinear_backward_v_cpu, bilinear_backward_v_cuda, N * D_v, fast.bilinear_backward_v)
            run(given, first, *arrays(weight), *shaped((N, D_v), grad_v))
        if ctx.needs_input_grad[2]:
            grad_weight = weight.new_empty(weight.shape)
            kernels = bilinear_backward_weight_cpu, bilinear_backward_weight_cuda
            run = on(device, *kernels, weight.numel(), fast.bilinear_backward_weight)
            run(given, first, second, *arrays(grad_weight))
        if ctx.needs_input_grad[3]:
            grad_bias = weight.new_empty(D_out)
            run = on(device, bilinear_backward_bias_cpu, bilinear_backward_bias_cuda, D_out, fast.linear_backward_bias)
            run(given, *arrays(grad_bias))
        return grad_u, grad_v, grad_weight, grad_bias


def bilinear(input1, input2, weight, bias=None):
    """The sum over all pairs of features of `input1` times `weight` times `input2`, plus `bias`.

    Shapes: `input1` (*, in1_features), `input2` (*, in2_features) with the same dimensions before the last, `weight`
    (out_features, in1_features, in2_features), `bias` (out_features); the result is (*, out_features).

    Raises:
        RuntimeError: sizes, dtypes or devices do not fit together.
        IndexError: an input without dimensions.
        NotImplementedError: the dtype is not float32, float64 or int64.
        TypeError: an argument is not a tensor.
    """
    given = dict(input1=input1, input2=input2, weight=weight)
    for name, value in given.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"bilinear(): argument '{name}' must be Tensor, not {type(value).__name__}")
    check_tensors("bilinear", allowed=(float32, float64, int64), **given, bias=bias)
    _check_sizes(input1, input2, weight, bias)
    return BilinearFunction.apply(input1, input2, weight, bias)


def _check_sizes(input1, input2, weight, bias):
    if input1.ndim == 0 or input2.ndim == 0:
        raise IndexError("bilinear(): Dimension specified as -1 but tensor has no dimensions: wanted (*, features)")
    if input1.ndim != input2.ndim:
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {input1.ndim} and {input2.ndim}")
    for dim, (first, second) in enumerate(zip(input1.shape[:-1], input2.shape[:-1])):
        if first != second:
            raise RuntimeError(
                f"bilinear(): input batch dimensions do not match at dim {dim}: got {first} and {second}; nothing is broadcast, "
                "use expand()"
            )
    if weight.ndim != 3:
        raise RuntimeError(
            f"bilinear(): weight has shape {list(weight.shape)}, which does not match the inputs: wanted (out_features, "
            "in1_features, in2_features)"
        )
    for number, value in ((1, input1), (2, input2)):
        if value.shape[-1] != weight.shape[number]:
            raise RuntimeError(
                f"bilinear(): input{number} size does not match weight size: got {value.shape[-1]} but expected "
                f"{weight.shape[number]} features in the last dimension"
            )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {list(bias.shape)} but expected [{weight.shape[0]}], one "
            "number for each output feature"
        )


class Bilinear(Module):
    """Each output feature is a weighted sum of the products of all pairs of features of two inputs, as a layer.

    Args:
        in1_features: size of the last dimension of the first input.
        in2_features: size of the last dimension of the second input.
        out_features: size of the last dimension of the output.
        bias: whether a learned number is added to each output feature.

    Attributes: `weight` (out_features, in1_features, in2_features) and `bias` (out_features), both drawn uniformly between
    -1/sqrt(in1_features) and 1/sqrt(in1_features).

    Shapes: inputs (*, in1_features) and (*, in2_features), output (*, out_features). Errors as `bilinear`, when the layer is
    called.

    Raises:
        ValueError: `in1_features` is not positive.
    """

    def __init__(self, in1_features, in2_features, out_features, bias=True, device=None, dtype=None):
        super().__init__()
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        like = dict(device=device, dtype=dtype)
        self.weight = Parameter(empty((out_features, in1_features, in2_features), **like))
        self.register_parameter("bias", Parameter(empty(out_features, **like)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new values, uniformly between -1/sqrt(in1_features) and 1/sqrt(in1_features)."""
        if self.in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got (in1_features={self.in1_features})")
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1, input2):
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self):
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )
