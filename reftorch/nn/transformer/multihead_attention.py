r"""Multi-head attention: the vector of each position is cut into heads, and each head computes its own attention.

Linear layers turn the input into queries, keys and values. Each head computes `scaled_dot_product_attention` of its part, and a last
linear layer mixes what the heads have found.

Use it when each position of a sequence gathers information from other positions of the same sequence (self-attention) or of another
one (cross-attention); for attention without learnt weights use `F.scaled_dot_product_attention`.

## Forward

With one head, and $x_q$, $x_k$, $x_v$ the three inputs (in self-attention all three are the same):

$$q[i] = W_q \, x_q[i] + b_q \qquad k[j] = W_k \, x_k[j] + b_k \qquad v[j] = W_v \, x_v[j] + b_v$$

$$y[i] = W_o \, \sum_j p[i, j] \, v[j] + b_o \qquad p[i, j] = \frac{e^{a[i, j]}}{\sum_{j'} e^{a[i, j']}} \qquad
a[i, j] = \frac{1}{\sqrt{E}} \sum_e q[i, e] \, k[j, e]$$

With $H$ heads an embedding of $E$ elements is cut into $H$ pieces of $E / H$ elements: head $h$ has the elements
$h E / H, \ldots, (h + 1) E / H - 1$ of $q$, $k$ and $v$, its own weights $p_h$, and the scale $1 / \sqrt{E / H}$. The pieces are
put side by side again before $W_o$. Several heads can attend to different positions at once; a single softmax can only average over them.

The three matrices $W_q$, $W_k$, $W_v$ are stored below each other in `in_proj_weight`, of shape $(3 E, E)$. If `kdim` or `vdim` is
another size than $E$, they are `q_proj_weight`, `k_proj_weight` and `v_proj_weight`.

## Gradients

They are those of `linear` and of `scaled_dot_product_attention`. A head gets its piece of $W_o^T \frac{\partial L}{\partial y}$. The
gradients of all heads, side by side, go through the linear layer of the input:

$$\frac{\partial L}{\partial x_v}[j] = W_v^T \, \frac{\partial L}{\partial v}[j] \qquad
\frac{\partial L}{\partial v_h}[j] = \sum_i p_h[i, j] \, \frac{\partial L}{\partial y_h}[i] \qquad
\frac{\partial L}{\partial y_h} = \left( W_o^T \, \frac{\partial L}{\partial y} \right)_h$$

In self-attention the input is query, key and value at once, so its gradient is the sum of three.

## Cost

Per position $4 E^2$ MACs in the four linear layers, and $2 S E$ in attention: if the sequence is short, $S < 2 E$, the linear
layers cost more.

## Worked example

Two heads of one element. All weight matrices are the identity, so the first head reads the first elements, the second head the second
ones. For the first head both keys are equal, so its output is the mean of 2 and 6. For the second head only the second key is similar
to the query, so its output is 8.

>>> import reftorch as torch
>>> from reftorch import nn
>>> attention = nn.MultiheadAttention(embed_dim=2, num_heads=2)
>>> with torch.no_grad():
...     _ = attention.in_proj_weight.copy_(torch.eye(2).repeat(3, 1))
...     _ = attention.out_proj.weight.copy_(torch.eye(2))
>>> query = torch.tensor([[1., 1]])
>>> key = torch.tensor([[0., 0], [0, 1000]])
>>> value = torch.tensor([[2., 4], [6, 8]])
>>> y, weights = attention(query, key, value)
>>> y.detach()
tensor([[4., 8.]])

The weights are averaged over the heads, unless they are wanted one by one:

>>> weights.detach()
tensor([[0.2500, 0.7500]])
>>> attention(query, key, value, average_attn_weights=False)[1].detach()
tensor([[[0.5000, 0.5000]],
<BLANKLINE>
        [[0.0000, 1.0000]]])

The first key is padding (True hides it):

>>> attention(query, key, value, key_padding_mask=torch.tensor([True, False]))[0].detach()
tensor([[6., 8.]])

## Questions

**How many parameters does MultiheadAttention(512, 8) have, and how many with 16 heads?**

Four matrices and four vectors for any number of heads: with more heads each head is smaller.

>>> sum(p.numel() for p in nn.MultiheadAttention(512, 8).parameters())
1050624
>>> 4 * 512 * 512 + 4 * 512
1050624

**Which dimension is the batch?**

The second one, (L, N, E), unless `batch_first=True`, then it is (N, L, E). With the wrong one the positions of different samples
attend to each other, and there is no error message.

**When should `need_weights=False` be used?**

Whenever the weights are not needed: then the fast form of attention runs, which does not store them.

## Differences

- PyTorch has another path for self-attention in evaluation without gradients (`batch_first=True`, an even number of heads). Its results
  are the same up to rounding, except where a query sees no key at all.
- The output of a query that sees no key is NaN with `need_weights=True`, and the bias of `out_proj` with `need_weights=False`, as
  in PyTorch.
"""

