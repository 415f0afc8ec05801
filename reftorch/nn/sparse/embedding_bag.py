r"""EmbeddingBag: bags of integers choose rows of a learnt table. The rows of each bag are combined into one: their sum, mean or maximum.

It is the same as `Embedding` followed by a sum, but the chosen rows are never stored.

Use it when the order of the ids does not count, as for a text as a bag of words or for a set of features; `Embedding` keeps the
rows of all ids.

## Forward

A bag of the ids 4 and 2 gives the sum $W[4] + W[2]$, or the mean, $\frac{1}{2} W[4] + \frac{1}{2} W[2]$. In general the bag $b$
has the ids at the positions from $s[b]$ up to $s[b+1]$, and each counts with a share $\alpha$:

$$y[b, d] = \sum_{n=s[b]}^{s[b+1]-1} \alpha[n] \, W[x[n], d]$$

For the sum $\alpha$ is 1, or `per_sample_weights`; for the mean it is 1 divided by the number of ids in the bag. The maximum is taken
for each element $d$ by itself:

$$y[b, d] = \max_{s[b] \le n < s[b+1]} W[x[n], d]$$

An empty bag gives zeros. Ids that are equal to `padding_idx` are first removed from their bags.

## Gradients

Each $W[v, d]$ is in the sum once for each position $n$ with $x[n] = v$, in the bag $b[n]$ and with the factor $\alpha[n]$:

$$\frac{\partial L}{\partial W}[v, d] = \sum_{n : x[n] = v} \alpha[n] \, \frac{\partial L}{\partial y}[b[n], d]
= \sum_{k=r[v]}^{r[v+1]-1} \alpha[p[k]] \, \frac{\partial L}{\partial y}[b[p[k]], d]$$

with the positions $p$ sorted by id, those of the row $v$ from $r[v]$ on, as in `Embedding`. The factor of $\alpha[n]$ in the sum is the
row that was chosen:

$$\frac{\partial L}{\partial \alpha}[n] = \sum_{d=0}^{D-1} \frac{\partial L}{\partial y}[b[n], d] \, W[x[n], d]$$

The maximum has a gradient only for the row $m[b, d]$ that was the largest, the first of equals:

$$\frac{\partial L}{\partial W}[v, d] = \sum_{b : m[b, d] = v} \frac{\partial L}{\partial y}[b, d]$$

## Output size

One row for each bag, $(B, D)$. Two-dimensional ids $(B, N)$ are $B$ bags of $N$ ids. One-dimensional ones come with `offsets`, the
position where each bag begins; with `include_last_offset` the last of them is the end of the last bag.

## Cost

$N D$ multiplications and additions for $N$ ids, and $N D$ elements read. Backward sorts the ids, does as much again, and writes the whole
table's gradient; with `sparse=True` it writes a sparse tensor with one row for each id instead.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `ids` | $(N)$ | numbers of rows, $0 \le x < V$, all bags one after the other |
| $W$ | `weight` | $(V, D)$ | weight: the table, learnt |
| $y$ | `y` | $(B, D)$ | output: one row for each bag |
| $s$ | `first` | $(B + 1)$ | position of each bag's first id, and the end |
| $\alpha$ | `share` | $(N)$ | how much each id counts in its bag |
| $m$ | `winner` | $(B, D)$ | number of the row that has the maximum, -1 if the bag is empty |
| $b[n]$ | `bag` | $(N)$ | the bag of each position |
| $p$ | `order` | $(N)$ | the positions, sorted by their ids |
| $r$ | `start` | $(V + 1)$ | where the positions of each row begin in $p$ |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(B, D)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial W}$ | `grad_weight` | $(V, D)$ | gradient of the loss for $W$ |
| $\frac{\partial L}{\partial \alpha}$ | `grad_share` | $(N)$ | gradient of the loss for $\alpha$ |
| $b$ | `b` | $0 \le b < B$ | bag |
| $n$ | `n` | $s[b] \le n < s[b+1]$ | position |
| $v$ | `v` | $0 \le v < V$ | row of the table |
| $d$ | `d` | $0 \le d < D$ | element of the row |
| $k$ | `k` | $r[v] \le k < r[v+1]$ | place in the sorted positions |

## Worked example

Two bags: the ids 2 and 0, and the id 2 alone. The row 2 is in both:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> weight = torch.tensor([[1., 2], [3, 4], [5, 6]], requires_grad=True)
>>> y = F.embedding_bag(torch.tensor([2, 0, 2]), weight, torch.tensor([0, 2]), mode="sum")
>>> y
tensor([[6., 8.],
        [5., 6.]], grad_fn=<EmbeddingBagBackward0>)
>>> y.backward(torch.tensor([[1., 1], [10, 10]]))
>>> weight.grad
tensor([[ 1.,  1.],
        [ 0.,  0.],
        [11., 11.]])

With a weight for each id, the gradient of that weight is the row of the id times the gradient of its bag, $5 + 6$ and $1 + 2$:

>>> share = torch.tensor([1., 2], requires_grad=True)
>>> y = F.embedding_bag(torch.tensor([2, 0]), weight, torch.tensor([0]), mode="sum", per_sample_weights=share)
>>> y.detach()
tensor([[ 7., 10.]])
>>> y.backward(torch.ones(1, 2))
>>> share.grad
tensor([11.,  3.])

The maximum takes each element from the row that has the largest, and only that row gets a gradient:

>>> weight.grad = None
>>> y = F.embedding_bag(torch.tensor([[2, 0, 1]]), weight, mode="max")
>>> y
tensor([[5., 6.]], grad_fn=<EmbeddingBagMaxBackward0>)
>>> y.backward(torch.tensor([[7., 8]]))
>>> weight.grad
tensor([[0., 0.],
        [0., 0.],
        [7., 8.]])

## Questions

**What is the mean of a bag that holds only padding?**

Zeros, as for an empty bag. In other bags the mean divides by the number of ids that are left:

>>> F.embedding_bag(torch.tensor([[1, 1], [1, 2]]), weight, mode="mean", padding_idx=1)
tensor([[0., 0.],
        [5., 6.]], grad_fn=<EmbeddingBagBackward0>)

**How are the ids of a bag weighted?**

With `per_sample_weights`, which have a gradient too:

>>> share = torch.tensor([[1., 10]], requires_grad=True)
>>> F.embedding_bag(torch.tensor([[0, 1]]), weight, mode="sum", per_sample_weights=share).sum().backward()
>>> share.grad
tensor([[3., 7.]])

**Is it the same as an embedding and a sum?**

The results are. But the embedding also writes and reads a row for each id:

>>> torch.equal(F.embedding(torch.tensor([[2, 0]]), weight).sum(1), F.embedding_bag(torch.tensor([[2, 0]]), weight, mode="sum"))
True

## Differences

- An offset that is smaller than the one before counts as equal to it: the bag before is empty.
- With `include_last_offset`, ids after the last offset are in no bag. PyTorch 2.13 adds them to the last bag for some dtypes and
  modes, and not for others.
- `scale_grad_by_freq` divides by how often the row itself was chosen, as documented. PyTorch 2.13 divides on the CPU by the frequency of
  another id, unless all are equal.
"""

