r"""Gated recurrent units: a recurrent network whose cell mixes its old state with a candidate, by a gate between 0 and 1.

Where the gate keeps the old state, it passes from step to step unchanged, and so does its gradient.

Use it when you would use an `LSTM` and want three quarters of its parameters and one state in place of two.

## Forward

The cell is one step, that of `GRUCell`, with the gates $r$ and $z$ and the candidate $n$:

$$r_t = \sigma(a^x_r + a^h_r) \qquad z_t = \sigma(a^x_z + a^h_z) \qquad n_t = \tanh(a^x_n + r_t \, a^h_n)$$

$$[a^x_r, a^x_z, a^x_n] = W x_t + b^x \qquad [a^h_r, a^h_z, a^h_n] = U h_{t-1} + b^h$$

$$h_t = (1 - z_t) \, n_t + z_t \, h_{t-1}$$

The layer repeats it for $t = 0, 1, \dots, T - 1$, with the same weights, and returns all states:

    h = h_0
    for t in range(T):
        h = cell(x[t], h)
        y[t] = h

The products $W x_t$ do not depend on the state, so all times are computed at once before the loop; only $U h$ is computed step by step.

## Gradients

The state $h_t$ acts on the loss as output $y_t$, through the mixture of the next step, with the weight $z_{t+1}$, and through its product
with $U$. Let $\delta^x$ and $\delta^h$ be the gradients of $a^x$ and $a^h$, which differ in the part of the candidate:

$$\frac{\partial L}{\partial h_t} = \frac{\partial L}{\partial y_t} + \frac{\partial L}{\partial h_{t+1}} \, z_{t+1} + \delta^h_{t+1} U$$

The cell's formulas give $\delta^x_t$ and $\delta^h_t$. The weights were used at every time, so their gradients are sums over the
times, and these sums are matrix products over all rows after the loop:

$$\frac{\partial L}{\partial W} = \sum_t {\delta^x_t}^\top x_t \qquad
\frac{\partial L}{\partial U} = \sum_t {\delta^h_t}^\top h_{t-1} \qquad \frac{\partial L}{\partial x_t} = \delta^x_t W$$

$$\frac{\partial L}{\partial b^x} = \sum_t \delta^x_t \qquad \frac{\partial L}{\partial b^h} = \sum_t \delta^h_t$$

## Output size

Input $(T, N, D)$, output $(T, N, H)$, or $(T, N, 2 H)$ with two directions. The last states are (layers times directions, $N$, $H$).

## Cost

$3 T N H (D + H)$ multiply-adds for each direction of a layer, and twice as many backward.

## Worked example

One unit whose weights are all 0: both gates are $\sigma(0) = \frac{1}{2}$ and the candidate is 0. A state of 8 loses half at each
of three steps:

>>> import reftorch as torch
>>> gru = torch.nn.GRU(1, 1)
>>> with torch.no_grad():
...     for parameter in gru.parameters():
...         _ = parameter.zero_()
>>> h_0 = torch.tensor([[8.]], requires_grad=True)
>>> y, h_n = gru(torch.zeros(3, 1), h_0)
>>> y.detach().flatten()
tensor([4., 2., 1.])

A gradient of 16 at the last output is halved at each step backward. The candidates get half of 16, 8 and 4. The bias $b^h$ of the
candidate, which the reset gate multiplies, gets a quarter of them:

>>> y.backward(torch.tensor([[0.], [0], [16]]))
>>> h_0.grad
tensor([[2.]])
>>> gru.bias_ih_l0.grad, gru.bias_hh_l0.grad
(tensor([ 0., 24., 14.]), tensor([ 0., 24.,  7.]))

## Questions

**Why are the gradients of the two biases different?**

The reset gate multiplies $b^h$ of the candidate and not $b^x$. In an LSTM the two gradients are equal.

**What does z = 1 at all times do?**

The state never changes, and the gradient of the last output arrives unchanged at $h_0$.

**How many parameters does GRU(128, 256) have?**

>>> 3 * 256 * (128 + 256 + 2)
296448
"""

from __future__ import annotations

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import arrays, on
from reftorch.nn.linear.linear import linear
from reftorch.nn.recurrent.gru_cell import (
    gru_cell_backward_a_cpu,
    gru_cell_backward_a_cuda,
    gru_cell_forward_cpu,
    gru_cell_forward_cuda,
)
from reftorch.nn.recurrent.products import Product
from reftorch.nn.recurrent.recurrent_nd import RNNBase, time_steps
from reftorch.ops import matmul
from reftorch.ops.backend import library


