r"""Embedding: a table of learnt rows, which are chosen by integers.

Each word, user or class has a number, its id, and each id has a row of the table. Things that are used in similar ways get similar
rows during training.

Use it when the input consists of integers that stand for things; `EmbeddingBag` also sums or averages the rows of each bag of ids, and
`one_hot` makes vectors that are not learnt.

## Forward

One id $x = 2$ chooses the row $W[2]$ of the table. In general for each position $n$ and each element $d$ of the row:

$$y[n, d] = W[x[n], d]$$

With `max_norm` $= m$, rows that are looked up and whose norm is above $m$ are first shortened to it, in the table itself:
$W[v] \leftarrow W[v] \, m / \lVert W[v] \rVert$.

## Gradients

The look-up is the product of a one-hot matrix and the table: $y[n, d] = \sum_v [x[n] = v] \, W[v, d]$. So the chain rule gives the
row $v$ the gradients of all positions that chose it, and 0 if there are none:

$$\frac{\partial L}{\partial W}[v, d] = \sum_{n : x[n] = v} \frac{\partial L}{\partial y}[n, d]$$

If each thread added the gradient of one position, two threads could add to the same row at once. Instead the positions are sorted by
id first. Then those of the row $v$ lie side by side, in the segment $p[s[v]], \dots, p[s[v+1] - 1]$, and one thread adds
them up:

$$\frac{\partial L}{\partial W}[v, d] = \sum_{k=s[v]}^{s[v+1]-1} \frac{\partial L}{\partial y}[p[k], d]$$

With `sparse=True` nothing is added up. The gradient is a sparse tensor: its entry $n$ has the values
$\frac{\partial L}{\partial y}[n]$ and the index $x[n]$, and a row that is chosen twice has two entries.

`padding_idx` has an empty segment: its row is looked up like any other, but its gradient is 0. With `scale_grad_by_freq` the sum is
divided by its number of terms.

## Output size

The shape of the ids, and a dimension of the size $D$ of a row at the end: $(*)$ becomes $(*, D)$.

## Cost

Forward copies $N D$ elements. Backward sorts $N$ ids, adds $N D$ elements and writes the whole table's gradient, $V D$ elements, most
of them 0: for a large table and few ids that is nearly all of the time. With `sparse=True` it is $N D$ elements, and `SGD`, `Adagrad`
and `SparseAdam` change only these rows.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `ids` | $(N)$ | numbers of rows, $0 \le x < V$ |
| $W$ | `weight` | $(V, D)$ | weight: the table, learnt |
| $y$ | `y` | $(N, D)$ | output: the rows that were chosen |
| $p$ | `order` | at most $(N)$ | the positions, sorted by their ids, without those of the padding |
| $s$ | `start` | $(V + 1)$ | where the positions of each row begin in $p$ |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, D)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial W}$ | `grad_weight` | $(V, D)$ | gradient of the loss for $W$ |
| $n$ | `n` | $0 \le n < N$ | position |
| $v$ | `v` | $0 \le v < V$ | row of the table |
| $d$ | `d` | $0 \le d < D$ | element of the row |
| $k$ | `k` | $s[v] \le k < s[v+1]$ | place in the sorted positions |

## Worked example

A table of three rows; the row 2 is chosen twice, the row 1 never:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> weight = torch.tensor([[1., 2], [3, 4], [5, 6]], requires_grad=True)
>>> y = F.embedding(torch.tensor([2, 0, 2]), weight)
>>> y
tensor([[5., 6.],
        [1., 2.],
        [5., 6.]], grad_fn=<EmbeddingBackward0>)
>>> y.backward(torch.tensor([[1., 1], [10, 10], [100, 100]]))
>>> weight.grad
tensor([[ 10.,  10.],
        [  0.,   0.],
        [101., 101.]])

## Questions

**With `scale_grad_by_freq`, what is the gradient of the row 2?**

Half of the sum, since it was chosen twice:

>>> weight.grad = None
>>> F.embedding(torch.tensor([2, 0, 2]), weight, scale_grad_by_freq=True).sum().backward()
>>> weight.grad[2]
tensor([1., 1.])

**Does the padding row give zeros?**

Only if the row is zero. A new `Embedding` sets it to zero, and without a gradient it stays zero; `from_pretrained` keeps the given
row.

>>> F.embedding(torch.tensor([1]), weight, padding_idx=1)
tensor([[3., 4.]], grad_fn=<EmbeddingBackward0>)

**What does a sparse gradient look like?**

It has one row for each id, and `coalesce()` adds up those of the same id:

>>> weight.grad = None
>>> F.embedding(torch.tensor([2, 0, 2]), weight, sparse=True).sum().backward()
>>> weight.grad
tensor(indices=tensor([[2, 0, 2]]),
       values=tensor([[1., 1.],
                      [1., 1.],
                      [1., 1.]]),
       size=(3, 2), nnz=3, layout=torch.sparse_coo)

**Why is there no gradient of the ids?**

Ids are integers: the output is not defined for an id slightly larger than 2, so there is no derivative.

**Does `max_norm` change rows that are not looked up?**

No, and a row that is chosen twice is shortened once. The row (3, 4) has the norm 5:

>>> table = torch.tensor([[3., 4], [30, 40]])
>>> F.embedding(torch.tensor([0, 0]), table, max_norm=2.5)
tensor([[1.5000, 2.0000],
        [1.5000, 2.0000]])
>>> table[1]
tensor([30., 40.])

## Differences

- The table may hold integers, but not complex numbers.
- The gradient of a table that was computed, such as `2 * weight`, becomes dense when it is passed on to `weight`.
"""