from __future__ import annotations

import warnings

import numpy as np

from reftorch.autograd import Function, no_grad
from reftorch.fast import rows
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn import init
from reftorch.nn.arguments import check_tensors
from reftorch.nn.module import Module
from reftorch.nn.parameter import Parameter
from reftorch.nn.sparse.bags import check_options, checked_bags
from reftorch.nn.sparse.table import (
    check_given_table,
    check_ids,
    check_is_table,
    checked_row,
    limit_norm_,
    on_device,
    rows_of_gradient,
    segments,
)
from reftorch.ops.creation import empty
from reftorch.types import int64


# ## The sum of each bag
#
# $$y[b, d] = \sum_{n=s[b]}^{s[b+1]-1} \alpha[n] \, W[x[n], d]$$
@njit(**PARALLEL)
def embedding_bag_forward_cpu(ids, first, share, weight, y):
    B, D = y.shape
    for b in prange(B):
        for d in range(D):
            total = np.float64(0)
            for n in range(first[b], first[b + 1]):
                total += share[n] * weight[ids[n], d]
            y[b, d] = total


@cuda.jit
def embedding_bag_forward_cuda(ids, first, share, weight, y):
    B, D = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    d = i % D
    b = i // D
    total = y.dtype.type(0)
    for n in range(first[b], first[b + 1]):
        total += share[n] * weight[ids[n], d]
    y[b, d] = total


