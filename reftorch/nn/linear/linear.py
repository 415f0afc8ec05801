r"""Linear: each output feature is a weighted sum of all input features, plus a bias.

Each pair of an input feature and an output feature has its own weight. The input may have any dimensions before the features: they count
samples, and all samples are treated in the same way.

Use it when every output may depend on every input; `conv2d` connects only neighbouring pixels, with the same weights at every
position, and `bilinear` multiplies two inputs.

## Forward

One sample, one output: $y = b + x_0 W_0 + x_1 W_1 + \dots$ In general:

$$y[n, d_{out}] = b[d_{out}] + \sum_{d_{in}=0}^{D_{in}-1} x[n, d_{in}] \, W[d_{out}, d_{in}]$$

In matrices $y = x W^\top + b$. The weight has one row for each output feature, so each output is the dot product of a row of $x$
and a row of $W$, both contiguous in memory.

## Gradients

Each $y$ is linear in $x$, $W$ and $b$, so the derivative with respect to one factor of a product is the other factor. Each
gradient sums over the index of $y$ that the tensor does not have:

$$\frac{\partial L}{\partial x}[n, d_{in}] =
\sum_{d_{out}=0}^{D_{out}-1} \frac{\partial L}{\partial y}[n, d_{out}] \, W[d_{out}, d_{in}]$$

$$\frac{\partial L}{\partial W}[d_{out}, d_{in}] =
\sum_{n=0}^{N-1} \frac{\partial L}{\partial y}[n, d_{out}] \, x[n, d_{in}] \qquad
\frac{\partial L}{\partial b}[d_{out}] = \sum_{n=0}^{N-1} \frac{\partial L}{\partial y}[n, d_{out}]$$

## Output size

The last dimension changes from $D_{in}$ to $D_{out}$; $N$ is the product of the others, 1 if there are none.

## Cost

$N D_{in} D_{out}$ multiply-adds in forward, and as many for each of the gradients of $x$ and $W$. At least
$N D_{in} + D_{in} D_{out}$ elements are read and $N D_{out}$ written: a large batch uses each weight $N$ times. A single sample
uses it only once, and then the speed of the memory is the limit.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, D_{in})$ | input |
| $W$ | `weight` | $(D_{out}, D_{in})$ | weight: one row for each output feature |
| $b$ | `bias` | $(D_{out})$ | bias: what is added to each output; 0 if there is none |
| $y$ | `y` | $(N, D_{out})$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, D_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, D_{in})$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial W}$ | `grad_weight` | $(D_{out}, D_{in})$ | gradient of the loss for $W$ |
| $\frac{\partial L}{\partial b}$ | `grad_bias` | $(D_{out})$ | gradient of the loss for $b$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $d_{in}$ | `d_in` | $0 \le d_{in} < D_{in}$ | input feature |
| $d_{out}$ | `d_out` | $0 \le d_{out} < D_{out}$ | output feature |

## Worked example

Three features in, two out; the first output is $10 + 1 \cdot 1 + 2 \cdot 0 + 3 \cdot 2 = 17$:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[1., 2, 3], [4, 5, 6]], requires_grad=True)
>>> weight = torch.tensor([[1., 0, 2], [0, -1, 1]], requires_grad=True)
>>> bias = torch.tensor([10., 20], requires_grad=True)
>>> y = F.linear(x, weight, bias)
>>> y
tensor([[17., 21.],
        [26., 21.]], grad_fn=<AddmmBackward0>)
>>> y.backward(torch.tensor([[1., 2], [3, 4]]))
>>> x.grad
tensor([[ 1., -2.,  4.],
        [ 3., -4., 10.]])
>>> weight.grad
tensor([[13., 17., 21.],
        [18., 24., 30.]])
>>> bias.grad
tensor([4., 6.])

## Questions

**How many parameters does `Linear(400, 120)` have?**

$120 \cdot 400$ weights and 120 biases, 48,120.

>>> sum(parameter.numel() for parameter in torch.nn.Linear(400, 120).parameters())
48120

**Two linear layers without a nonlinearity between them: what can they compute?**

What one linear layer can, with the weight $W_2 W_1$.

**Which shape does the output have for an input of shape (2, 3, 5, 4) and 6 output features?**

All dimensions but the last one count samples and stay:

>>> F.linear(torch.zeros(2, 3, 5, 4), torch.zeros(6, 4)).shape
torch.Size([2, 3, 5, 6])

## Differences

- The bias has shape $(D_{out})$, or one element, which counts for all outputs. PyTorch also accepts some matrices as a bias, a
  side effect of the routine that it calls. Here they raise an error.
- A weight of shape $(D_{in})$ gives an output without a last dimension. A bias then has one element; for some numbers of
  dimensions PyTorch raises an error for it.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange, shaped
from reftorch.nn import init
from reftorch.nn.arguments import filled
from reftorch.nn.module import Module
from reftorch.nn.parameter import Parameter
from reftorch.ops import empty
from reftorch.tensor import Tensor
from reftorch.types import Size, complex64, complex128, float32, float64, int64


def linear_output_size(size_in, out_features):
    """The shape of the output for an input of shape `size_in`: its last dimension becomes `out_features`."""
    *samples, _ = size_in
    return Size((*samples, out_features))


# ## Output
#
# $$y[n, d_{out}] = b[d_{out}] + \sum_{d_{in}} x[n, d_{in}] \, W[d_{out}, d_{in}]$$
#
# The inner loop runs along a row of x and a row of the weight, both contiguous, so the compiler adds several products at a time.
@njit(**PARALLEL)
def linear_forward_cpu(x, weight, bias, y):
    N, D_in = x.shape
    D_out, D_in = weight.shape
    for n in prange(N):
        for d_out in range(D_out):
            acc = bias[d_out]
            for d_in in range(D_in):
                acc += x[n, d_in] * weight[d_out, d_in]
            y[n, d_out] = acc


@cuda.jit
def linear_forward_cuda(x, weight, bias, y):
    N, D_in = x.shape
    D_out, D_in = weight.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    d_out = i % D_out
    n = i // D_out
    acc = bias[d_out]
    for d_in in range(D_in):
        acc += x[n, d_in] * weight[d_out, d_in]
    y[n, d_out] = acc


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, d_{in}] = \sum_{d_{out}} \frac{\partial L}{\partial y}[n, d_{out}] \, W[d_{out}, d_{in}]$$
@njit(**PARALLEL)
def linear_backward_x_cpu(grad_y, weight, grad_x):
    N, D_in = grad_x.shape
    D_out, D_in = weight.shape
    for n in prange(N):
        for d_in in range(D_in):
            acc = grad_x.dtype.type(0)
            for d_out in range(D_out):
                acc += grad_y[n, d_out] * weight[d_out, d_in]
            grad_x[n, d_in] = acc


@cuda.jit
def linear_backward_x_cuda(grad_y, weight, grad_x):
    N, D_in = grad_x.shape
    D_out, D_in = weight.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    d_in = i % D_in
    n = i // D_in
    acc = grad_x.dtype.type(0)
    for d_out in range(D_out):
        acc += grad_y[n, d_out] * weight[d_out, d_in]
    grad_x[n, d_in] = acc


# ## The gradient of the weight
#
# $$\frac{\partial L}{\partial W}[d_{out}, d_{in}] = \sum_n \frac{\partial L}{\partial y}[n, d_{out}] \, x[n, d_{in}]$$
#
# Every sample contributes to the gradient of every weight. The sum over the batch may be long, so the CPU adds it up in float64.
@njit(**PARALLEL)
def linear_backward_weight_cpu(grad_y, x, grad_weight):
    N, D_in = x.shape
    N, D_out = grad_y.shape
    for d_out in prange(D_out):
        for d_in in range(D_in):
            acc = np.float64(0)
            for n in range(N):
                acc += grad_y[n, d_out] * x[n, d_in]
            grad_weight[d_out, d_in] = acc


@cuda.jit
def linear_backward_weight_cuda(grad_y, x, grad_weight):
    N, D_in = x.shape
    N, D_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_weight.size:
        return
    d_in = i % D_in
    d_out = i // D_in
    acc = grad_weight.dtype.type(0)
    for n in range(N):
        acc += grad_y[n, d_out] * x[n, d_in]
    grad_weight[d_out, d_in] = acc


# ## The gradient of the bias
#
# $$\frac{\partial L}{\partial b}[d_{out}] = \sum_n \frac{\partial L}{\partial y}[n, d_{out}]$$
@njit(**PARALLEL)
def linear_backward_bias_cpu(grad_y, grad_bias):
    N, D_out = grad_y.shape
    for d_out in prange(D_out):
        acc = np.float64(0)
        for n in range(N):
            acc += grad_y[n, d_out]
        grad_bias[d_out] = acc


@cuda.jit
def linear_backward_bias_cuda(grad_y, grad_bias):
    N, D_out = grad_y.shape
    d_out = cuda.grid(1)
    if d_out >= grad_bias.size:
        return
    acc = grad_bias.dtype.type(0)
    for n in range(N):
        acc += grad_y[n, d_out]
    grad_bias[d_out] = acc


class LinearFunction(Function):
    """Linear on the tape. x (*, D_in), weight (D_out, D_in), bias (D_out) or None."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        D_out, D_in = weight.shape
        *samples, _ = x.shape
        N = math.prod(samples)
        ctx.save_for_backward(x, weight)
        ctx.N, ctx.torch_name = N, "MmBackward0" if bias is None else "AddmmBackward0"
        if bias is None:
            bias = filled(x, D_out, 0)
        y = x.new_empty(linear_output_size(x.shape, D_out))
        run = on(x.device, linear_forward_cpu, linear_forward_cuda, N * D_out, fast.linear_forward)
        rows, filters, offsets, out = arrays(x, weight, bias, y)
        run(rows.reshape(N, D_in), filters, offsets, out.reshape(N, D_out))
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, weight = ctx.saved_tensors
        D_out, D_in = weight.shape
        N, device = ctx.N, x.device
        (grad_rows,) = shaped((N, D_out), grad_y)
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = x.new_empty(x.shape)
            run = on(device, linear_backward_x_cpu, linear_backward_x_cuda, N * D_in, fast.linear_backward_x)
            run(grad_rows, *arrays(weight), *shaped((N, D_in), grad_x))
        if ctx.needs_input_grad[1]:
            grad_weight = x.new_empty(D_out, D_in)
            run = on(
                device,
                linear_backward_weight_cpu,
                linear_backward_weight_cuda,
                D_out * D_in,
                fast.linear_backward_weight,
            )
            run(grad_rows, *shaped((N, D_in), x), *arrays(grad_weight))
        if ctx.needs_input_grad[2]:
            grad_bias = x.new_empty(D_out)
            run = on(device, linear_backward_bias_cpu, linear_backward_bias_cuda, D_out, fast.linear_backward_bias)
            run(grad_rows, *arrays(grad_bias))
        return grad_x, grad_weight, grad_bias


