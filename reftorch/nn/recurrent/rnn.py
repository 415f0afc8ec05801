r"""A simple recurrent network: one cell, with one set of weights, reads a sequence element by element and keeps a state.

Its output at each time is the state at that time, so it depends on all earlier elements and on no later one. Layers can be
stacked, and a second direction can read the sequence from its end.

Use it when sequences are short or as the first model to understand; `LSTM` and `GRU` learn dependencies over more steps.

## Forward

The cell is one step, that of `RNNCell`:

$$h_t = \tanh(W x_t + b^x + U h_{t-1} + b^h)$$

The layer repeats it for $t = 0, 1, \dots, T - 1$, with the same $W$, $U$ and biases, and returns all states:

    h = h_0
    for t in range(T):
        h = tanh(W x[t] + U h + ...)
        y[t] = h

The products $W x_t$ do not depend on the state, so all times are computed at once before the loop; only $U h$ is computed step by
step. With `nonlinearity="relu"` the tanh is a ReLU. In the reverse direction $t$ runs from $T - 1$ to 0, with other weights, and
the outputs of both directions are concatenated.

## Gradients

The state $h_t$ acts on the loss in two ways, as output $y_t$ and through the next state. Let $\delta_t$ be the gradient of the sum
inside the tanh at time $t$. The next state contains $U h_t$, so

$$\frac{\partial L}{\partial h_t} = \frac{\partial L}{\partial y_t} + \delta_{t+1} U \qquad
\delta_t = \frac{\partial L}{\partial h_t} \, (1 - h_t^2)$$

The loop runs from the last time to the first (backpropagation through time). The weights were used at every time, so their
gradients are sums over the times, and these sums are matrix products over all rows after the loop:

$$\frac{\partial L}{\partial W} = \sum_t \delta_t^\top x_t \qquad \frac{\partial L}{\partial U} = \sum_t \delta_t^\top h_{t-1} \qquad
\frac{\partial L}{\partial b} = \sum_t \delta_t \qquad \frac{\partial L}{\partial x_t} = \delta_t W$$

## Output size

Input $(T, N, D)$, output $(T, N, H)$, or $(T, N, 2 H)$ with two directions. The last states are (layers times directions, $N$, $H$).

## Cost

$T N H (D + H)$ multiply-adds for each direction of a layer, and twice as many backward. The products with $U$ are $T$ small ones, and
each needs the result of the one before: this makes recurrent layers slow on hardware with many cores.

## Worked example

One unit with ReLU, $h_t = \max(0, x_t + 2 h_{t-1})$, reads the sequence 1, 3, -9:

>>> import reftorch as torch
>>> rnn = torch.nn.RNN(1, 1, nonlinearity="relu", bias=False)
>>> with torch.no_grad():
...     _ = rnn.weight_ih_l0.fill_(1)
...     _ = rnn.weight_hh_l0.fill_(2)
>>> x = torch.tensor([[1.], [3], [-9]], requires_grad=True)
>>> y, h_n = rnn(x)
>>> y.detach().flatten()
tensor([1., 5., 1.])

Only the last output gets a gradient. Each step backward multiplies it by $u = 2$:

>>> y.backward(torch.tensor([[0.], [0], [1]]))
>>> x.grad.flatten()
tensor([4., 2., 1.])

$\frac{\partial L}{\partial u} = \sum_t \delta_t h_{t-1} = 4 \cdot 0 + 2 \cdot 1 + 1 \cdot 5$:

>>> rnn.weight_hh_l0.grad
tensor([[7.]])

## Questions

**What is the difference between the output and the last state?**

The output has the last layer's states at all times. The last state has only the last time, but of all layers and directions.

>>> rnn = torch.nn.RNN(3, 4, num_layers=2)
>>> y, h_n = rnn(torch.zeros(5, 2, 3))
>>> y.shape, h_n.shape, torch.equal(y[-1], h_n[-1])
(torch.Size([5, 2, 4]), torch.Size([2, 2, 4]), True)

**Why is the last state of the reverse direction not in the last output?**

This direction reads from the end, so its last step is at time 0: the state is in `y[0]`.

**Why does the gradient vanish over many steps?**

It is multiplied by $U$ and by $1 - h_t^2 \le 1$ at each step. With $U$ of about 1 and states near 1 or -1 little is left:

>>> (1 - 0.9 ** 2) ** 10 < 1e-7
True
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import arrays
from reftorch.nn.linear.linear import linear
from reftorch.nn.recurrent.products import Product
from reftorch.nn.recurrent.recurrent_nd import RNNBase, time_steps
from reftorch.nn.recurrent.rnn_cell import rnn_step, rnn_step_back
from reftorch.ops import matmul
from reftorch.ops.backend import library


# ## One direction
#
# $$h_t = \tanh(W x_t + b^x + U h_{t-1} + b^h)$$
#
# `h_before` keeps the state that each row started from.
# The loop works on arrays, since slicing a tensor takes longer than a small step.
def rnn_forward(x, h, weight_ih, weight_hh, bias_ih, bias_hh, nonlinearity, batch_sizes, reverse):
    h_before, y = (x.new_empty(len(x), h.shape[1]) for _ in range(2))
    h_n, a_x = h.contiguous().clone(), linear(x, weight_ih, bias_ih)
    of_state, copy = Product(weight_hh.t(), bias_hh), library(x.device).copyto
    run = rnn_step(nonlinearity, x.device, h.numel())
    before, out, h, a_x = arrays(h_before, y, h_n, a_x)
    for rows in time_steps(batch_sizes, reverse):
        n = rows.stop - rows.start  # sequences that have an element at this time: the first n
        copy(before[rows], h[:n])
        run(a_x[rows].reshape(-1), of_state(h[:n]).reshape(-1), out[rows].reshape(-1))
        copy(h[:n], out[rows])
    return y, h_n, h_before


# ## Back through time
#
# $$\frac{\partial L}{\partial h_t} = \frac{\partial L}{\partial y_t} + \delta_{t+1} U \qquad
# \delta_t = \frac{\partial L}{\partial h_t} \, (1 - h_t^2)$$
def rnn_backward(grad_y, grad_h_n, y, weight_hh, nonlinearity, batch_sizes, reverse):
    grad_a, grad_h_0, of_state = y.new_empty(y.shape), grad_h_n.clone(), Product(weight_hh)
    copy, add = library(y.device).copyto, library(y.device).add
    run = rnn_step_back(nonlinearity, y.device, grad_h_n.numel())
    grad_y, y, grad_h, delta = arrays(grad_y, y, grad_h_0, grad_a)
    for rows in reversed(time_steps(batch_sizes, reverse)):
        n = rows.stop - rows.start
        arrived = add(grad_y[rows], grad_h[:n])
        run(y[rows].reshape(-1), arrived.reshape(-1), delta[rows].reshape(-1))
        copy(grad_h[:n], of_state(delta[rows]))
    return grad_a, grad_h_0


class RnnFunction(Function):
    """One direction of a layer on the tape. x (R, D), h (N, H), weights (H, D) and (H, H), biases (H) or None; y (R, H), h_n (N, H)."""

    @staticmethod
    def forward(ctx, x, h, weight_ih, weight_hh, bias_ih, bias_hh, nonlinearity, batch_sizes, reverse):
        ctx.options = nonlinearity, batch_sizes, reverse
        y, h_n, h_before = rnn_forward(x, h, weight_ih, weight_hh, bias_ih, bias_hh, *ctx.options)
        ctx.save_for_backward(x, y, h_before, weight_ih, weight_hh)
        return y, h_n

    @staticmethod
    def backward(ctx, grad_y, grad_h_n):
        x, y, h_before, weight_ih, weight_hh = ctx.saved_tensors
        grad_a, grad_h = rnn_backward(grad_y, grad_h_n, y, weight_hh, *ctx.options)
        needs = ctx.needs_input_grad
        grad_bias = grad_a.sum(0) if needs[4] or needs[5] else None
        return (
            matmul(grad_a, weight_ih) if needs[0] else None,
            grad_h,
            matmul(grad_a.t(), x) if needs[2] else None,
            matmul(grad_a.t(), h_before) if needs[3] else None,
            grad_bias,
            grad_bias,
            *(None, None, None),
        )


class RNN(RNNBase):
    """A simple recurrent network.

    Args:
        input_size: D, how many numbers an element of the input has.
        hidden_size: H, how many numbers the state has.
        num_layers: how many layers are stacked.
        nonlinearity: "tanh" or "relu".
        bias: whether there are biases.
        batch_first: whether padded input and output are (N, T, *) and not (T, N, *). The shape of the states does not change.
        dropout: the probability of dropout behind each layer but the last.
        bidirectional: whether a second direction reads each sequence from its end.

    Attributes: for layer k `weight_ih_lk` (H, D), from the second layer on (H, directions * H), `weight_hh_lk` (H, H), `bias_ih_lk`
    and `bias_hh_lk` (H); those of the second direction end in `_reverse`. All are drawn from the uniform distribution on ±1/sqrt(H).

    Shapes: input (T, N, D), (T, D) without a batch, or a `PackedSequence`; state (layers * directions, N, H), zeros if it is left
    out. It returns the output (T, N, directions * H), packed if the input is, and the last state.

    Raises:
        ValueError: an option has a value that is not allowed; the input has another number of dimensions or another dtype.
        RuntimeError: sizes do not fit together.
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=1,
        nonlinearity="tanh",
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        **others,
    ):
        if "proj_size" in others:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        mode = f"RNN_{nonlinearity.upper()}"
        super().__init__(mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, **others)
        self.nonlinearity = nonlinearity

    def _direction(self, x, states, weights, batch_sizes, reverse):
        return RnnFunction.apply(x, states[0], *weights[:4], self.nonlinearity, batch_sizes, reverse)

    def forward(self, input, hx=None):
        y, (h_n,) = self._run(input, hx if hx is None else [hx])
        return y, h_n
