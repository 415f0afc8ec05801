r"""One layer of a Transformer's encoder: self-attention, then a small network that computes each position separately.

Both parts are added to their input (a residual connection) and normalized.

Use it when a sequence is known as a whole, as a text that is classified or translated; several of them are a `TransformerEncoder`. For
a sequence that is produced position by position use `TransformerDecoderLayer`.

## Forward

With $A$ for self-attention, $F$ for the small network and $\mathrm{LN}$ for layer normalization; each of the three has its own weights:

$$h = \mathrm{LN}_1 \left( x + A(x) \right) \qquad y = \mathrm{LN}_2 \left( h + F(h) \right)$$

$$F(h)[i] = W_2 \, \mathrm{relu} \left( W_1 \, h[i] + b_1 \right) + b_2$$

$F$ computes the same function at every position $i$. It has `dim_feedforward` hidden elements. Only attention moves information from one
position to another. With `norm_first` the normalization stands before each part, and the sums themselves are never normalized, so
that gradients reach the first layers of a deep network unchanged:

$$h = x + A \left( \mathrm{LN}_1(x) \right) \qquad y = h + F \left( \mathrm{LN}_2(h) \right)$$

In training, dropout acts at four places: on the weights of attention, on its output (`dropout1`), inside $F$ behind relu (`dropout`),
and on the output of $F$ (`dropout2`).

## Gradients

A residual connection $h = x + A(x)$ passes the gradient of $h$ to $x$ unchanged, and adds the gradient through the part:

$$\frac{\partial L}{\partial x} = \frac{\partial L}{\partial h} + \left( \frac{\partial A}{\partial x} \right)^T \frac{\partial L}{\partial h}$$

The gradients of the parts are those of `MultiheadAttention`, `LayerNorm` and `Linear`.

## Cost

Per position $4 E^2 + 2 S E$ MACs in attention and $2 E F$ in the network, with $E$ = `d_model`, $F$ = `dim_feedforward` and $S$
positions.

## Worked example

All weights of attention and of the small network are zero, so both parts add nothing, and only the two normalizations remain:
each position gets mean 0 and variance 1.

>>> import reftorch as torch
>>> from reftorch import nn
>>> layer = nn.TransformerEncoderLayer(d_model=2, nhead=1, dim_feedforward=4, dropout=0.0)
>>> with torch.no_grad():
...     for weight in (layer.self_attn.out_proj.weight, layer.linear2.weight, layer.linear2.bias):
...         _ = weight.zero_()
>>> x = torch.tensor([[1., 5], [7, 3]])
>>> layer(x).detach().round(decimals=3)
tensor([[-1.,  1.],
        [ 1., -1.]])

The last position is hidden from the first one by a mask (True hides):

>>> hidden = torch.tensor([[False, True], [False, False]])
>>> layer(x, src_mask=hidden).shape
torch.Size([2, 2])

## Questions

**How many parameters does a layer with d_model = 512 and dim_feedforward = 2048 have?**

>>> sum(p.numel() for p in nn.TransformerEncoderLayer(512, 8).parameters())
3152384

**How are they divided?**

Attention has $4 E^2$ weights, the small network $2 E F$: twice as many, if $F = 4 E$.

**Which numbers of the output change when the input changes at one position?**

All, because every position attends to the changed one, unless a mask hides it.

## Differences

- In evaluation without gradients, with `batch_first=True` and `src_key_padding_mask`, PyTorch takes another path, whose output is 0
  at the padding. Here the padding has the values that all other paths of PyTorch give.
"""

from __future__ import annotations

from reftorch.nn.activation.gelu import GELU, gelu
from reftorch.nn.activation.relu import ReLU, relu
from reftorch.nn.dropout.dropout import Dropout
from reftorch.nn.linear.linear import Linear
from reftorch.nn.module import Module
from reftorch.nn.normalization.layer_norm import LayerNorm
from reftorch.nn.transformer.masks import added_mask, warn_of_two_kinds
from reftorch.nn.transformer.multihead_attention import MultiheadAttention


def activation_function(activation):
    """The function called "relu" or "gelu", or `activation` itself if it is not a string.

    Raises:
        RuntimeError: another name.
    """
    if not isinstance(activation, str):
        return activation
    if activation not in ("relu", "gelu"):
        raise RuntimeError(
            f"activation should be relu/gelu, not {activation}: for another function pass the function itself"
        )
    return relu if activation == "relu" else gelu


class TransformerEncoderLayer(Module):
    """Self-attention and a feedforward network, each with a residual connection and a normalization.

    Args:
        d_model: size of the vector of a position, E.
        nhead: number of heads of attention, which divides E.
        dim_feedforward: number of hidden elements of the feedforward network.
        dropout: probability of dropout, at all four places.
        activation: between the two linear layers: "relu", "gelu" or a function of a tensor.
        layer_norm_eps: added to the variances.
        batch_first: the shapes are (N, S, E) instead of (S, N, E).
        norm_first: normalize before each part instead of behind the sum.
        bias: whether linear layers and normalizations have a bias.

    Attributes: `self_attn`, `linear1`, `dropout`, `linear2`, `norm1`, `norm2`, `dropout1`, `dropout2`; `activation`.

    Shapes: src (S, N, E) or (S, E); the output the same. Masks as in `forward`.

    Raises:
        RuntimeError: another name of an activation.
        AssertionError: nhead does not divide d_model.
    """

    def __init__(
        self,
        d_model,
        nhead,
        dim_feedforward=2048,
        dropout=0.1,
        activation=relu,
        layer_norm_eps=1e-5,
        batch_first=False,
        norm_first=False,
        bias=True,
        device=None,
        dtype=None,
    ):
        super().__init__()
        place = dict(device=device, dtype=dtype)
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **place)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **place)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **place)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        activation = activation_function(activation)
        is_relu, is_gelu = (
            activation is relu or isinstance(activation, ReLU),
            activation is gelu or isinstance(activation, GELU),
        )
        self.activation_relu_or_gelu = 1 if is_relu else 2 if is_gelu else 0
        self.activation = activation

    def forward(self, src, src_mask=None, src_key_padding_mask=None, is_causal=False):
        """The sequence after this layer.

        Args:
            src: (S, N, E), (N, S, E) with `batch_first`, or (S, E).
            src_mask: (S, S) or (N * nhead, S, S): True hides a position from another one; numbers are added to the scores.
            src_key_padding_mask: (N, S) or (S): True hides a position from all.
            is_causal: a hint that `src_mask` hides exactly the later positions.
        """
        warn_of_two_kinds("src_key_padding_mask", src_key_padding_mask, "src_mask", src_mask)
        masks = (
            added_mask(src_mask, "src_mask", src.dtype),
            added_mask(src_key_padding_mask, "src_key_padding_mask", src.dtype),
        )
        x = src
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), *masks, is_causal)
            return x + self._ff_block(self.norm2(x))
        x = self.norm1(x + self._sa_block(x, *masks, is_causal))
        return self.norm2(x + self._ff_block(x))

    def _sa_block(self, x, attn_mask, key_padding_mask, is_causal):
        y, _ = self.self_attn(
            x, x, x, attn_mask=attn_mask, key_padding_mask=key_padding_mask, need_weights=False, is_causal=is_causal
        )
        return self.dropout1(y)

    def _ff_block(self, x):
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))
