r"""Attention: each query gets a weighted mean of the values. A value has a large weight if its key is similar to the query.

A query and a key are vectors of one size; their dot product is the score of the pair. Softmax turns the scores of one query into
weights, which are positive and sum to one.

Use it when a position of a sequence needs information from other positions and the data decides which; for a layer with learnt
projections and several heads use `MultiheadAttention`, which calls this function.

## Forward

One query $q$ of $E$ elements, and $S$ keys and values:

$$a[j] = \frac{1}{\sqrt{E}} \sum_{e} q[e] \, k[j, e] \qquad p[j] = \frac{e^{a[j]}}{\sum_{j'} e^{a[j']}} \qquad
y[d] = \sum_{j} p[j] \, v[j, d]$$

The dot product of two random vectors of $E$ elements has variance $E$. Without the division by $\sqrt{E}$ the scores of long vectors
are large, one weight is nearly 1 and the others nearly 0, and the gradient vanishes.

In general there are $L$ queries in each of $N$ sequences (all heads of all samples), a scale $s$ in the place of $1 / \sqrt{E}$, and
a mask $m$ that is added to the scores:

$$a[n, i, j] = s \sum_{e=0}^{E-1} q[n, i, e] \, k[n, j, e] + m[n, i, j] \qquad
p[n, i, j] = \frac{e^{a[n, i, j] - \mu[n, i]}}{\sum_{j'=0}^{S-1} e^{a[n, i, j'] - \mu[n, i]}}$$

$$y[n, i, d] = \sum_{j=0}^{S-1} p[n, i, j] \, r[n, i, j] \, v[n, j, d]$$

where $\mu[n, i]$ is the largest score of the query: no exponential overflows. A mask of $-\infty$ gives the weight 0; a query whose keys
are all masked gets zeros. The factor $r$ is 1, or with dropout 0 for a dropped weight and $1 / (1 - \text{dropout\_p})$ for a kept one.
With `is_causal` position $i$ sees the positions $j \le i$ only: $m[n, i, j] = -\infty$ for $j > i$.

## Gradients

The output is a weighted sum of the values, so the chain rule gives

$$\frac{\partial L}{\partial v}[n, j, d] = \sum_{i} p[n, i, j] \, r[n, i, j] \, \frac{\partial L}{\partial y}[n, i, d] \qquad
\frac{\partial L}{\partial p}[n, i, j] = r[n, i, j] \sum_{d} \frac{\partial L}{\partial y}[n, i, d] \, v[n, j, d]$$

The scores of one query go through softmax, whose derivative is $p[j] \left( [j = j'] - p[j'] \right)$. The part without $[j = j']$ is a
mean $\nu$ of the gradients that arrive, weighted by $p$:

$$\nu[n, i] = \sum_{j} p[n, i, j] \, \frac{\partial L}{\partial p}[n, i, j] \qquad
\frac{\partial L}{\partial a}[n, i, j] = p[n, i, j] \left( \frac{\partial L}{\partial p}[n, i, j] - \nu[n, i] \right)$$

The score is a product of query and key, so each gets the gradient times the other. The mask is added: its gradient is that of the score.

$$\frac{\partial L}{\partial q}[n, i, e] = s \sum_{j} \frac{\partial L}{\partial a}[n, i, j] \, k[n, j, e] \qquad
\frac{\partial L}{\partial k}[n, j, e] = s \sum_{i} \frac{\partial L}{\partial a}[n, i, j] \, q[n, i, e]$$

## Output size

$(\ldots, L, D)$: one row for each query, as long as a value.

## Cost

Forward: $N L S (E + D)$ MACs and $N L S$ exponentials; backward twice as many MACs; the fast form computes the scores again,
$N L S E$ more. Sequences of twice the length need four times the work. The weights are $N L S$ numbers, which the fast form does
not store.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $q$ | `query` | $(N, L, E)$ | queries: what each position looks for |
| $k$ | `key` | $(N, S, E)$ | keys: what each position is found by |
| $v$ | `value` | $(N, S, D)$ | values: what each position gives |
| $m$ | `mask` | $(N, L, S)$ or $(1, L, S)$ | added to the scores: 0, or $-\infty$ where a query must not see a key |
| $r$ | `keep` | $(N, L, S)$ or $(1, L, S)$ | factor of dropout for each weight: 1 without dropout |
| $p$ | `weights` | $(N, L, S)$ | weights of the values for each query |
| $s$ | `scale` | | factor of the dot product, $1 / \sqrt{E}$ |
| $\mu$ | `largest` | | largest score of the query |
| $y$ | `y` | $(N, L, D)$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, L, D)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial a}$ | `grad_scores` | $(N, L, S)$ | gradient of the loss for the scores |
| $\nu$ | `mean` | | mean of the gradients of the weights, weighted by the weights |
| $\frac{\partial L}{\partial q}$ | `grad_query` | $(N, L, E)$ | gradient of the loss for the queries |
| $\frac{\partial L}{\partial k}$ | `grad_key` | $(N, S, E)$ | gradient of the loss for the keys |
| $\frac{\partial L}{\partial v}$ | `grad_value` | $(N, S, D)$ | gradient of the loss for the values |
| $n$ | `n` | $0 \le n < N$ | sequence: one head of one sample |
| $i$ | `i` | $0 \le i < L$ | position of a query |
| $j$ | `j` | $0 \le j < S$ | position of a key and its value |
| $e$ | `e` | $0 \le e < E$ | element of a query or key |
| $d$ | `d` | $0 \le d < D$ | element of a value |

## Worked example

Two queries, three keys of one element, three values of two. The keys are logarithms, so that the weights of the first query are as
1 : 2 : 1, and those of the second query, which is twice as large, as 1 : 4 : 1.

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> query = torch.tensor([[1.], [2]], requires_grad=True)
>>> key = torch.tensor([[1.], [2], [1]]).log().requires_grad_()
>>> value = torch.tensor([[0., 12], [6, 0], [12, 0]], requires_grad=True)
>>> y = F.scaled_dot_product_attention(query, key, value)
>>> y.detach()
tensor([[6., 3.],
        [6., 2.]])

The gradient of a value is the sum of its weights: 1/4 + 1/6, and 1/2 + 4/6.

>>> y.backward(torch.ones(2, 2))
>>> value.grad
tensor([[0.4167, 0.4167],
        [1.1667, 1.1667],
        [0.4167, 0.4167]])

The second value has the smallest sum, so the sum of the outputs grows if the score of its key falls:

>>> key.grad
tensor([[ 2.0833],
        [-4.1667],
        [ 2.0833]])

A mask of bools says which keys a query may see. The second query sees the last key only:

>>> sees = torch.tensor([[True, True, True], [False, False, True]])
>>> F.scaled_dot_product_attention(query, key, value, attn_mask=sees).detach()
tensor([[ 6.,  3.],
        [12.,  0.]])

## Questions

**What is the output if all keys are equal?**

All scores of a query are equal, so every query gets the plain mean of the values.

>>> F.scaled_dot_product_attention(query, torch.ones(3, 1), value).detach()
tensor([[6., 4.],
        [6., 4.]])

**What does the first position see with `is_causal=True`?**

Only itself, so its output is its own value.

>>> F.scaled_dot_product_attention(query, key, value, is_causal=True)[0].detach()
tensor([ 0., 12.])

**Does the order of the keys matter?**

No: the output is a sum over the keys and their values. It does not depend on the positions, unless the vectors do. Therefore a
model with attention adds a positional encoding to its input.

**How many weights do 8 heads have for one sequence of 1000 positions?**

>>> 8 * 1000 * 1000
8000000

## Differences

- A mask of bools means here True = *seen*; in `MultiheadAttention` and the Transformer True means *hidden*.
- The dtypes are float32 and float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reftorch import fast, threads
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, fast_forms, njit, on, prange
from reftorch.nn.arguments import check_tensors, number
from reftorch.nn.dropout.dropout_nd import element_mask
from reftorch.ops import broadcast_shapes
from reftorch.tensor import Tensor
from reftorch.types import Size, bool, float32


def attention_output_size(query_size, value_size):
    """The shape of the output: one row for each query, as long as a value."""
    return Size((*query_size[:-1], value_size[-1]))


# ## Weights and output
#
# $$p[n, i, j] = \frac{e^{a[n, i, j] - \mu[n, i]}}{\sum_{j'} e^{a[n, i, j'] - \mu[n, i]}} \qquad
# y[n, i, d] = \sum_j p[n, i, j] \, r[n, i, j] \, v[n, j, d]$$
#
# Three loops for each query: the scores of all keys; their softmax; the sum of the values. The array `weights` first holds the scores.
# A mask (or factor of dropout) that is the same for all sequences is stored once: then its length is 1, and n % 1 is 0.
@njit(**PARALLEL)
def attention_forward_cpu(query, key, value, mask, keep, weights, y, scale):
    N, L, E = query.shape
    N, S, D = value.shape
    for n in prange(N):
        for i in range(L):
            largest = y.dtype.type(-math.inf)
            for j in range(S):
                acc = y.dtype.type(0)
                for e in range(E):
                    acc += query[n, i, e] * key[n, j, e]
                weights[n, i, j] = acc * y.dtype.type(scale) + mask[n % mask.shape[0], i, j]
                if weights[n, i, j] > largest:
                    largest = weights[n, i, j]
            if largest == -math.inf:  # all keys are masked: every exponential below is 0
                largest = y.dtype.type(0)
            total = np.float64(0)
            for j in range(S):
                weights[n, i, j] = math.exp(weights[n, i, j] - largest)
                total += weights[n, i, j]
            for j in range(S):
                if total != 0:
                    weights[n, i, j] /= total
            for d in range(D):
                acc = y.dtype.type(0)
                for j in range(S):
                    acc += weights[n, i, j] * keep[n % keep.shape[0], i, j] * value[n, j, d]
                y[n, i, d] = acc


@cuda.jit
def attention_forward_cuda(query, key, value, mask, keep, weights, y, scale):
    N, L, E = query.shape
    N, S, D = value.shape
    thread = cuda.grid(1)  # one thread per query
    if thread >= N * L:
        return
    i = thread % L
    n = thread // L
    largest = y.dtype.type(-math.inf)
    for j in range(S):
        acc = y.dtype.type(0)
        for e in range(E):
            acc += query[n, i, e] * key[n, j, e]
        weights[n, i, j] = acc * y.dtype.type(scale) + mask[n % mask.shape[0], i, j]
        if weights[n, i, j] > largest:
            largest = weights[n, i, j]
    if largest == -math.inf:  # all keys are masked: every exponential below is 0
        largest = y.dtype.type(0)
    total = y.dtype.type(0)
    for j in range(S):
        weights[n, i, j] = math.exp(weights[n, i, j] - largest)
        total += weights[n, i, j]
    for j in range(S):
        if total != 0:
            weights[n, i, j] /= total
    for d in range(D):
        acc = y.dtype.type(0)
        for j in range(S):
            acc += weights[n, i, j] * keep[n % keep.shape[0], i, j] * value[n, j, d]
        y[n, i, d] = acc


# ## The gradient of the scores
#
# $$\frac{\partial L}{\partial a}[n, i, j] = p[n, i, j] \left( \frac{\partial L}{\partial p}[n, i, j] - \nu[n, i] \right)$$
#
# The array `grad_scores` first holds the gradient of the weights.
@njit(**PARALLEL)
def attention_backward_scores_cpu(weights, keep, value, grad_y, grad_scores):
    N, L, S = weights.shape
    N, S, D = value.shape
    for n in prange(N):
        for i in range(L):
            mean = np.float64(0)
            for j in range(S):
                acc = weights.dtype.type(0)
                for d in range(D):
                    acc += grad_y[n, i, d] * value[n, j, d]
                grad_scores[n, i, j] = keep[n % keep.shape[0], i, j] * acc
                mean += weights[n, i, j] * grad_scores[n, i, j]
            for j in range(S):
                grad_scores[n, i, j] = weights[n, i, j] * (grad_scores[n, i, j] - mean)


@cuda.jit
def attention_backward_scores_cuda(weights, keep, value, grad_y, grad_scores):
    N, L, S = weights.shape
    N, S, D = value.shape
    thread = cuda.grid(1)  # one thread per query
    if thread >= N * L:
        return
    i = thread % L
    n = thread // L
    mean = weights.dtype.type(0)
    for j in range(S):
        acc = weights.dtype.type(0)
        for d in range(D):
            acc += grad_y[n, i, d] * value[n, j, d]
        grad_scores[n, i, j] = keep[n % keep.shape[0], i, j] * acc
        mean += weights[n, i, j] * grad_scores[n, i, j]
    for j in range(S):
        grad_scores[n, i, j] = weights[n, i, j] * (grad_scores[n, i, j] - mean)


# ## The gradient of the queries
#
# $$\frac{\partial L}{\partial q}[n, i, e] = s \sum_j \frac{\partial L}{\partial a}[n, i, j] \, k[n, j, e]$$
@njit(**PARALLEL)
def attention_backward_query_cpu(grad_scores, key, grad_query, scale):
    N, L, S = grad_scores.shape
    N, S, E = key.shape
    for n in prange(N):
        for i in range(L):
            for e in range(E):
                acc = key.dtype.type(0)
                for j in range(S):
                    acc += grad_scores[n, i, j] * key[n, j, e]
                grad_query[n, i, e] = acc * key.dtype.type(scale)


@cuda.jit
def attention_backward_query_cuda(grad_scores, key, grad_query, scale):
    N, L, S = grad_scores.shape
    N, S, E = key.shape
    thread = cuda.grid(1)
    if thread >= grad_query.size:
        return
    e = thread % E
    rest = thread // E
    i = rest % L
    n = rest // L
    acc = key.dtype.type(0)
    for j in range(S):
        acc += grad_scores[n, i, j] * key[n, j, e]
    grad_query[n, i, e] = acc * key.dtype.type(scale)


# ## The gradient of the keys
#
# $$\frac{\partial L}{\partial k}[n, j, e] = s \sum_i \frac{\partial L}{\partial a}[n, i, j] \, q[n, i, e]$$
@njit(**PARALLEL)
def attention_backward_key_cpu(grad_scores, query, grad_key, scale):
    N, L, S = grad_scores.shape
    N, L, E = query.shape
    for n in prange(N):
        for j in range(S):
            for e in range(E):
                acc = query.dtype.type(0)
                for i in range(L):
                    acc += grad_scores[n, i, j] * query[n, i, e]
                grad_key[n, j, e] = acc * query.dtype.type(scale)


@cuda.jit
def attention_backward_key_cuda(grad_scores, query, grad_key, scale):
    N, L, S = grad_scores.shape
    N, L, E = query.shape
    thread = cuda.grid(1)
    if thread >= grad_key.size:
        return
    e = thread % E
    rest = thread // E
    j = rest % S
    n = rest // S
    acc = query.dtype.type(0)
    for i in range(L):
        acc += grad_scores[n, i, j] * query[n, i, e]
    grad_key[n, j, e] = acc * query.dtype.type(scale)


# ## The gradient of the values
#
# $$\frac{\partial L}{\partial v}[n, j, d] = \sum_i p[n, i, j] \, r[n, i, j] \, \frac{\partial L}{\partial y}[n, i, d]$$
@njit(**PARALLEL)
def attention_backward_value_cpu(weights, keep, grad_y, grad_value):
    N, L, S = weights.shape
    N, L, D = grad_y.shape
    for n in prange(N):
        for j in range(S):
            for d in range(D):
                acc = grad_y.dtype.type(0)
                for i in range(L):
                    acc += weights[n, i, j] * keep[n % keep.shape[0], i, j] * grad_y[n, i, d]
                grad_value[n, j, d] = acc


@cuda.jit
def attention_backward_value_cuda(weights, keep, grad_y, grad_value):
    N, L, S = weights.shape
    N, L, D = grad_y.shape
    thread = cuda.grid(1)
    if thread >= grad_value.size:
        return
    d = thread % D
    rest = thread // D
    j = rest % S
    n = rest // S
    acc = grad_y.dtype.type(0)
    for i in range(L):
        acc += weights[n, i, j] * keep[n % keep.shape[0], i, j] * grad_y[n, i, d]
    grad_value[n, j, d] = acc


class AttentionFunction(Function):
    """Attention on the tape. query (N, L, E), key (N, S, E), value (N, S, D), mask and keep (N or 1, L, S); y (N, L, D)."""

    torch_name = "ScaledDotProductFlashAttentionForCpuBackward0"

    @staticmethod
    def forward(ctx, query, key, value, mask, keep, scale):
        N, L, E = query.shape
        N, S, D = value.shape
        # the form in blocks stores no weights, but two numbers for each query
        blocks = fast_forms() and query.device.type == "cpu" and not ctx.needs_input_grad[3]
        ctx.blocks = blocks = blocks and fast.attention_in_blocks(query.dtype.numpy, N * L * S)
        weights, y = query.new_empty(N, L, 2 if blocks else S), query.new_empty(N, L, D)
        run = on(
            query.device,
            attention_forward_cpu,
            attention_forward_cuda,
            N * L,
            fast.attention_forward if blocks else None,
        )
        run(*arrays(query, key, value, mask, keep, weights, y), scale)
        ctx.save_for_backward(query, key, value, keep, weights, *((mask, y) if blocks else ()))
        ctx.scale = scale
        return y

    @staticmethod
    def backward(ctx, grad_y):
        query, key, value, keep, weights, *others = ctx.saved_tensors
        device, scale = query.device, ctx.scale
        if ctx.blocks:
            mask, y = others
            gradients = [part.new_empty(part.shape) for part in (query, key, value)]
            inputs = arrays(query, key, value, mask, keep, weights, y, grad_y)
            run: Any = fast.attention_backward if threads.guard is None else threads.guard(fast.attention_backward)
            run(attention_backward_scores_cpu, *inputs, *arrays(*gradients), scale)
            return *gradients, None, None, None
        grad_scores = weights.new_empty(weights.shape)
        queries = weights.shape[0] * weights.shape[1]
        run = on(device, attention_backward_scores_cpu, attention_backward_scores_cuda, queries)
        run(*arrays(weights, keep, value, grad_y, grad_scores))
        grad_query = grad_key = grad_value = None
        if ctx.needs_input_grad[0]:
            grad_query = query.new_empty(query.shape)
            run = on(device, attention_backward_query_cpu, attention_backward_query_cuda, grad_query.numel())
            run(*arrays(grad_scores, key, grad_query), scale)
        if ctx.needs_input_grad[1]:
            grad_key = key.new_empty(key.shape)
            run = on(device, attention_backward_key_cpu, attention_backward_key_cuda, grad_key.numel())
            run(*arrays(grad_scores, query, grad_key), scale)
        if ctx.needs_input_grad[2]:
            grad_value = value.new_empty(value.shape)
            run = on(device, attention_backward_value_cpu, attention_backward_value_cuda, grad_value.numel())
            run(*arrays(weights, keep, grad_y, grad_value))
        grad_mask = grad_scores if ctx.needs_input_grad[3] else None
        return grad_query, grad_key, grad_value, grad_mask, None, None


def scaled_dot_product_attention(
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, *, scale=None, enable_gqa=False
):
    """For each query the mean of the values, weighted by the softmax of the scaled dot products of the query and all keys.

    Shapes: `query` (*, L, E), `key` (*, S, E), `value` (*, S, D); the result is (*, L, D). The dimensions before the last two
    broadcast. `attn_mask` broadcasts to (*, L, S): bools, True where a query sees a key, or numbers that are added to the scores.
    With `enable_gqa` the keys and values may have fewer heads (dimension -3) than the queries: consecutive heads share them.

    `dropout_p` drops weights whenever it is larger than 0: pass 0.0 in evaluation. `scale` None means 1/sqrt(E).

    Raises:
        RuntimeError: sizes or dtypes do not fit together; a mask and `is_causal`; `dropout_p` above 1.
        IndexError: `enable_gqa` without a dimension of heads.
        TypeError: an argument is not a tensor or a number.
    """
    dropout_p = number("scaled_dot_product_attention", "dropout_p", dropout_p)
    if dropout_p > 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    _check(query, key, value, attn_mask, is_causal)
    if enable_gqa:
        key, value = _shared_heads(query, key), _shared_heads(query, value)
    lead = _lead(query, key, value)
    (L, E), (S, D) = query.shape[-2:], value.shape[-2:]
    if scale is None:
        scale = 1 / math.sqrt(E) if E else 1.0
    scale = number("scaled_dot_product_attention", "scale", scale)
    N = math.prod(lead)
    parts = (query.expand(*lead, L, E), key.expand(*lead, S, E), value.expand(*lead, S, D))
    query, key, value = (part.reshape(N, *part.shape[-2:]) for part in parts)
    mask = _mask(attn_mask, is_causal, query, lead, L, S)
    keep = query.new_ones(1, L, S)
    if dropout_p > 0:
        keep = element_mask(query.new_empty(N, L, S), dropout_p) / (1 - dropout_p or 1.0)
    return AttentionFunction.apply(query, key, value, mask, keep, scale).reshape(*lead, L, D)


def _shared_heads(query, part):
    """The keys or values, each head repeated until there is one for each head of the queries."""
    if query.dim() < 3 or part.dim() < 3:
        raise IndexError("enable_gqa needs a dimension of heads, the third from the end: (heads, positions, elements)")
    heads, own = query.shape[-3], part.shape[-3]
    if own == 0 or heads % own:
        raise RuntimeError(
            f"Number of heads in key and value must divide the number of heads in query, but {own} does not divide {heads}"
        )
    return part.repeat_interleave(heads // own, -3)


def _lead(query, key, value):
    """The dimensions before the last two, of all three together."""
    try:
        return broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
    except RuntimeError as error:
        raise RuntimeError(
            "scaled_dot_product_attention: the dimensions before the last two must be equal or 1, but query is "
            f"{list(query.shape)}, key {list(key.shape)}, value {list(value.shape)}; key heads that several query heads share "
            "need enable_gqa=True"
        ) from error


def _mask(attn_mask, is_causal, query, lead, L, S):
    """What is added to the scores: (N, L, S), or (1, L, S) where all sequences have the same."""
    if is_causal:
        attn_mask = query.new_ones(L, S).tril().to(bool)
    if attn_mask is None:
        return query.new_zeros(1, L, S)
    if attn_mask.dtype is bool:
        attn_mask = query.new_zeros(attn_mask.shape).masked_fill(~attn_mask, -math.inf)
    attn_mask = attn_mask.to(query.dtype)
    try:
        if math.prod(attn_mask.shape[:-2]) == 1 and not attn_mask.requires_grad:
            return attn_mask.reshape(1, *attn_mask.shape[-2:]).expand(1, L, S)
        return attn_mask.expand(*lead, L, S).reshape(math.prod(lead), L, S)
    except RuntimeError as error:
        raise RuntimeError(
            f"scaled_dot_product_attention: attn_mask of shape {list(attn_mask.shape)} does not fit scores of shape "
            f"{[*lead, L, S]}, (*, queries, keys)"
        ) from error


def _check(query, key, value, attn_mask, is_causal):
    name = "scaled_dot_product_attention"
    check_tensors(name, query=query, key=key, value=value)
    if min(query.dim(), key.dim(), value.dim()) < 2:
        raise RuntimeError(
            f"{name}: expected query, key and value to be at least 2D, (positions, elements), but they are {query.dim()}D, "
            f"{key.dim()}D and {value.dim()}D"
        )
    sizes = f"query {list(query.shape)}, key {list(key.shape)}, value {list(value.shape)}"
    if query.shape[-1] != key.shape[-1]:
        raise RuntimeError(
            f"{name}: a query and a key need the same number of elements (last dimension), found {sizes}"
        )
    if key.shape[-2] != value.shape[-2]:
        raise RuntimeError(f"{name}: each key needs one value (dimension -2), found {sizes}")
    if attn_mask is None:
        return
    if not isinstance(attn_mask, Tensor):
        raise TypeError(f"{name}(): argument 'attn_mask' must be Tensor, not {type(attn_mask).__name__}")
    if is_causal:
        raise RuntimeError(
            f"{name}: Explicit attn_mask should not be set when is_causal=True: combine them in one mask"
        )
    if attn_mask.dtype not in (bool, float32, query.dtype):
        raise RuntimeError(
            f"{name}: expected attn_mask dtype to be bool or {query.dtype}, as query, but found {attn_mask.dtype}: convert it with "
            ".bool() (True: seen) or .to(query.dtype) (added to the scores)"
        )
