r"""Long short-term memory: a recurrent network whose cell has a memory beside its state, and gates that write, keep and show it.

Through the memory a gradient can pass many steps, so this network learns from elements that are far apart.

Use it when the order of a sequence matters over tens or hundreds of steps; `GRU` is smaller and often as good, and a Transformer
processes all times at once.

## Forward

The cell is one step, that of `LSTMCell`, with the gates $i$, $f$, $o$ and the candidate $g$:

$$i_t = \sigma(a_i) \qquad f_t = \sigma(a_f) \qquad g_t = \tanh(a_g) \qquad o_t = \sigma(a_o) \qquad
[a_i, a_f, a_g, a_o] = W x_t + b^x + U h_{t-1} + b^h$$

$$c_t = f_t \, c_{t-1} + i_t \, g_t \qquad h_t = o_t \tanh(c_t)$$

The layer repeats it for $t = 0, 1, \dots, T - 1$, with the same weights, and returns all states:

    h, c = h_0, c_0
    for t in range(T):
        h, c = cell(x[t], h, c)
        y[t] = h

The products $W x_t$ do not depend on the state, so all times are computed at once before the loop; only $U h$ is computed step by step.

With a projection of size $P$ the state is $h_t = V (o_t \tanh(c_t))$, where $V$ is `weight_hr`: the state becomes smaller than the
memory, and so does $U$.

## Gradients

State and memory of time $t$ act on the loss through the output $y_t$ and through the step $t + 1$. The backward pass starts at the last
time. When it comes to time $t$, it has computed $\delta_{t+1}$, the gradient of the four sums $a$ of step $t + 1$, and the gradient of
$c_{t+1}$. So

$$\frac{\partial L}{\partial h_t} = \frac{\partial L}{\partial y_t} + \delta_{t+1} U \qquad
\frac{\partial L}{\partial c_t} = \left( \text{gradient of } c_{t+1} \right) f_{t+1}$$

and the cell's formulas give $\delta_t$ and the gradient of $c_{t-1}$. The second formula is why this network learns over many steps: the
memory's gradient is multiplied by $f$ per element, and by no matrix.

The weights were used at every time, so their gradients are sums over the times, and these sums are matrix products over all rows after
the loop:

$$\frac{\partial L}{\partial W} = \sum_t \delta_t^\top x_t \qquad \frac{\partial L}{\partial U} = \sum_t \delta_t^\top h_{t-1} \qquad
\frac{\partial L}{\partial b} = \sum_t \delta_t \qquad \frac{\partial L}{\partial x_t} = \delta_t W$$

With a projection the gradient of $h_t$ goes through $V$ first, and $\frac{\partial L}{\partial V} =
\sum_t \left( \frac{\partial L}{\partial h_t} \right)^\top o_t \tanh(c_t)$.

## Output size

Input $(T, N, D)$, output $(T, N, H)$, or $(T, N, 2 H)$ with two directions; $P$ in place of $H$ with a projection. The last state is
(layers times directions, $N$, $H$), and so is the last memory.

## Cost

$4 T N H (D + H)$ multiply-adds for each direction of a layer, and twice as many backward.

## Worked example

One unit whose weights are all 0. Then the gates $i$, $f$ and $o$ are $\sigma(0) = \frac{1}{2}$, and the candidate $g$ is
$\tanh(0) = 0$: a memory of 8 loses half at each of three steps.

>>> import reftorch as torch
>>> lstm = torch.nn.LSTM(1, 1)
>>> with torch.no_grad():
...     for parameter in lstm.parameters():
...         _ = parameter.zero_()
>>> x, h_0 = torch.zeros(3, 1), torch.zeros(1, 1)
>>> c_0 = torch.tensor([[8.]], requires_grad=True)
>>> y, (h_n, c_n) = lstm(x, (h_0, c_0))
>>> c_n.detach()
tensor([[1.]])

The states are half the tanh of the memories 4, 2 and 1:

>>> y.detach().flatten()
tensor([0.4997, 0.4820, 0.3808])

A gradient of 16 at the last memory is halved at each step backward. The forget gate gets, at each time, the gradient of the
new memory times the old one times $\frac{1}{4}$: $16 \cdot 2 / 4 + 8 \cdot 4 / 4 + 4 \cdot 8 / 4$.

>>> c_n.backward(torch.tensor([[16.]]))
>>> c_0.grad
tensor([[2.]])
>>> lstm.bias_ih_l0.grad
tensor([ 0., 24., 14.,  0.])

## Questions

**What does an LSTM return?**

The states of the last layer at all times, and a pair: the last state and the last memory of each layer and direction.

>>> lstm = torch.nn.LSTM(3, 4, num_layers=2, bidirectional=True)
>>> y, (h_n, c_n) = lstm(torch.zeros(5, 2, 3))
>>> y.shape, h_n.shape, c_n.shape
(torch.Size([5, 2, 8]), torch.Size([4, 2, 4]), torch.Size([4, 2, 4]))

**A batch has sequences of different lengths. What is the last state of a shorter one?**

In a packed batch it is the state after the last element of this sequence. In a padded batch it is the state after the padding, since
the layer does not know which elements are padding.

**How many parameters does LSTM(128, 256) have?**

>>> 4 * 256 * (128 + 256 + 2)
395264

**Does batch_first change the shape of the states?**

No: they are (layers * directions, N, H) with and without it.
"""