from __future__ import annotations

import math

from reftorch.nn.activation.softmax import softmax
from reftorch.nn.dropout.dropout import dropout
from reftorch.nn.init import constant_, xavier_normal_, xavier_uniform_
from reftorch.nn.linear.linear import Linear, linear
from reftorch.nn.module import Module
from reftorch.nn.parameter import Parameter
from reftorch.nn.transformer.attention import scaled_dot_product_attention
from reftorch.nn.transformer.masks import added_mask, warn_of_two_kinds
from reftorch.ops import baddbmm, bmm, cat, empty


# ## From the inputs to the output
#
# Inside, the positions come first, then the batch: (L, N, E).
def multi_head_attention_forward(
    query,
    key,
    value,
    embed_dim_to_check,
    num_heads,
    in_proj_weight,
    in_proj_bias,
    bias_k,
    bias_v,
    add_zero_attn,
    dropout_p,
    out_proj_weight,
    out_proj_bias,
    training=True,
    key_padding_mask=None,
    need_weights=True,
    attn_mask=None,
    use_separate_proj_weight=False,
    q_proj_weight=None,
    k_proj_weight=None,
    v_proj_weight=None,
    static_k=None,
    static_v=None,
    average_attn_weights=True,
    is_causal=False,
):
    """The output of multi-head attention and the weights, or None. `MultiheadAttention` explains the arguments.

    Shapes: `query` (L, N, E) or (L, E), `key` and `value` (S, N, E) or (S, E); the output is as `query`. `static_k` and `static_v`
    (N * num_heads, S, E / num_heads) take the place of the projected keys and values.

    Raises:
        AssertionError: sizes do not fit together, or a mask has a dtype or a number of dimensions that is not possible.
        RuntimeError: the size of `attn_mask` is wrong; `is_causal` without a mask.
    """
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    batched = _check_dimensions(query, key, value, key_padding_mask, attn_mask, num_heads)
    _check_sizes(query, key, value, embed_dim_to_check, num_heads, separate)
    masks = attn_mask, key_padding_mask
    attn_mask, key_padding_mask, is_causal = _masks(query, key, *masks, is_causal, need_weights, num_heads)
    q, k, v = _project(query, key, value, in_proj_weight, in_proj_bias, separate)
    if not batched:
        q, k, v = q.unsqueeze(1), k.unsqueeze(1), v.unsqueeze(1)
    k, v = _with_biases(k, v, bias_k, bias_v, static_k, static_v)
    q, k, v = _heads(q, num_heads), _heads(k, num_heads, static_k), _heads(v, num_heads, static_v)
    if add_zero_attn:
        k, v = (cat([part, part.new_zeros(part.shape[0], 1, part.shape[2])], dim=1) for part in (k, v))
    mask = _one_mask(attn_mask, key_padding_mask, k.shape[1], num_heads)
    y, weights = _attend(q, k, v, mask, dropout_p if training else 0.0, is_causal, need_weights, num_heads)
    y = linear(_side_by_side(y, num_heads), out_proj_weight, out_proj_bias)
    if weights is not None and average_attn_weights:
        weights = weights.mean(dim=1)
    if not batched:
        y, weights = y.squeeze(1), None if weights is None else weights.squeeze(0)
    return y, weights


