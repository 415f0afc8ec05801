r"""The cell of a gated recurrent unit: an update gate mixes the old state with a candidate for the new one.

It has no separate memory, only its state, and three quarters of the parameters of an `LSTMCell`.

Use it when you write the loop over time yourself and want a cell that remembers at a smaller cost than `LSTMCell`.

## Forward

One sample, one unit. The gate $r$ (reset) decides how much of the old state the candidate $n$ uses, the gate $z$ (update) how much of
the old state stays:

$$r = \sigma(a_r) \qquad z = \sigma(a_z) \qquad n = \tanh(a^x_n + r \, q) \qquad h' = (1 - z) \, n + z \, h$$

Here $q$ is the product of the candidate's weight and the state, with its bias: the reset gate multiplies the product, not the state
before it.

In general there are $H$ units. The weights of $r$, $z$ and $n$ stand below each other, so that two products serve all of them:
$a^x = W x + b^x$ and $a^h = U h + b^h$ have $3 H$ numbers for each sample. For unit $j$ of sample $s$:

$$r = \sigma(a^x[s, j] + a^h[s, j]) \qquad z = \sigma(a^x[s, H + j] + a^h[s, H + j])$$

$$q = a^h[s, 2 H + j] \qquad n = \tanh(a^x[s, 2 H + j] + r \, q)$$

$$h'[s, j] = (1 - z) \, n + z \, h[s, j]$$

## Gradients

$h'$ is a mixture of $n$ and $h$ with the weight $z$, so each of the three gets the gradient of $h'$ times its factor: $n$ gets
$1 - z$, $h$ gets $z$, and $z$ gets $h - n$. Through the nonlinearities, with $\tanh' = 1 - \tanh^2$ and
$\sigma' = \sigma (1 - \sigma)$:

$$\delta_n = \frac{\partial L}{\partial h'} (1 - z) (1 - n^2) \qquad \delta_z = \frac{\partial L}{\partial h'} (h - n) \, z (1 - z)$$

The argument of the candidate is $a^x_n + r q$. So $a^x_n$ gets $\delta_n$, the reset gate gets $\delta_n q$ and $q$ gets
$\delta_n r$:

$$\delta_r = \delta_n \, q \, r (1 - r)$$

Together, for the products of the input and those of the state:

$$\frac{\partial L}{\partial a^x} = [\delta_r, \delta_z, \delta_n] \qquad
\frac{\partial L}{\partial a^h} = [\delta_r, \delta_z, \delta_n \, r]$$

They differ in the last third, and so do the gradients of the two biases. The old state gets one part through the mixture,
$\frac{\partial L}{\partial h} = \frac{\partial L}{\partial h'} \, z$, and another part through $a^h$, as in any linear layer.

## Cost

$3 N H (D + H)$ multiply-adds for the products. The kernels here compute two sigmoids and one hyperbolic tangent per unit; forward reads
7 numbers and writes 5, 48 bytes per unit in float32.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $a^x$ | `a_x` | $(N, 3 H)$ | products of the weights and the input, with bias |
| $a^h$ | `a_h` | $(N, 3 H)$ | products of the weights and the state, with bias |
| $h$ | `h` | $(N, H)$ | state |
| $h'$ | `h_next` | $(N, H)$ | new state |
| $r, z$ | `r`, `z` | 0 to 1 | gates: how much of the state the candidate sees; how much of it stays |
| $n$ | `n` | -1 to 1 | candidate for the new state |
| $q$ | `q` | any | what the reset gate multiplies |
| $\delta_r, \delta_z, \delta_n$ | `delta_r`, `delta_z`, `delta_n` | any | gradients of the loss for the arguments of $r$, $z$, $n$ |
| $\frac{\partial L}{\partial h'}$ | `grad_h_next` | $(N, H)$ | gradient of the loss for $h'$ |
| $\frac{\partial L}{\partial a^x}$ | `grad_a_x` | $(N, 3 H)$ | gradient of the loss for $a^x$ |
| $\frac{\partial L}{\partial a^h}$ | `grad_a_h` | $(N, 3 H)$ | gradient of the loss for $a^h$ |
| $\frac{\partial L}{\partial h}$ | `grad_h` | $(N, H)$ | gradient of the loss for $h$ through the mixture |
| $s$ | `s` | $0 \le s < N$ | sample |
| $j$ | `j` | $0 \le j < H$ | unit of the state |

## Worked example

One unit whose weights are all 0: both gates are $\sigma(0) = \frac{1}{2}$ and the candidate is $\tanh 0 = 0$. Half of a state of 8
stays:

>>> import reftorch as torch
>>> weight = torch.zeros(3, 1)
>>> b_ih, b_hh = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
>>> h = torch.tensor([[8.]], requires_grad=True)
>>> h_next = torch.gru_cell(torch.zeros(1, 1), h, weight, weight, b_ih, b_hh)
>>> h_next.detach()
tensor([[4.]])

A gradient of 2 arrives. The old state gets half of it, the update gate $2 \cdot 8 \cdot \frac{1}{4}$, the candidate
$2 \cdot \frac{1}{2}$. The reset gate multiplies the candidate's bias `b_hh`, so this bias gets only half of what `b_ih`
gets:

>>> h_next.backward(torch.tensor([[2.]]))
>>> h.grad
tensor([[1.]])
>>> b_ih.grad, b_hh.grad
(tensor([0., 4., 1.]), tensor([0.0000, 4.0000, 0.5000]))

## Questions

**Which value of $z$ keeps the state?**

$z = 1$. Some papers exchange the two factors, $h' = z \, n + (1 - z) \, h$; PyTorch multiplies the old state by $z$.

**Why must the two biases be kept apart?**

$b^h$ of the candidate is multiplied by the reset gate, $b^x$ is not. So their sum does not determine the result.

**How many parameters does GRUCell(10, 20) have, compared with LSTMCell(10, 20)?**

>>> 3 * (20 * 10 + 20 * 20 + 20 + 20), 4 * (20 * 10 + 20 * 20 + 20 + 20)
(1920, 2560)

## Differences

The original paper (Cho and others, 2014) multiplies the state by the reset gate before the product, $U (r h)$. PyTorch, and this file,
multiply afterwards, which allows one product for all three parts.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.linear.linear import linear
from reftorch.nn.recurrent.cell_base import RNNCellBase, check_cell


# ## The new state
#
# $$n = \tanh(a^x[s, 2 H + j] + r \, q) \qquad h'[s, j] = (1 - z) \, n + z \, h[s, j]$$
#
# Gates, candidate and $q$ are kept in `gates` for the backward pass.
@njit(**PARALLEL)
def gru_cell_forward_cpu(a_x, a_h, h, gates, h_next):
    N, H = h.shape
    for s in prange(N):
        for j in range(H):
            one = h.dtype.type(1)
            r = one / (one + math.exp(-(a_x[s, j] + a_h[s, j])))
            z = one / (one + math.exp(-(a_x[s, H + j] + a_h[s, H + j])))
            q = a_h[s, 2 * H + j]
            n = math.tanh(a_x[s, 2 * H + j] + r * q)
            h_next[s, j] = (one - z) * n + z * h[s, j]
            gates[s, j] = r
            gates[s, H + j] = z
            gates[s, 2 * H + j] = n
            gates[s, 3 * H + j] = q


@cuda.jit
def gru_cell_forward_cuda(a_x, a_h, h, gates, h_next):
    N, H = h.shape
    unit = cuda.grid(1)
    if unit >= h.size:
        return
    s = unit // H
    j = unit % H
    one = h.dtype.type(1)
    r = one / (one + math.exp(-(a_x[s, j] + a_h[s, j])))
    z = one / (one + math.exp(-(a_x[s, H + j] + a_h[s, H + j])))
    q = a_h[s, 2 * H + j]
    n = math.tanh(a_x[s, 2 * H + j] + r * q)
    h_next[s, j] = (one - z) * n + z * h[s, j]
    gates[s, j] = r
    gates[s, H + j] = z
    gates[s, 2 * H + j] = n
    gates[s, 3 * H + j] = q


# ## The gradients of the gates and of the state
#
# $$\frac{\partial L}{\partial a^x} = [\delta_r, \delta_z, \delta_n] \qquad
# \frac{\partial L}{\partial a^h} = [\delta_r, \delta_z, \delta_n \, r]$$
@njit(**PARALLEL)
def gru_cell_backward_a_cpu(grad_h_next, gates, h, grad_a_x, grad_a_h, grad_h):
    N, H = h.shape
    for s in prange(N):
        for j in range(H):
            one = h.dtype.type(1)
            r = gates[s, j]
            z = gates[s, H + j]
            n = gates[s, 2 * H + j]
            q = gates[s, 3 * H + j]
            delta_n = grad_h_next[s, j] * (one - z) * (one - n * n)
            delta_z = grad_h_next[s, j] * (h[s, j] - n) * z * (one - z)
            delta_r = delta_n * q * r * (one - r)
            grad_a_x[s, j] = delta_r
            grad_a_x[s, H + j] = delta_z
            grad_a_x[s, 2 * H + j] = delta_n
            grad_a_h[s, j] = delta_r
            grad_a_h[s, H + j] = delta_z
            grad_a_h[s, 2 * H + j] = delta_n * r
            grad_h[s, j] = grad_h_next[s, j] * z


@cuda.jit
def gru_cell_backward_a_cuda(grad_h_next, gates, h, grad_a_x, grad_a_h, grad_h):
    N, H = h.shape
    unit = cuda.grid(1)
    if unit >= h.size:
        return
    s = unit // H
    j = unit % H
    one = h.dtype.type(1)
    r = gates[s, j]
    z = gates[s, H + j]
    n = gates[s, 2 * H + j]
    q = gates[s, 3 * H + j]
    delta_n = grad_h_next[s, j] * (one - z) * (one - n * n)
    delta_z = grad_h_next[s, j] * (h[s, j] - n) * z * (one - z)
    delta_r = delta_n * q * r * (one - r)
    grad_a_x[s, j] = delta_r
    grad_a_x[s, H + j] = delta_z
    grad_a_x[s, 2 * H + j] = delta_n
    grad_a_h[s, j] = delta_r
    grad_a_h[s, H + j] = delta_z
    grad_a_h[s, 2 * H + j] = delta_n * r
    grad_h[s, j] = grad_h_next[s, j] * z


class GruCellFunction(Function):
    """The step on the tape. a_x and a_h (N, 3 H), h (N, H); h_next (N, H)."""

    @staticmethod
    def forward(ctx, a_x, a_h, h):
        N, H = h.shape
        gates, h_next = h.new_empty(N, 4 * H), h.new_empty(N, H)
        run = on(h.device, gru_cell_forward_cpu, gru_cell_forward_cuda, h.numel(), fast.gru_cell_forward)
        run(*arrays(a_x, a_h, h, gates, h_next))
        ctx.save_for_backward(gates, h)
        ctx.torch_name = "AddBackward0"
        return h_next

    @staticmethod
    def backward(ctx, grad_h_next):
        gates, h = ctx.saved_tensors
        N, H = h.shape
        grad_a_x, grad_a_h, grad_h = h.new_empty(N, 3 * H), h.new_empty(N, 3 * H), h.new_empty(N, H)
        run = on(h.device, gru_cell_backward_a_cpu, gru_cell_backward_a_cuda, h.numel(), fast.gru_cell_backward_a)
        run(*arrays(grad_h_next, gates, h, grad_a_x, grad_a_h, grad_h))
        return grad_a_x, grad_a_h, grad_h


def gru_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """The state after one step.

    Shapes: `input` (N, D), `hx` (N, H), `w_ih` (3 H, D), `w_hh` (3 H, H), biases (3 H) or None; the result (N, H).

    Raises:
        RuntimeError: sizes or dtypes do not fit together.
        IndexError: `input` or `hx` does not have two dimensions.
    """
    check_cell("gru_cell", 3, input, [hx], w_ih, w_hh)
    return GruCellFunction.apply(linear(input, w_ih, b_ih), linear(hx, w_hh, b_hh), hx)


class GRUCell(RNNCellBase):
    """One step of a gated recurrent unit, as a layer.

    Args:
        input_size: D, how many numbers an element of the input has.
        hidden_size: H, how many numbers the state has.
        bias: whether there are biases.

    Attributes: `weight_ih` (3 H, D), `weight_hh` (3 H, H), `bias_ih` and `bias_hh` (3 H), each in the order r, z, n, all drawn from
    the uniform distribution on ±1/sqrt(H).

    Shapes: input (N, D) or (D), state (N, H) or (H), zeros if it is left out; the new state has the shape of the state.

    Raises:
        ValueError: the input or the state has neither one dimension nor two.
        RuntimeError: sizes do not fit together.
    """

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, num_chunks=3, device=device, dtype=dtype)

    def forward(self, input, hx=None):
        x, (h,) = self._as_batch(input, hx if hx is None else [hx], ["hidden"])
        h = gru_cell(x, h, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return h.squeeze(0) if input.dim() == 1 else h