from __future__ import annotations

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import arrays, on
from reftorch.nn.linear.linear import linear
from reftorch.nn.recurrent.lstm_cell import (
    lstm_cell_backward_a_cpu,
    lstm_cell_backward_a_cuda,
    lstm_cell_forward_cpu,
    lstm_cell_forward_cuda,
)
from reftorch.nn.recurrent.products import Product
from reftorch.nn.recurrent.recurrent_nd import RNNBase, time_steps
from reftorch.ops import matmul
from reftorch.ops.backend import library


# ## One direction
#
# $$c_t = f_t \, c_{t-1} + i_t \, g_t \qquad h_t = o_t \tanh(c_t)$$
#
# `h_before` and `c_before` keep what each row started from. `shown` is $o_t \tanh(c_t)$: the state, before the projection if there
# is one. The loop works on arrays, since slicing a tensor takes longer than a small step.
def lstm_forward(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, batch_sizes, reverse):
    R, H, P = len(x), c.shape[1], h.shape[1]
    kept = [x.new_empty(R, size) for size in (P, H, 4 * H, H, H)]
    y = kept[-1] if weight_hr is None else x.new_empty(R, P)
    h_n, c_n = h.contiguous().clone(), c.contiguous().clone()
    a_x = linear(x, weight_ih, bias_ih)
    of_state, projected = Product(weight_hh.t(), bias_hh), None if weight_hr is None else Product(weight_hr.t())
    run = on(x.device, lstm_cell_forward_cpu, lstm_cell_forward_cuda, c.numel(), fast.lstm_cell_forward)
    copy = library(x.device).copyto
    h_before, c_before, gates, c_next, shown, out, h, c, a_x = arrays(*kept, y, h_n, c_n, a_x)
    for rows in time_steps(batch_sizes, reverse):
        n = rows.stop - rows.start  # sequences that have an element at this time: the first n
        copy(h_before[rows], h[:n])
        copy(c_before[rows], c[:n])
        run(a_x[rows], of_state(h[:n]), c_before[rows], gates[rows], c_next[rows], shown[rows])
        if projected is not None:
            copy(out[rows], projected(shown[rows]))
        copy(h[:n], out[rows])
        copy(c[:n], c_next[rows])
    return y, h_n, c_n, kept


# ## Back through time
#
# $$\frac{\partial L}{\partial h_t} = \frac{\partial L}{\partial y_t} + \delta_{t+1} U$$
def lstm_backward(grad_y, grad_h_n, grad_c_n, c_before, gates, c_next, weight_hh, weight_hr, batch_sizes, reverse):
    (R, P), H = grad_y.shape, c_next.shape[1]
    grad_a, grad_h_next, room = grad_y.new_empty(R, 4 * H), grad_y.new_empty(R, P), grad_y.new_empty(grad_c_n.shape)
    grad_h_0, grad_c_0 = grad_h_n.clone(), grad_c_n.clone()
    of_state, projected = Product(weight_hh), None if weight_hr is None else Product(weight_hr)
    run = on(
        c_next.device, lstm_cell_backward_a_cpu, lstm_cell_backward_a_cuda, room.numel(), fast.lstm_cell_backward_a
    )
    copy, add = library(c_next.device).copyto, library(c_next.device).add
    given = arrays(grad_y, c_before, gates, c_next, grad_h_0, grad_c_0, grad_a, grad_h_next, room)
    grad_y, c_before, gates, c_next, grad_h, grad_c, delta, arrived, room = given
    for rows in reversed(time_steps(batch_sizes, reverse)):
        n = rows.stop - rows.start
        copy(arrived[rows], add(grad_y[rows], grad_h[:n]))
        grad_shown = arrived[rows] if projected is None else projected(arrived[rows])
        run(grad_shown, grad_c[:n], gates[rows], c_before[rows], c_next[rows], delta[rows], room[:n])
        copy(grad_c[:n], room[:n])
        copy(grad_h[:n], of_state(delta[rows]))
    return grad_a, grad_h_0, grad_c_0, grad_h_next