def _project(query, key, value, weight, bias, separate):
    """Queries, keys and values: three linear layers, whose weights may be stored in one matrix."""
    biases = (None, None, None) if bias is None else bias.chunk(3)
    if separate is None and query is key and key is value:
        return linear(query, weight, bias).chunk(3, dim=-1)  # self-attention: one product for all three
    weights = weight.chunk(3) if separate is None else separate
    return [linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases)]


def _with_biases(k, v, bias_k, bias_v, static_k, static_v):
    """Keys and values (S, N, E), followed by the learnt key and value if there are some: (S + 1, N, E)."""
    if bias_k is None and bias_v is None:
        return k, v
    if bias_k is None or bias_v is None:
        raise AssertionError("bias_k and bias_v must be set together, but one of them is None")
    if static_k is not None or static_v is not None:
        raise AssertionError("bias cannot be added to static key or static value.")
    N = k.shape[1]
    return cat([k, bias_k.repeat(1, N, 1)]), cat([v, bias_v.repeat(1, N, 1)])


def _heads(x, num_heads, static=None):
    """(L, N, E) cut into heads: (N * num_heads, L, E / num_heads). `static` has this form already and takes the place of x."""
    L, N, E = x.shape
    if static is None:
        return x.reshape(L, N * num_heads, E // num_heads).transpose(0, 1)
    if static.shape[0] != N * num_heads or static.shape[2] != E // num_heads:
        raise AssertionError(
            f"expecting static keys and values of shape ({N * num_heads}, S, {E // num_heads}), (N * num_heads, S, E / num_heads), "
            f"but got {tuple(static.shape)}"
        )
    return static


def _side_by_side(y, num_heads):
    """The opposite of `_heads`: (N * num_heads, L, E / num_heads) becomes (L, N, E)."""
    NH, L, size = y.shape
    return y.transpose(0, 1).reshape(L, NH // num_heads, num_heads * size)


def _attend(q, k, v, mask, dropout_p, is_causal, need_weights, num_heads):
    """Attention of all heads, (N * num_heads, L, E / num_heads), and its weights (N, num_heads, L, S) if they are needed."""
    N = q.shape[0] // num_heads
    if need_weights:
        q = q * math.sqrt(1 / q.shape[2])
        scores = bmm(q, k.transpose(1, 2)) if mask is None else baddbmm(mask, q, k.transpose(1, 2))
        weights = softmax(scores, dim=-1)
        if dropout_p > 0:
            weights = dropout(weights, dropout_p)
        return bmm(weights, v), weights.reshape(N, num_heads, *weights.shape[1:])
    return scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal), None


# ## Masks
#
# One mask hides positions of the sequence from each other, (L, S) or (N * num_heads, L, S); the other one hides the padding of each
# sample, (N, S). Their sum is what is added to the scores.
def _masks(query, key, attn_mask, key_padding_mask, is_causal, need_weights, num_heads):
    """Both masks as numbers, (1, L, S) or (N * num_heads, L, S), and (N, S); whether `is_causal` takes the place of the first one."""
    warn_of_two_kinds("key_padding_mask", key_padding_mask, "attn_mask", attn_mask)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    padding = added_mask(key_padding_mask, "key_padding_mask", query.dtype)
    if padding is not None and padding.dim() == 1:
        padding = padding.unsqueeze(0)
    if is_causal and padding is None and not need_weights:
        return None, None, True
    L, S, N = query.shape[0], key.shape[0], query.shape[1] if query.dim() == 3 else 1
    if padding is not None and padding.shape != (N, S):
        raise AssertionError(
            f"Expected key_padding_mask of shape {(N, S)}, (N, S), but got {tuple(key_padding_mask.shape)}"
        )
    mask = added_mask(attn_mask, "attn_mask", query.dtype)
    if mask is None:
        return None, padding, False
    if mask.dim() == 2:
        mask = mask.unsqueeze(0)
    if mask.shape[1:] != (L, S) or mask.shape[0] != (1 if attn_mask.dim() == 2 else N * num_heads):
        raise RuntimeError(
            f"The shape of the {attn_mask.dim()}D attn_mask is {tuple(attn_mask.shape)}, but should be "
            + (f"{(L, S)}: (L, S)." if attn_mask.dim() == 2 else f"{(N * num_heads, L, S)}: (N * num_heads, L, S).")
        )
    return mask, padding, False


def _one_mask(attn_mask, key_padding_mask, S, num_heads):
    """The sum of both masks, with zeros for the keys that were added behind the S keys of the input."""
    masks = []
    if attn_mask is not None:
        masks.append(_longer(attn_mask, S))
    if key_padding_mask is not None:
        N = key_padding_mask.shape[0]
        padding = _longer(key_padding_mask, S).reshape(N, 1, 1, S).expand(N, num_heads, 1, S)
        masks.append(padding.reshape(N * num_heads, 1, S))
    return sum(masks[1:], masks[0]) if masks else None


def _longer(mask, S):
    missing = S - mask.shape[-1]
    return cat([mask, mask.new_zeros(*mask.shape[:-1], missing)], dim=-1) if missing > 0 else mask


# ## What is refused
def _check_dimensions(query, key, value, key_padding_mask, attn_mask, num_heads):
    """Whether there is a batch: (L, N, E), not (L, E)."""
    if query.dim() not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.dim()}-D query tensor"
        )
    batched = query.dim() == 3
    kind = f"For {'batched' if batched else 'unbatched'} ({query.dim()}-D) `query`"
    if key.dim() != query.dim() or value.dim() != query.dim():
        raise AssertionError(
            f"{kind}, expected `key` and `value` to be {query.dim()}-D but found {key.dim()}-D and {value.dim()}-D tensors "
            "respectively"
        )
    if key_padding_mask is not None and key_padding_mask.dim() != query.dim() - 1:
        raise AssertionError(
            f"{kind}, expected `key_padding_mask` to be `None` or {query.dim() - 1}-D, {'(N, S)' if batched else '(S)'}, but found "
            f"{key_padding_mask.dim()}-D tensor instead"
        )
    if attn_mask is not None and attn_mask.dim() not in (2, 3):
        raise AssertionError(
            f"{kind}, expected `attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.dim()}-D tensor instead"
        )
    if attn_mask is not None and attn_mask.dim() == 3 and not batched:
        wanted = (num_heads, query.shape[0], key.shape[0])
        if tuple(attn_mask.shape) != wanted:
            raise AssertionError(f"Expected `attn_mask` shape to be {wanted} but got {tuple(attn_mask.shape)}")
    return batched


