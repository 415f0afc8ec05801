r"""The cell of a long short-term memory: beside its state it has a memory, which is only multiplied by a gate and added to.

Three gates, numbers between 0 and 1, decide at each step what is written into the memory, what is kept of it, and what is shown of
it. Through the memory a gradient can pass many steps.

Use it when you write the loop over time yourself and need the memory of an `LSTM`; `GRUCell` has fewer parameters and does nearly
as well.

## Forward

One sample, one unit. The gates $i$ (input), $f$ (forget) and $o$ (output) and the candidate $g$ each have their own weights for the
input $x$ and the state $h$:

$$i = \sigma(a_i) \qquad f = \sigma(a_f) \qquad g = \tanh(a_g) \qquad o = \sigma(a_o)$$

$$c' = f \, c + i \, g \qquad h' = o \tanh(c')$$

The memory $c$ keeps a part $f$ of what it held and takes a part $i$ of the candidate.

In general there are $H$ units. The weights of the four gates stand below each other, so that two products serve all of them:
$a^x = W x + b^x$ and $a^h = U h + b^h$ have $4 H$ numbers for each sample, first those of $i$, then $f$, $g$, $o$. For unit $j$ of
sample $n$:

$$i = \sigma(a^x[n, j] + a^h[n, j]) \qquad f = \sigma(a^x[n, H + j] + a^h[n, H + j])$$

$$g = \tanh(a^x[n, 2 H + j] + a^h[n, 2 H + j]) \qquad o = \sigma(a^x[n, 3 H + j] + a^h[n, 3 H + j])$$

$$c'[n, j] = f \, c[n, j] + i \, g \qquad h'[n, j] = o \tanh(c'[n, j])$$

## Gradients

Two gradients arrive, that of $h'$ and that of $c'$. The memory $c'$ acts on the loss in two ways: through the later steps, which is
the gradient that arrives, and through $h' = o \tanh(c')$. Let $\delta$ be the sum:

$$\delta = \frac{\partial L}{\partial c'} + \frac{\partial L}{\partial h'} \, o \, (1 - \tanh^2 c')$$

From $c' = f c + i g$ the memory, the gates and the candidate get $\delta$ times the factor that multiplies each of them; the output gate
gets its gradient from $h'$. Then each gradient goes through the nonlinearity, with $\sigma' = \sigma (1 - \sigma)$ and
$\tanh' = 1 - \tanh^2$:

$$\frac{\partial L}{\partial a_i} = \delta \, g \; i (1 - i) \qquad
\frac{\partial L}{\partial a_f} = \delta \, c \; f (1 - f)$$

$$\frac{\partial L}{\partial a_g} = \delta \, i \; (1 - g^2) \qquad
\frac{\partial L}{\partial a_o} = \frac{\partial L}{\partial h'} \tanh(c') \; o (1 - o)$$

$$\frac{\partial L}{\partial c} = \delta \, f$$

The last line is the reason for this cell: from step to step the gradient of the memory is multiplied by $f$ alone, and $f$ may be
close to 1. The rest are the gradients of two linear layers, as in `RNNCell`: $a^x$ and $a^h$ receive the same
$\frac{\partial L}{\partial a}$.

## Cost

$4 N H (D + H)$ multiply-adds for the products. The kernels here compute three sigmoids and two hyperbolic tangents per unit; forward
reads 9 numbers and writes 6, 60 bytes per unit in float32.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $a^x$ | `a_x` | $(N, 4 H)$ | products of the weights and the input, with bias |
| $a^h$ | `a_h` | $(N, 4 H)$ | products of the weights and the state, with bias |
| $c$ | `c` | $(N, H)$ | memory |
| $c'$ | `c_next` | $(N, H)$ | new memory |
| $h'$ | `h_next` | $(N, H)$ | new state |
| $i, f, o$ | `i`, `f`, `o` | 0 to 1 | gates: what is written, kept, shown |
| $g$ | `g` | -1 to 1 | candidate for the memory |
| $\tanh(c')$ | `tanh_c` | -1 to 1 | what the output gate multiplies |
| $\delta$ | `delta` | any | gradient of the loss for $c'$, with the part through $h'$ |
| $\frac{\partial L}{\partial h'}$ | `grad_h_next` | $(N, H)$ | gradient of the loss for $h'$ |
| $\frac{\partial L}{\partial c'}$ | `grad_c_next` | $(N, H)$ | gradient of the loss for $c'$ from later steps |
| $\frac{\partial L}{\partial a}$ | `grad_a` | $(N, 4 H)$ | gradient of the loss for $a^x$ and for $a^h$ |
| $\frac{\partial L}{\partial c}$ | `grad_c` | $(N, H)$ | gradient of the loss for $c$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $j$ | `j` | $0 \le j < H$ | unit of the state |

## Worked example

One unit whose weights are all 0. Then each gate is $\sigma(0) = \frac{1}{2}$ and the candidate is $\tanh 0 = 0$. A memory of 8 loses
half at each step:

>>> import reftorch as torch
>>> weight, bias = torch.zeros(4, 1), torch.zeros(4, requires_grad=True)
>>> x, h, c = torch.zeros(1, 1), torch.zeros(1, 1), torch.tensor([[8.]], requires_grad=True)
>>> h_next, c_next = torch.lstm_cell(x, (h, c), weight, weight, bias)
>>> c_next.detach()
tensor([[4.]])

A gradient of 2 arrives at the new memory. The old one gets half of it, the forget gate $2 \cdot 8 \cdot \frac{1}{4}$, the
candidate $2 \cdot \frac{1}{2}$; the input gate gets 0, since the candidate is 0, and the output gate gets 0, since it acts on $h'$ only:

>>> c_next.backward(torch.tensor([[2.]]))
>>> c.grad
tensor([[1.]])
>>> bias.grad
tensor([0., 4., 1., 0.])

## Questions

**Which gates make the cell a perfect memory?**

$f = 1$ and $i = 0$: then $c' = c$, and the gradient of the memory passes unchanged.

**Why is the bias of the forget gate often set to 1 at the start?**

Then $f = \sigma(1) \approx 0.73$ instead of $\frac{1}{2}$, and the memory keeps more from the beginning of training:

>>> round(0.73 ** 10, 3), round(0.5 ** 10, 3)
(0.043, 0.001)

**How many parameters does LSTMCell(10, 20) have?**

>>> 4 * (20 * 10 + 20 * 20 + 20 + 20)
2560

**Why are there four gates in one product, and not four products?**

One product of a large matrix is faster than four of small ones, and the input is read once.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.linear.linear import linear
from reftorch.nn.recurrent.cell_base import RNNCellBase, check_cell


# ## The new memory and the new state
#
# $$c' = f \, c + i \, g \qquad h' = o \tanh(c')$$
#
# The gates are kept in `gates` for the backward pass, in the order of $a$.
@njit(**PARALLEL)
def lstm_cell_forward_cpu(a_x, a_h, c, gates, c_next, h_next):
    N, H = c.shape
    for n in prange(N):
        for j in range(H):
            one = c.dtype.type(1)
            i = one / (one + math.exp(-(a_x[n, j] + a_h[n, j])))
            f = one / (one + math.exp(-(a_x[n, H + j] + a_h[n, H + j])))
            g = math.tanh(a_x[n, 2 * H + j] + a_h[n, 2 * H + j])
            o = one / (one + math.exp(-(a_x[n, 3 * H + j] + a_h[n, 3 * H + j])))
            c_next[n, j] = f * c[n, j] + i * g
            h_next[n, j] = o * math.tanh(c_next[n, j])
            gates[n, j] = i
            gates[n, H + j] = f
            gates[n, 2 * H + j] = g
            gates[n, 3 * H + j] = o


@cuda.jit
def lstm_cell_forward_cuda(a_x, a_h, c, gates, c_next, h_next):
    N, H = c.shape
    unit = cuda.grid(1)
    if unit >= c.size:
        return
    n = unit // H
    j = unit % H
    one = c.dtype.type(1)
    i = one / (one + math.exp(-(a_x[n, j] + a_h[n, j])))
    f = one / (one + math.exp(-(a_x[n, H + j] + a_h[n, H + j])))
    g = math.tanh(a_x[n, 2 * H + j] + a_h[n, 2 * H + j])
    o = one / (one + math.exp(-(a_x[n, 3 * H + j] + a_h[n, 3 * H + j])))
    c_next[n, j] = f * c[n, j] + i * g
    h_next[n, j] = o * math.tanh(c_next[n, j])
    gates[n, j] = i
    gates[n, H + j] = f
    gates[n, 2 * H + j] = g
    gates[n, 3 * H + j] = o


# ## The gradients of the gates and of the memory
#
# $$\delta = \frac{\partial L}{\partial c'} + \frac{\partial L}{\partial h'} \, o \, (1 - \tanh^2 c') \qquad
# \frac{\partial L}{\partial c} = \delta \, f$$
@njit(**PARALLEL)
def lstm_cell_backward_a_cpu(grad_h_next, grad_c_next, gates, c, c_next, grad_a, grad_c):
    N, H = c.shape
    for n in prange(N):
        for j in range(H):
            one = c.dtype.type(1)
            i = gates[n, j]
            f = gates[n, H + j]
            g = gates[n, 2 * H + j]
            o = gates[n, 3 * H + j]
            tanh_c = math.tanh(c_next[n, j])
            delta = grad_c_next[n, j] + grad_h_next[n, j] * o * (one - tanh_c * tanh_c)
            grad_a[n, j] = delta * g * i * (one - i)
            grad_a[n, H + j] = delta * c[n, j] * f * (one - f)
            grad_a[n, 2 * H + j] = delta * i * (one - g * g)
            grad_a[n, 3 * H + j] = grad_h_next[n, j] * tanh_c * o * (one - o)
            grad_c[n, j] = delta * f


@cuda.jit
def lstm_cell_backward_a_cuda(grad_h_next, grad_c_next, gates, c, c_next, grad_a, grad_c):
    N, H = c.shape
    unit = cuda.grid(1)
    if unit >= c.size:
        return
    n = unit // H
    j = unit % H
    one = c.dtype.type(1)
    i = gates[n, j]
    f = gates[n, H + j]
    g = gates[n, 2 * H + j]
    o = gates[n, 3 * H + j]
    tanh_c = math.tanh(c_next[n, j])
    delta = grad_c_next[n, j] + grad_h_next[n, j] * o * (one - tanh_c * tanh_c)
    grad_a[n, j] = delta * g * i * (one - i)
    grad_a[n, H + j] = delta * c[n, j] * f * (one - f)
    grad_a[n, 2 * H + j] = delta * i * (one - g * g)
    grad_a[n, 3 * H + j] = grad_h_next[n, j] * tanh_c * o * (one - o)
    grad_c[n, j] = delta * f


class LstmCellFunction(Function):
    """The step on the tape. a_x and a_h (N, 4 H), c (N, H); h_next and c_next (N, H)."""

    @staticmethod
    def forward(ctx, a_x, a_h, c):
        gates, c_next, h_next = a_x.new_empty(a_x.shape), c.new_empty(c.shape), c.new_empty(c.shape)
        run = on(c.device, lstm_cell_forward_cpu, lstm_cell_forward_cuda, c.numel(), fast.lstm_cell_forward)
        run(*arrays(a_x, a_h, c, gates, c_next, h_next))
        ctx.save_for_backward(gates, c, c_next)
        return h_next, c_next

    @staticmethod
    def backward(ctx, grad_h_next, grad_c_next):
        gates, c, c_next = ctx.saved_tensors
        grad_a, grad_c = c.new_empty(gates.shape), c.new_empty(c.shape)
        run = on(c.device, lstm_cell_backward_a_cpu, lstm_cell_backward_a_cuda, c.numel(), fast.lstm_cell_backward_a)
        run(*arrays(grad_h_next, grad_c_next, gates, c, c_next, grad_a, grad_c))
        return grad_a, grad_a, grad_c


def lstm_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """The state and the memory after one step.

    Shapes: `input` (N, D), `hx` a pair of (N, H), `w_ih` (4 H, D), `w_hh` (4 H, H), biases (4 H) or None; the result a pair of (N, H).

    Raises:
        TypeError: `hx` is not a pair.
        RuntimeError: sizes or dtypes do not fit together.
        IndexError: a tensor does not have two dimensions.
    """
    if not isinstance(hx, (tuple, list)):
        raise TypeError(
            f"lstm_cell(): argument 'hx' (position 2) must be tuple of Tensors, not {type(hx).__name__}: state and memory, (h, c)"
        )
    if len(hx) != 2:
        raise RuntimeError(f"lstm_cell expects two hidden states, state and memory (h, c), but found {len(hx)}")
    h, c = hx
    check_cell("lstm_cell", 4, input, [h, c], w_ih, w_hh)
    return LstmCellFunction.apply(linear(input, w_ih, b_ih), linear(h, w_hh, b_hh), c)


class LSTMCell(RNNCellBase):
    """One step of a long short-term memory, as a layer.

    Args:
        input_size: D, how many numbers an element of the input has.
        hidden_size: H, how many numbers the state has, and the memory.
        bias: whether there are biases.

    Attributes: `weight_ih` (4 H, D), `weight_hh` (4 H, H), `bias_ih` and `bias_hh` (4 H), each in the order i, f, g, o, all drawn
    from the uniform distribution on ±1/sqrt(H).

    Shapes: input (N, D) or (D), state and memory (N, H) or (H), zeros if they are left out; the new pair has their shape.

    Raises:
        ValueError: the input or a state has neither one dimension nor two.
        RuntimeError: sizes do not fit together.
        TypeError: the states are not a pair.
    """

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, num_chunks=4, device=device, dtype=dtype)

    def forward(self, input, hx=None):
        x, states = self._as_batch(input, hx, ["hx[0]", "hx[1]"])
        h, c = lstm_cell(x, states, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return (h.squeeze(0), c.squeeze(0)) if input.dim() == 1 else (h, c)