# ## One direction
#
# $$h_t = (1 - z_t) \, n_t + z_t \, h_{t-1}$$
#
# `h_before` keeps the state that each row started from.
# The loop works on arrays, since slicing a tensor takes longer than a small step.
def gru_forward(x, h, weight_ih, weight_hh, bias_ih, bias_hh, batch_sizes, reverse):
    R, H = len(x), h.shape[1]
    kept = [x.new_empty(R, size) for size in (H, 4 * H)]
    y, h_n, a_x = x.new_empty(R, H), h.contiguous().clone(), linear(x, weight_ih, bias_ih)
    of_state, copy = Product(weight_hh.t(), bias_hh), library(x.device).copyto
    run = on(x.device, gru_cell_forward_cpu, gru_cell_forward_cuda, h.numel(), fast.gru_cell_forward)
    h_before, gates, out, h, a_x = arrays(*kept, y, h_n, a_x)
    for rows in time_steps(batch_sizes, reverse):
        n = rows.stop - rows.start  # sequences that have an element at this time: the first n
        copy(h_before[rows], h[:n])
        run(a_x[rows], of_state(h[:n]), h_before[rows], gates[rows], out[rows])
        copy(h[:n], out[rows])
    return y, h_n, *kept


# ## Back through time
#
# $$\frac{\partial L}{\partial h_t} =
# \frac{\partial L}{\partial y_t} + \frac{\partial L}{\partial h_{t+1}} \, z_{t+1} + \delta^h_{t+1} U$$
def gru_backward(grad_y, grad_h_n, h_before, gates, weight_hh, batch_sizes, reverse):
    R, H = h_before.shape
    grad_a_x, grad_a_h, room = grad_y.new_empty(R, 3 * H), grad_y.new_empty(R, 3 * H), grad_y.new_empty(grad_h_n.shape)
    grad_h_0, of_state = grad_h_n.clone(), Product(weight_hh)
    run = on(gates.device, gru_cell_backward_a_cpu, gru_cell_backward_a_cuda, room.numel(), fast.gru_cell_backward_a)
    copy, add = library(gates.device).copyto, library(gates.device).add
    given = arrays(grad_y, h_before, gates, grad_h_0, grad_a_x, grad_a_h, room)
    grad_y, h_before, gates, grad_h, delta_x, delta_h, mixed = given
    for rows in reversed(time_steps(batch_sizes, reverse)):
        n = rows.stop - rows.start
        run(add(grad_y[rows], grad_h[:n]), gates[rows], h_before[rows], delta_x[rows], delta_h[rows], mixed[:n])
        copy(grad_h[:n], add(mixed[:n], of_state(delta_h[rows])))
    return grad_a_x, grad_a_h, grad_h_0


class GruFunction(Function):
    """One direction of a layer on the tape. x (R, D), h (N, H), weights (3 H, D) and (3 H, H), biases (3 H) or None; y (R, H),
    h_n (N, H)."""

    @staticmethod
    def forward(ctx, x, h, weight_ih, weight_hh, bias_ih, bias_hh, batch_sizes, reverse):
        ctx.steps = batch_sizes, reverse
        y, h_n, h_before, gates = gru_forward(x, h, weight_ih, weight_hh, bias_ih, bias_hh, batch_sizes, reverse)
        ctx.save_for_backward(x, h_before, gates, weight_ih, weight_hh)
        return y, h_n

    @staticmethod
    def backward(ctx, grad_y, grad_h_n):
        x, h_before, gates, weight_ih, weight_hh = ctx.saved_tensors
        grad_a_x, grad_a_h, grad_h = gru_backward(grad_y, grad_h_n, h_before, gates, weight_hh, *ctx.steps)
        needs = ctx.needs_input_grad
        return (
            matmul(grad_a_x, weight_ih) if needs[0] else None,
            grad_h,
            matmul(grad_a_x.t(), x) if needs[2] else None,
            matmul(grad_a_h.t(), h_before) if needs[3] else None,
            grad_a_x.sum(0) if needs[4] else None,
            grad_a_h.sum(0) if needs[5] else None,
            *(None, None),
        )


class GRU(RNNBase):
    """Gated recurrent units.

    Args:
        input_size: D, how many numbers an element of the input has.
        hidden_size: H, how many numbers the state has.
        num_layers: how many layers are stacked.
        bias: whether there are biases.
        batch_first: whether padded input and output are (N, T, *) and not (T, N, *). The shape of the states does not change.
        dropout: the probability of dropout behind each layer but the last.
        bidirectional: whether a second direction reads each sequence from its end.

    Attributes: for layer k `weight_ih_lk` (3 H, D), from the second layer on (3 H, directions * H), `weight_hh_lk` (3 H, H), `bias_ih_lk`
    and `bias_hh_lk` (3 H), in the order r, z, n; those of the second direction end in `_reverse`. All are drawn from the uniform
    distribution on ±1/sqrt(H).

    Shapes: input (T, N, D), (T, D) without a batch, or a `PackedSequence`; state (layers * directions, N, H), zeros if it is left
    out. It returns the output (T, N, directions * H), packed if the input is, and the last state.

    Raises:
        ValueError: an option has a value that is not allowed; the input has another number of dimensions or another dtype.
        RuntimeError: sizes do not fit together.
    """

    def __init__(self, *args, **kwargs):
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)

    def _direction(self, x, states, weights, batch_sizes, reverse):
        return GruFunction.apply(x, states[0], *weights[:4], batch_sizes, reverse)

    def forward(self, input, hx=None):
        y, (h_n,) = self._run(input, hx if hx is None else [hx])
        return y, h_n