# ## The gradient of the table
#
# $$\frac{\partial L}{\partial W}[v, d] = \sum_{k=r[v]}^{r[v+1]-1} \alpha[p[k]] \,
# \frac{\partial L}{\partial y}[b[p[k]], d]$$
@njit(**PARALLEL)
def embedding_bag_backward_weight_cpu(grad_y, order, start, bag, share, grad_weight):
    V, D = grad_weight.shape
    for v in prange(V):
        for d in range(D):
            total = np.float64(0)
            for k in range(start[v], start[v + 1]):
                total += share[order[k]] * grad_y[bag[order[k]], d]
            grad_weight[v, d] = total


@cuda.jit
def embedding_bag_backward_weight_cuda(grad_y, order, start, bag, share, grad_weight):
    V, D = grad_weight.shape
    i = cuda.grid(1)
    if i >= grad_weight.size:
        return
    d = i % D
    v = i // D
    total = grad_y.dtype.type(0)
    for k in range(start[v], start[v + 1]):
        total += share[order[k]] * grad_y[bag[order[k]], d]
    grad_weight[v, d] = total


# ## The gradient of the shares
#
# $$\frac{\partial L}{\partial \alpha}[n] = \sum_{d=0}^{D-1} \frac{\partial L}{\partial y}[b[n], d] \, W[x[n], d]$$
@njit(**PARALLEL)
def embedding_bag_backward_share_cpu(grad_y, ids, bag, weight, grad_share):
    D = weight.shape[1]
    for n in prange(grad_share.size):
        total = np.float64(0)
        for d in range(D):
            total += grad_y[bag[n], d] * weight[ids[n], d]
        grad_share[n] = total


@cuda.jit
def embedding_bag_backward_share_cuda(grad_y, ids, bag, weight, grad_share):
    D = weight.shape[1]
    n = cuda.grid(1)
    if n >= grad_share.size:
        return
    total = grad_y.dtype.type(0)
    for d in range(D):
        total += grad_y[bag[n], d] * weight[ids[n], d]
    grad_share[n] = total


# ## The maximum of each bag
#
# $$y[b, d] = \max_{s[b] \le n < s[b+1]} W[x[n], d]$$
#
# A NaN counts only if it comes first: `>` is false for a later one.
@njit(**PARALLEL)
def embedding_bag_max_forward_cpu(ids, first, weight, y, winner):
    B, D = y.shape
    for b in prange(B):
        for d in range(D):
            y[b, d] = 0
            winner[b, d] = -1
            for n in range(first[b], first[b + 1]):
                if n == first[b] or weight[ids[n], d] > y[b, d]:
                    y[b, d] = weight[ids[n], d]
                    winner[b, d] = ids[n]


@cuda.jit
def embedding_bag_max_forward_cuda(ids, first, weight, y, winner):
    B, D = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    d = i % D
    b = i // D
    y[b, d] = 0
    winner[b, d] = -1
    for n in range(first[b], first[b + 1]):
        if n == first[b] or weight[ids[n], d] > y[b, d]:
            y[b, d] = weight[ids[n], d]
            winner[b, d] = ids[n]


# ## The gradient of the table for the maximum
#
# $$\frac{\partial L}{\partial W}[v, d] = \sum_{b : m[b, d] = v} \frac{\partial L}{\partial y}[b, d]$$
#
# Two bags can have the same winner, so one thread adds for all bags: each thread has one column d.
@njit(**PARALLEL)
def embedding_bag_max_backward_weight_cpu(grad_y, winner, grad_weight):
    V, D = grad_weight.shape
    B = len(winner)
    for d in prange(D):
        for v in range(V):
            grad_weight[v, d] = 0
        for b in range(B):
            if winner[b, d] >= 0:
                grad_weight[winner[b, d], d] += grad_y[b, d]


@cuda.jit
def embedding_bag_max_backward_weight_cuda(grad_y, winner, grad_weight):
    V, D = grad_weight.shape
    B = len(winner)
    d = cuda.grid(1)
    if d >= D:
        return
    for v in range(V):
        grad_weight[v, d] = 0
    for b in range(B):
        if winner[b, d] >= 0:
            grad_weight[winner[b, d], d] += grad_y[b, d]