class LstmFunction(Function):
    """One direction of a layer on the tape. x (R, D), h (N, H or P), c (N, H), weights (4 H, D) and (4 H, H or P), biases (4 H) or None,
    weight_hr (P, H) or None; y (R, H or P), h_n and c_n as h and c."""

    @staticmethod
    def forward(ctx, x, h, c, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, batch_sizes, reverse):
        ctx.steps = batch_sizes, reverse
        y, h_n, c_n, kept = lstm_forward(
            x, h, c, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, batch_sizes, reverse
        )
        ctx.save_for_backward(x, *kept, weight_ih, weight_hh, weight_hr)
        return y, h_n, c_n

    @staticmethod
    def backward(ctx, grad_y, grad_h_n, grad_c_n):
        x, h_before, c_before, gates, c_next, shown, weight_ih, weight_hh, weight_hr = ctx.saved_tensors
        grad_a, grad_h, grad_c, grad_h_next = lstm_backward(
            grad_y, grad_h_n, grad_c_n, c_before, gates, c_next, weight_hh, weight_hr, *ctx.steps
        )
        needs = ctx.needs_input_grad
        grad_bias = grad_a.sum(0) if needs[5] or needs[6] else None
        return (
            matmul(grad_a, weight_ih) if needs[0] else None,
            grad_h,
            grad_c,
            matmul(grad_a.t(), x) if needs[3] else None,
            matmul(grad_a.t(), h_before) if needs[4] else None,
            grad_bias,
            grad_bias,
            matmul(grad_h_next.t(), shown) if needs[7] else None,
            *(None, None),
        )


class LSTM(RNNBase):
    """A long short-term memory.

    Args:
        input_size: D, how many numbers an element of the input has.
        hidden_size: H, how many numbers the memory has, and the state unless it is projected.
        num_layers: how many layers are stacked.
        bias: whether there are biases.
        batch_first: whether padded input and output are (N, T, *) and not (T, N, *). The shape of the states does not change.
        dropout: the probability of dropout behind each layer but the last.
        bidirectional: whether a second direction reads each sequence from its end.
        proj_size: P, to how many numbers the state is projected; 0 means that it is not.

    Attributes: for layer k `weight_ih_lk` (4 H, D), from the second layer on (4 H, directions * H), `weight_hh_lk` (4 H, H), `bias_ih_lk`
    and `bias_hh_lk` (4 H), in the order i, f, g, o; with a projection `weight_hr_lk` (P, H), and P takes the place of H in the columns.
    Those of the second direction end in `_reverse`. All are drawn from the uniform distribution on ±1/sqrt(H).

    Shapes: input (T, N, D), (T, D) without a batch, or a `PackedSequence`; state and memory (layers * directions, N, H), zeros if
    they are left out. It returns the output (T, N, directions * H), packed if the input is, and the pair of the last states.

    Raises:
        ValueError: an option has a value that is not allowed; the input has another number of dimensions or another dtype.
        RuntimeError: sizes do not fit together.
        IndexError: the states are not a pair.
    """

    def __init__(self, *args, **kwargs):
        super().__init__("LSTM", *args, **kwargs)

    def _state_sizes(self):
        return [self.proj_size or self.hidden_size, self.hidden_size]

    def _direction(self, x, states, weights, batch_sizes, reverse):
        return LstmFunction.apply(x, *states, *weights, batch_sizes, reverse)

    def forward(self, input, hx=None):
        if hx is not None and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise IndexError(
                f"LSTM takes its states as a pair (h_0, c_0), state and memory, but found {type(hx).__name__}"
            )
        y, (h_n, c_n) = self._run(input, hx)
        return y, (h_n, c_n)