def _check_sizes(query, key, value, embed_dim, num_heads, separate):
    if query.shape[-1] != embed_dim:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim}, but got {query.shape[-1]}")
    if embed_dim % num_heads:
        raise AssertionError(f"embed_dim {embed_dim} not divisible by num_heads {num_heads}")
    if separate is None and key.shape != value.shape:
        raise AssertionError(f"key shape {tuple(key.shape)} does not match value shape {tuple(value.shape)}")
    if separate is not None and key.shape[:-1] != value.shape[:-1]:
        raise AssertionError(
            f"key's sequence and batch dims {tuple(key.shape[:-1])} do not match value's {tuple(value.shape[:-1])}"
        )


class NonDynamicallyQuantizableLinear(Linear):
    """A Linear under another name, which PyTorch's quantization leaves alone. Here the two are the same."""


class MultiheadAttention(Module):
    """Multi-head attention, as a layer.

    Args:
        embed_dim: size of a query and of the output, E.
        num_heads: number of heads, which divides E.
        dropout: probability of a weight to be dropped in training.
        bias: whether the linear layers have a bias.
        add_bias_kv: append one learnt key and value to those of the input.
        add_zero_attn: append a key and a value of zeros.
        kdim, vdim: size of a key and of a value; None means E.
        batch_first: the shapes are (N, L, E) instead of (L, N, E).

    Attributes: `in_proj_weight` (3E, E), or `q_proj_weight` (E, E), `k_proj_weight` (E, kdim) and `v_proj_weight` (E, vdim), from
    the uniform distribution of Xavier; `in_proj_bias` (3E), zeros; `out_proj`, a Linear with bias 0; `bias_k` and `bias_v` (1, 1, E).

    Shapes: query (L, N, E) or (L, E), key (S, N, kdim) or (S, kdim), value (S, N, vdim) or (S, vdim). The output is a pair: (L, N, E) or
    (L, E), and the weights (N, L, S) or (L, S), None if they are not needed.

    Raises:
        ValueError: a size is not positive.
        AssertionError: num_heads does not divide embed_dim.
    """

    def __init__(
        self,
        embed_dim,
        num_heads,
        dropout=0.0,
        bias=True,
        add_bias_kv=False,
        add_zero_attn=False,
        kdim=None,
        vdim=None,
        batch_first=False,
        device=None,
        dtype=None,
    ):
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim, self.vdim = embed_dim if kdim is None else kdim, embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        if embed_dim % num_heads:
            raise AssertionError(
                f"embed_dim must be divisible by num_heads, but {embed_dim} / {num_heads} is not an integer"
            )

        def parameter(wanted, *size):
            return Parameter(empty(size, device=device, dtype=dtype)) if wanted else None

        separate = not self._qkv_same_embed_dim
        self.register_parameter("q_proj_weight", parameter(separate, embed_dim, embed_dim))
        self.register_parameter("k_proj_weight", parameter(separate, embed_dim, self.kdim))
        self.register_parameter("v_proj_weight", parameter(separate, embed_dim, self.vdim))
        self.register_parameter("in_proj_weight", parameter(not separate, 3 * embed_dim, embed_dim))
        self.register_parameter("in_proj_bias", parameter(bias, 3 * embed_dim))
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        self.bias_k = parameter(add_bias_kv, 1, 1, embed_dim)
        self.bias_v = parameter(add_bias_kv, 1, 1, embed_dim)
        self._reset_parameters()

    def _reset_parameters(self):
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            constant_(self.in_proj_bias, 0.0)
            constant_(self.out_proj.bias, 0.0)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                xavier_normal_(bias)

    def forward(
        self,
        query,
        key,
        value,
        key_padding_mask=None,
        need_weights=True,
        attn_mask=None,
        average_attn_weights=True,
        is_causal=False,
    ):
        """The output, and the weights or None.

        Args:
            query, key, value: as under Shapes.
            key_padding_mask: (N, S) or (S): True hides a key (padding); numbers are added to the scores.
            need_weights: return the weights too, after dropout.
            attn_mask: (L, S) or (N * num_heads, L, S): True hides a key from a query; numbers are added to the scores.
            average_attn_weights: average the weights over the heads; otherwise they are (N, num_heads, L, S).
            is_causal: a hint that `attn_mask`, which must be given, hides exactly the later positions.
        """
        swapped = self.batch_first and query.dim() == 3
        if swapped:  # one tensor as several arguments stays one tensor: `_project` recognizes self-attention by it
            turned = {id(x): x.transpose(0, 1) for x in (query, key, value)}
            query, key, value = (turned[id(x)] for x in (query, key, value))
        y, weights = multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (y.transpose(0, 1) if swapped else y), weights