from __future__ import annotations

import numpy as np

from reftorch.autograd import Function, no_grad
from reftorch.fast import rows
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange, shaped
from reftorch.nn import init
from reftorch.nn.arguments import COPIED, check_tensors, options_text
from reftorch.nn.module import Module
from reftorch.nn.parameter import Parameter
from reftorch.nn.sparse.table import (
    check_given_table,
    check_ids,
    check_is_table,
    checked_row,
    first_outside,
    limit_norm_,
    row_numbers,
    rows_of_gradient,
    segments,
)
from reftorch.ops.creation import empty
from reftorch.types import complex64, complex128, int64

TABLES = tuple(dtype for dtype in COPIED if dtype not in (complex64, complex128))


# ## The look-up
#
# $$y[n, d] = W[x[n], d]$$
@njit(**PARALLEL)
def embedding_forward_cpu(ids, weight, y):
    N, D = y.shape
    for n in prange(N):
        for d in range(D):
            y[n, d] = weight[ids[n], d]


@cuda.jit
def embedding_forward_cuda(ids, weight, y):
    N, D = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    d = i % D
    n = i // D
    y[n, d] = weight[ids[n], d]


# ## The gradient of the table
#
# $$\frac{\partial L}{\partial W}[v, d] = \sum_{k=s[v]}^{s[v+1]-1} \frac{\partial L}{\partial y}[p[k], d]$$
#
# With `by_frequency` the sum becomes the mean.
@njit(**PARALLEL)
def embedding_backward_weight_cpu(grad_y, order, start, grad_weight, by_frequency):
    V, D = grad_weight.shape
    for v in prange(V):
        for d in range(D):
            total = np.float64(0)
            for k in range(start[v], start[v + 1]):
                total += grad_y[order[k], d]
            if by_frequency and start[v + 1] > start[v]:
                total /= grad_y.dtype.type(start[v + 1] - start[v])
            grad_weight[v, d] = total


@cuda.jit
def embedding_backward_weight_cuda(grad_y, order, start, grad_weight, by_frequency):
    V, D = grad_weight.shape
    i = cuda.grid(1)
    if i >= grad_weight.size:
        return
    d = i % D
    v = i // D
    total = grad_y.dtype.type(0)
    for k in range(start[v], start[v + 1]):
        total += grad_y[order[k], d]
    if by_frequency and start[v + 1] > start[v]:
        total /= grad_y.dtype.type(start[v + 1] - start[v])
    grad_weight[v, d] = total


class EmbeddingFunction(Function):
    """The look-up in the computation graph. ids (*), weight (V, D); `padding` is a row that gets no gradient, or None."""

    @staticmethod
    def forward(ctx, ids, weight, padding, by_frequency, sparse):
        (V, D), N = weight.shape, ids.numel()
        ctx.save_for_backward(ids)
        ctx.table, ctx.padding, ctx.by_frequency, ctx.sparse = (V, D), padding, by_frequency, sparse
        y = weight.new_empty((*ids.shape, D))
        run = on(weight.device, embedding_forward_cpu, embedding_forward_cuda, N * D, rows.embedding_forward)
        chosen, table, result = arrays(ids, weight, y)
        run(chosen.reshape(N), table, result.reshape(N, D))
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (ids,) = ctx.saved_tensors
        (V, D), N = ctx.table, ids.numel()
        if ctx.sparse:
            return None, rows_of_gradient(ids, grad_y, (V, D), ctx.padding, ctx.by_frequency), None, None, None
        order, start = segments(row_numbers(ids), V, grad_y.device, without=ctx.padding)
        grad_weight = grad_y.new_empty(V, D)
        fast = rows.embedding_backward_weight
        run = on(grad_y.device, embedding_backward_weight_cpu, embedding_backward_weight_cuda, V * D, fast)
        run(*shaped((N, D), grad_y), *arrays(order, start, grad_weight), ctx.by_frequency)
        return None, grad_weight, None, None, None