class EmbeddingBagFunction(Function):
    """Sums of bags in the computation graph. weight (V, D), share (N): one for each id that counts."""

    @staticmethod
    def forward(ctx, weight, share, bags, by_frequency, sparse):
        device, (V, D), B = weight.device, weight.shape, len(bags.first) - 1
        ctx.save_for_backward(share, *([weight] if ctx.needs_input_grad[1] else []))
        ctx.table, ctx.bags, ctx.by_frequency, ctx.sparse = (V, D), bags, by_frequency, sparse
        y = weight.new_empty(B, D)
        run = on(device, embedding_bag_forward_cpu, embedding_bag_forward_cuda, B * D, rows.embedding_bag_forward)
        run(*arrays(on_device(bags.ids, device), on_device(bags.first, device), share, weight, y))
        return y

    @staticmethod
    def backward(ctx, grad_y):
        share, *weight = ctx.saved_tensors
        device, (V, D), bags = grad_y.device, ctx.table, ctx.bags
        bag = on_device(bags.bag, device)
        grad_weight = grad_share = None
        if ctx.needs_input_grad[0] and ctx.sparse:
            ids, of_each = on_device(bags.ids, device), grad_y[bag] * share.reshape(-1, 1)
            grad_weight = rows_of_gradient(ids, of_each, (V, D), None, ctx.by_frequency)
        elif ctx.needs_input_grad[0]:
            order, start = segments(bags.ids, V, device)
            if ctx.by_frequency:
                share = share / on_device(np.bincount(bags.ids, minlength=V)[bags.ids], device)
            grad_weight = grad_y.new_empty(V, D)
            fast = rows.embedding_bag_backward_weight
            run = on(device, embedding_bag_backward_weight_cpu, embedding_bag_backward_weight_cuda, V * D, fast)
            run(*arrays(grad_y, order, start, bag, share, grad_weight))
        if ctx.needs_input_grad[1]:
            grad_share = share.new_empty(share.shape)
            run = on(device, embedding_bag_backward_share_cpu, embedding_bag_backward_share_cuda, share.numel())
            run(*arrays(grad_y, on_device(bags.ids, device), bag, *weight, grad_share))
        return grad_weight, grad_share, None, None, None


class EmbeddingBagMaxFunction(Function):
    """Maxima of bags in the computation graph. weight (V, D)."""

    @staticmethod
    def forward(ctx, weight, bags):
        device, (V, D), B = weight.device, weight.shape, len(bags.first) - 1
        y, winner = weight.new_empty(B, D), weight.new_empty((B, D), dtype=int64)
        run = on(device, embedding_bag_max_forward_cpu, embedding_bag_max_forward_cuda, threads=B * D)
        run(*arrays(on_device(bags.ids, device), on_device(bags.first, device), weight, y, winner))
        ctx.table, ctx.winner = (V, D), winner
        return y

    @staticmethod
    def backward(ctx, grad_y):
        V, D = ctx.table
        grad_weight = grad_y.new_empty(V, D)
        run = on(grad_y.device, embedding_bag_max_backward_weight_cpu, embedding_bag_max_backward_weight_cuda, D)
        run(*arrays(grad_y, ctx.winner, grad_weight))
        return grad_weight, None