def linear(input, weight, bias=None):
    """`input @ weight.T + bias`.

    Shapes: `input` (*, in_features), any dimensions before the features or none; `weight` (out_features, in_features); `bias`
    (out_features); the result is (*, out_features). With a `weight` of shape (in_features) it is (*).

    Raises:
        RuntimeError: sizes, dtypes or devices do not fit together.
        NotImplementedError: the dtype is not float32, float64, int64, complex64 or complex128.
        TypeError: an argument is not a tensor.
    """
    _check_arguments(input, weight, bias)
    if weight.ndim == 1:  # one output feature: the result has no dimension for it
        row = None if bias is None else bias.reshape(1)
        return linear(input, weight.unsqueeze(0), row).squeeze(-1)
    if bias is not None and bias.shape != weight.shape[:1]:
        bias = bias.expand(weight.shape[0])
    return LinearFunction.apply(input, weight, bias)


def _check_arguments(input, weight, bias):
    for name, value in (("input", input), ("weight", weight), ("bias", bias)):
        if value is None and name == "bias":
            continue
        if not isinstance(value, Tensor):
            raise TypeError(f"linear(): argument '{name}' must be Tensor, not {type(value).__name__}")
        if value.dtype is not input.dtype:
            raise RuntimeError(
                f"linear: input and {name} must have the same dtype, but got {input.dtype} and {value.dtype}: convert one "
                "of them, as in model.double() or input.float()"
            )
    if input.dtype not in (float32, float64, int64, complex64, complex128):
        raise NotImplementedError(
            f"linear is not implemented for {input.dtype}: it takes torch.float32, torch.float64, torch.int64, and complex "
            "numbers without a gradient"
        )
    size_in, size = tuple(input.shape), tuple(weight.shape)
    if not size_in or not size:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are {input.ndim}D and {weight.ndim}D"
        )
    if len(size) > 2:
        raise RuntimeError(
            f"linear: weight has shape {list(size)}; wanted (out_features, in_features) or (in_features)"
        )
    if size_in[-1] != size[-1]:
        raise RuntimeError(
            f"linear: input of shape {list(size_in)} has {size_in[-1]} features (its last dimension), but weight of "
            f"shape {list(size)} expects {size[-1]}: is a flatten missing before it, or is in_features wrong?"
        )
    out_features = size[0] if len(size) == 2 else 1
    if bias is not None and (bias.ndim > 1 or bias.numel() not in (1, out_features)):
        raise RuntimeError(
            f"linear: bias has shape {list(bias.shape)}, but weight of shape {list(size)} expects "
            f"[{out_features}], one number for each output feature"
        )


class Linear(Module):
    """Each output feature is a weighted sum of all input features, plus a bias, as a layer.

    Args:
        in_features: size of the last dimension of the input, D_in.
        out_features: size of the last dimension of the output, D_out.
        bias: whether a learned number is added to each output feature.

    Attributes: `weight` (D_out, D_in) and `bias` (D_out), both drawn uniformly between -1/sqrt(D_in) and 1/sqrt(D_in), so that
    the size of the outputs hardly depends on D_in.

    Shapes: input (*, D_in), output (*, D_out); as `linear`, which raises the errors when the layer is called.

    Raises:
        RuntimeError: a size is negative, or `dtype` is not floating point.
        TypeError: a size is not an integer.
    """

    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(empty((out_features, in_features), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new values, uniformly between -1/sqrt(D_in) and 1/sqrt(D_in): `kaiming_uniform_` with a = sqrt(5) gives this bound."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input):
        return linear(input, self.weight, self.bias)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