def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    """The rows of the table `weight` that the ids `input` choose.

    Shapes: `input` (*), int64 or int32; `weight` (V, D); the result (*, D). `padding_idx` is a row that gets no gradient; rows whose
    `norm_type`-norm is above `max_norm` are shortened in place before they are looked up. With `sparse` the gradient of `weight` is
    a sparse tensor of the rows that were chosen; then backward raises RuntimeError for `scale_grad_by_freq`.

    Raises:
        TypeError: an argument is not a tensor.
        RuntimeError: `weight` is not two-dimensional, or `input` neither int64 nor int32.
        IndexError: an id is no row of the table.
        AssertionError: `padding_idx` is no row of the table.
        NotImplementedError: `weight` is complex.
    """
    check_tensors("embedding", TABLES, weight=weight)
    check_ids("embedding", "input", input)
    if weight.dim() != 2:
        raise RuntimeError(
            f"embedding: 'weight' must be 2-D, (rows, elements of a row), but has shape {list(weight.shape)}"
        )
    V = len(weight)
    padding = checked_row("Padding_idx", padding_idx, V)
    ids = row_numbers(input)
    wrong = first_outside(ids, V)
    if wrong is not None:
        raise IndexError(
            f"index out of range in self: id {ids[wrong]}, number {wrong} of the input, is no row of a table of {V} rows "
            f"(0 to {V - 1}); is num_embeddings smaller than the vocabulary?"
        )
    if max_norm is not None:
        limit_norm_(weight, ids, max_norm, norm_type)
    return EmbeddingFunction.apply(input.to(int64), weight, padding, bool(scale_grad_by_freq), bool(sparse))


class Embedding(Module):
    """A table of learnt rows, looked up by number.

    Args:
        num_embeddings: how many rows the table has, V.
        embedding_dim: how many elements each row has, D.
        padding_idx: a row that starts as zeros and is not trained; negative numbers count from the end.
        max_norm: rows with a larger norm are shortened to it when they are looked up.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often the row was chosen in this call.
        sparse: as `embedding`.

    Attributes: `weight` (V, D), drawn from the standard normal distribution.

    Shapes: input (*), int64 or int32; output (*, D). Errors as `embedding`, when the layer is called.

    Raises:
        AssertionError: `padding_idx` is no row of the table.
    """

    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        padding_idx=None,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        sparse=False,
        _weight=None,
        _freeze=False,
        device=None,
        dtype=None,
    ):
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = checked_row("Padding_idx", padding_idx, num_embeddings)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        if _weight is None:
            table = empty((num_embeddings, embedding_dim), device=device, dtype=dtype)
            self.weight = Parameter(table, requires_grad=not _freeze)
            self.reset_parameters()
        else:
            check_given_table(_weight, num_embeddings, embedding_dim)
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    def reset_parameters(self):
        """Draw new rows from the standard normal distribution; the padding row becomes zero."""
        init.normal_(self.weight)
        self._fill_padding_idx_with_zero()

    def _fill_padding_idx_with_zero(self):
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].fill_(0)

    def forward(self, input):
        return embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self):
        usual = dict(padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False)
        options = options_text(self, **usual)
        return f"{self.num_embeddings}, {self.embedding_dim}" + (options and ", " + options)

    @classmethod
    def from_pretrained(
        cls,
        embeddings,
        freeze=True,
        padding_idx=None,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        sparse=False,
    ):
        """A layer whose table is `embeddings`, (V, D): the same memory. With `freeze` it is not trained.

        Raises:
            AssertionError: `embeddings` is not two-dimensional.
        """
        check_is_table(embeddings)
        return cls(
            num_embeddings=embeddings.shape[0],
            embedding_dim=embeddings.shape[1],
            padding_idx=padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
            _weight=embeddings,
            _freeze=freeze,
        )