def embedding_bag(
    input,
    weight,
    offsets=None,
    max_norm=None,
    norm_type=2,
    scale_grad_by_freq=False,
    mode="mean",
    sparse=False,
    per_sample_weights=None,
    include_last_offset=False,
    padding_idx=None,
):
    """The sum, mean or maximum of the rows of the table `weight` that the ids of each bag choose.

    Shapes: `input` (B, N), or (N) with `offsets` (B), the position where each bag begins; `weight` (V, D); the result (B, D).
    `per_sample_weights` has the shape of `input`. Ids equal to `padding_idx` do not count.
    With `sparse`, not for "max", the gradient of `weight` is a sparse tensor of the rows that were chosen.

    Raises:
        ValueError: dimensions, `offsets`, `mode` or the shape of `per_sample_weights` do not fit; "max" with `scale_grad_by_freq`.
        RuntimeError: an id is no row of the table, an offset is wrong, or a dtype is.
        AssertionError: `padding_idx` is no row of the table.
        NotImplementedError: `per_sample_weights` with another mode than "sum", `weight` neither float32 nor float64.
        TypeError: an argument is not a tensor.
    """
    if getattr(weight, "dtype", None) is int64 and input.is_floating_point():
        warnings.warn(
            "Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, ...)` is "
            "deprecated, and should now be `embedding_bag(input, weight, ...)`.",
            stacklevel=2,
        )
        weight, input = input, weight
    check_ids("embedding_bag", "input", input)
    check_tensors("embedding_bag", weight=weight, per_sample_weights=per_sample_weights)
    check_options(input, weight, mode, scale_grad_by_freq, sparse, per_sample_weights)
    V = len(weight)
    bags = checked_bags(input, offsets, V, include_last_offset, checked_row("padding_idx", padding_idx, V))
    if max_norm is not None:
        limit_norm_(weight, bags.ids, max_norm, norm_type)
    if mode == "max":
        return EmbeddingBagMaxFunction.apply(weight, bags)
    if per_sample_weights is not None:
        share = per_sample_weights.reshape(-1)
        if bags.kept is not None:
            share = share[on_device(bags.kept, weight.device)]
    elif mode == "mean":
        share = on_device(1 / np.diff(bags.first)[bags.bag], weight.device).to(weight.dtype)
    else:
        share = weight.new_ones(len(bags.ids))
    return EmbeddingBagFunction.apply(weight, share, bags, bool(scale_grad_by_freq), bool(sparse))


class EmbeddingBag(Module):
    """A table of learnt rows; those that a bag of ids chooses become their sum, mean or maximum.

    Args:
        num_embeddings: how many rows the table has, V.
        embedding_dim: how many elements each row has, D.
        max_norm: rows with a larger norm are shortened to it when they are looked up.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often the row was chosen in this call; not for "max".
        mode: "sum", "mean" or "max".
        sparse: as `embedding_bag`.
        include_last_offset: the last of the `offsets` is the end of the last bag.
        padding_idx: an id that does not count, whose row starts as zeros; negative numbers count from the end.

    Attributes: `weight` (V, D), drawn from the standard normal distribution.

    Shapes: input (B, N), or (N) with offsets (B); output (B, D). Errors as `embedding_bag`, when the layer is called.

    Raises:
        AssertionError: `padding_idx` is no row of the table.
    """

    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        mode="mean",
        sparse=False,
        _weight=None,
        include_last_offset=False,
        padding_idx=None,
        device=None,
        dtype=None,
    ):
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.padding_idx = checked_row("padding_idx", padding_idx, num_embeddings)
        if _weight is None:
            self.weight = Parameter(empty((num_embeddings, embedding_dim), device=device, dtype=dtype))
            self.reset_parameters()
        else:
            check_given_table(_weight, num_embeddings, embedding_dim)
            self.weight = Parameter(_weight)
        self.mode, self.sparse, self.include_last_offset = mode, sparse, include_last_offset

    def reset_parameters(self):
        """Draw new rows from the standard normal distribution; the padding row becomes zero."""
        init.normal_(self.weight)
        self._fill_padding_idx_with_zero()

    def _fill_padding_idx_with_zero(self):
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].fill_(0)

    def forward(self, input, offsets=None, per_sample_weights=None):
        return embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self):
        usual = dict(max_norm=None, norm_type=2.0, scale_grad_by_freq=False)
        options = [f"{name}={getattr(self, name)!r}" for name in usual if getattr(self, name) != usual[name]]
        options += [f"mode={self.mode!r}"] + [f"padding_idx={self.padding_idx}"] * (self.padding_idx is not None)
        return ", ".join([str(self.num_embeddings), str(self.embedding_dim), *options])

    @classmethod
    def from_pretrained(
        cls,
        embeddings,
        freeze=True,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        mode="mean",
        sparse=False,
        include_last_offset=False,
        padding_idx=None,
    ):
        """A layer whose table is `embeddings`, (V, D): the same memory. With `freeze` it is not trained.

        Raises:
            AssertionError: `embeddings` is not two-dimensional.
        """
        check_is_table(embeddings)
        layer = cls(
            num_embeddings=embeddings.shape[0],
            embedding_dim=embeddings.shape[1],
            _weight=embeddings,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            mode=mode,
            sparse=sparse,
            include_last_offset=include_last_offset,
            padding_idx=padding_idx,
        )
        layer.weight.requires_grad = not freeze
        return layer
