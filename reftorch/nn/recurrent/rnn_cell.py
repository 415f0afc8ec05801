r"""The simplest recurrent cell: the new state is a weighted sum of the input and of the old state, through tanh or ReLU.

A cell computes one step. It is called once for each element of a sequence, with the state that the previous call returned. So the state
summarises the elements that it has read.

Use it when you write the loop over time yourself and the sequence is short; `LSTMCell` and `GRUCell` remember longer, and `RNN`
contains the loop.

## Forward

One sample, one number as input and one as state, with the weights $w$ and $u$:

$$h' = \tanh(w \, x + u \, h + b)$$

In general $x$ has $D$ numbers and the state $H$. There are two products and two biases, $a^x = W x + b^x$ for the input and
$a^h = U h + b^h$ for the state. Unit $j$ of sample $n$ adds them and applies the nonlinearity:

$$h'[n, j] = \tanh(a^x[n, j] + a^h[n, j]) \qquad \text{or} \qquad h'[n, j] = \max(0, \; a^x[n, j] + a^h[n, j])$$

The products are those of `linear`; the kernels here begin at the sum.

## Gradients

Let $a = a^x + a^h$. Each $h'[n, j]$ depends on its own $a[n, j]$ only, and $\tanh' = 1 - \tanh^2$:

$$\frac{\partial L}{\partial a}[n, j] = \frac{\partial L}{\partial h'}[n, j] \, (1 - h'[n, j]^2)$$

With ReLU the derivative is 1 where $h' > 0$ and 0 elsewhere. $a$ is a plain sum, so $a^x$ and $a^h$ receive this same gradient.
The rest are the gradients of two linear layers:

$$\frac{\partial L}{\partial x} = \frac{\partial L}{\partial a} W \qquad
\frac{\partial L}{\partial h} = \frac{\partial L}{\partial a} U \qquad
\frac{\partial L}{\partial W} = \frac{\partial L}{\partial a}^\top x \qquad
\frac{\partial L}{\partial U} = \frac{\partial L}{\partial a}^\top h$$

## Cost

$N H (D + H)$ multiply-adds for the products, which is nearly all. The kernels here do an addition and a tanh per unit; forward
reads two numbers and writes one, 12 bytes per unit in float32, and backward the same.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $a^x$ | `a_x` | $(N, H)$ | product of weight and input, with bias; read as one row of elements |
| $a^h$ | `a_h` | $(N, H)$ | product of weight and state, with bias; read as one row of elements |
| $h'$ | `h_next` | $(N, H)$ | new state |
| $\frac{\partial L}{\partial h'}$ | `grad_h_next` | $(N, H)$ | gradient of the loss for $h'$ |
| $\frac{\partial L}{\partial a}$ | `grad_a` | $(N, H)$ | gradient of the loss for $a^x$ and for $a^h$ |

## Worked example

One unit with ReLU, $h' = \max(0, x + 2 h)$, reads the sequence 1, 3, -9 from state 0:

>>> import reftorch as torch
>>> w = torch.tensor([[1.]], requires_grad=True)
>>> u = torch.tensor([[2.]], requires_grad=True)
>>> h = torch.zeros(1, 1)
>>> states = []
>>> for x in (1., 3., -9.):
...     h = torch.rnn_relu_cell(torch.tensor([[x]]), h, w, u)
...     states.append(h.item())
>>> states
[1.0, 5.0, 1.0]

The last state depends on $u$ three times, once for each step: $h_3 = x_3 + u h_2$, $h_2 = x_2 + u h_1$, $h_1 = x_1 + u h_0$. Its
derivative is $h_2 + u h_1 + u^2 h_0 = 5 + 2 + 0$, and for $w$ it is $x_3 + u x_2 + u^2 x_1 = -9 + 6 + 4$:

>>> h.backward()
>>> u.grad, w.grad
(tensor([[7.]]), tensor([[1.]]))

With tanh, one step. The derivative is $1 - 0.7616^2$:

>>> x = torch.tensor([[1.]], requires_grad=True)
>>> h = torch.rnn_tanh_cell(x, torch.zeros(1, 1), w.detach(), u.detach())
>>> h.detach()
tensor([[0.7616]])
>>> h.backward()
>>> x.grad
tensor([[0.4200]])

## Questions

**Why two biases, if they are added?**

One would be enough: both receive the same gradient. There are two because cuDNN, NVIDIA's library, has two, and because in a GRU
they differ.

**What happens to a gradient that passes through many steps?**

Each step multiplies it by $u$ and by a derivative of at most 1. If $|u| < 1$ it vanishes, if $|u| > 1$ it may explode:

>>> 0.9 ** 100 < 1e-4, 1.1 ** 100 > 1e4
(True, True)

**How many parameters does RNNCell(10, 20) have?**

>>> 20 * 10 + 20 * 20 + 20 + 20, sum(p.numel() for p in torch.nn.RNNCell(10, 20).parameters())
(640, 640)
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, flat, njit, on, prange
from reftorch.nn.linear.linear import linear
from reftorch.nn.recurrent.cell_base import RNNCellBase, check_cell


# ## The new state, with tanh
#
# $$h'[n, j] = \tanh(a^x[n, j] + a^h[n, j])$$
@njit(**PARALLEL)
def rnn_tanh_cell_forward_cpu(a_x, a_h, h_next):
    for i in prange(a_x.size):
        h_next[i] = math.tanh(a_x[i] + a_h[i])


@cuda.jit
def rnn_tanh_cell_forward_cuda(a_x, a_h, h_next):
    i = cuda.grid(1)
    if i >= a_x.size:
        return
    h_next[i] = math.tanh(a_x[i] + a_h[i])


# ## The gradient of the sum, with tanh
#
# $$\frac{\partial L}{\partial a} = \frac{\partial L}{\partial h'} \, (1 - h'^2)$$
@njit(**PARALLEL)
def rnn_tanh_cell_backward_a_cpu(h_next, grad_h_next, grad_a):
    for i in prange(h_next.size):
        grad_a[i] = grad_h_next[i] * (h_next.dtype.type(1) - h_next[i] * h_next[i])


@cuda.jit
def rnn_tanh_cell_backward_a_cuda(h_next, grad_h_next, grad_a):
    i = cuda.grid(1)
    if i >= h_next.size:
        return
    grad_a[i] = grad_h_next[i] * (h_next.dtype.type(1) - h_next[i] * h_next[i])


# ## The new state, with ReLU
#
# $$h'[n, j] = \max(0, \; a^x[n, j] + a^h[n, j])$$
@njit(**PARALLEL)
def rnn_relu_cell_forward_cpu(a_x, a_h, h_next):
    for i in prange(a_x.size):
        zero, a = a_x.dtype.type(0), a_x[i] + a_h[i]
        h_next[i] = zero if a < zero else a


@cuda.jit
def rnn_relu_cell_forward_cuda(a_x, a_h, h_next):
    i = cuda.grid(1)
    if i >= a_x.size:
        return
    zero, a = a_x.dtype.type(0), a_x[i] + a_h[i]
    h_next[i] = zero if a < zero else a


# ## The gradient of the sum, with ReLU
#
# $$\frac{\partial L}{\partial a} = \frac{\partial L}{\partial h'} \text{ if } h' > 0 \text{, else } 0$$
@njit(**PARALLEL)
def rnn_relu_cell_backward_a_cpu(h_next, grad_h_next, grad_a):
    for i in prange(h_next.size):
        zero = h_next.dtype.type(0)
        grad_a[i] = zero if h_next[i] <= zero else grad_h_next[i]


@cuda.jit
def rnn_relu_cell_backward_a_cuda(h_next, grad_h_next, grad_a):
    i = cuda.grid(1)
    if i >= h_next.size:
        return
    zero = h_next.dtype.type(0)
    grad_a[i] = zero if h_next[i] <= zero else grad_h_next[i]


def rnn_step(nonlinearity, device, threads):
    """The forward kernel of "tanh" or "relu", for `threads` units; it takes a_x, a_h, h_next as rows of elements."""
    if nonlinearity == "tanh":
        return on(device, rnn_tanh_cell_forward_cpu, rnn_tanh_cell_forward_cuda, threads, fast.rnn_tanh_cell_forward)
    return on(device, rnn_relu_cell_forward_cpu, rnn_relu_cell_forward_cuda, threads)


def rnn_step_back(nonlinearity, device, threads):
    """The backward kernel of "tanh" or "relu", for `threads` units; it takes h_next, grad_h_next, grad_a as rows of elements."""
    if nonlinearity == "tanh":
        return on(device, rnn_tanh_cell_backward_a_cpu, rnn_tanh_cell_backward_a_cuda, threads)
    return on(device, rnn_relu_cell_backward_a_cpu, rnn_relu_cell_backward_a_cuda, threads)


class RnnCellFunction(Function):
    """The step on the tape. a_x and a_h (N, H); h_next of the same shape; nonlinearity "tanh" or "relu"."""

    @staticmethod
    def forward(ctx, a_x, a_h, nonlinearity):
        h_next = a_x.new_empty(a_x.shape)
        run = rnn_step(nonlinearity, a_x.device, a_x.numel())
        run(*flat(a_x, a_h, h_next))
        ctx.save_for_backward(h_next)
        ctx.nonlinearity = nonlinearity
        ctx.torch_name = "TanhBackward0" if nonlinearity == "tanh" else "ReluBackward0"
        return h_next

    @staticmethod
    def backward(ctx, grad_h_next):
        (h_next,) = ctx.saved_tensors
        grad_a = h_next.new_empty(h_next.shape)
        run = rnn_step_back(ctx.nonlinearity, h_next.device, h_next.numel())
        run(*flat(h_next, grad_h_next, grad_a))
        return grad_a, grad_a, None


def rnn_tanh_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """The state after one step: tanh(W x + b_ih + U h + b_hh).

    Shapes: `input` (N, D), `hx` (N, H), `w_ih` (H, D), `w_hh` (H, H), biases (H) or None; the result (N, H).

    Raises:
        RuntimeError: sizes or dtypes do not fit together.
        IndexError: `input` or `hx` does not have two dimensions.
    """
    check_cell("rnn_tanh_cell", 1, input, [hx], w_ih, w_hh)
    return RnnCellFunction.apply(linear(input, w_ih, b_ih), linear(hx, w_hh, b_hh), "tanh")


def rnn_relu_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """As `rnn_tanh_cell`, with ReLU: max(0, W x + b_ih + U h + b_hh)."""
    check_cell("rnn_relu_cell", 1, input, [hx], w_ih, w_hh)
    return RnnCellFunction.apply(linear(input, w_ih, b_ih), linear(hx, w_hh, b_hh), "relu")


class RNNCell(RNNCellBase):
    """One step of a simple recurrent network, as a layer.

    Args:
        input_size: D, how many numbers an element of the input has.
        hidden_size: H, how many numbers the state has.
        bias: whether there are biases.
        nonlinearity: "tanh" or "relu".

    Attributes: `weight_ih` (H, D), `weight_hh` (H, H), `bias_ih` and `bias_hh` (H), all drawn from the uniform distribution on
    ±1/sqrt(H).

    Shapes: input (N, D) or (D), state (N, H) or (H), zeros if it is left out; the new state has the shape of the state.

    Raises:
        ValueError: the input or the state has neither one dimension nor two.
        RuntimeError: sizes do not fit together; another nonlinearity, when the cell is called.
    """

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh", device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, num_chunks=1, device=device, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input, hx=None):
        x, (h,) = self._as_batch(input, hx if hx is None else [hx], ["hidden"])
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}; RNNCell has tanh and relu")
        step = rnn_tanh_cell if self.nonlinearity == "tanh" else rnn_relu_cell
        h = step(x, h, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return h.squeeze(0) if input.dim() == 1 else h
