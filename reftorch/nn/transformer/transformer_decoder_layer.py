r"""One layer of a Transformer's decoder: attention to what is produced so far, attention to the encoder's output, a small network.

Each of the three parts is added to its input (a residual connection) and normalized.

Use it when a sequence is produced position by position from another sequence, the memory; several of them are a `TransformerDecoder`.
Without a memory, as in a language model, use `TransformerEncoderLayer` with a causal mask.

## Forward

With $A$ for self-attention, $C$ for cross-attention (queries from the target, keys and values from the memory $z$), $F$ for the small
network, and layer normalizations $\mathrm{LN}$:

$$g = \mathrm{LN}_1 \left( x + A(x) \right) \qquad h = \mathrm{LN}_2 \left( g + C(g, z) \right) \qquad
y = \mathrm{LN}_3 \left( h + F(h) \right)$$

$$F(h)[i] = W_2 \, \mathrm{relu} \left( W_1 \, h[i] + b_1 \right) + b_2$$

The mask of $A$ hides later positions: position $i$ of the target must not see the positions that it has to predict. With `norm_first` the
normalization stands before each part, as in `TransformerEncoderLayer`; the memory is not normalized.

## Gradients

As in `TransformerEncoderLayer`, each sum passes its gradient to the residual connection and to the part. The gradient of the memory comes
from the keys and the values of cross-attention:

$$\frac{\partial L}{\partial z}[j] = W_k^T \, \frac{\partial L}{\partial k}[j] + W_v^T \, \frac{\partial L}{\partial v}[j]$$

## Cost

Per position of the target $6 E^2 + 2 E F$ MACs in linear layers and $2 (L + S) E$ in attention; per position of the memory $2 E^2$ MACs
for its keys and values.

## Worked example

All weights that end a part are zero, so only the three normalizations remain:

>>> import reftorch as torch
>>> from reftorch import nn
>>> layer = nn.TransformerDecoderLayer(d_model=2, nhead=1, dim_feedforward=4, dropout=0.0)
>>> with torch.no_grad():
...     for last in (layer.self_attn.out_proj, layer.multihead_attn.out_proj, layer.linear2):
...         _ = last.weight.zero_(), last.bias.zero_()
>>> target = torch.tensor([[1., 5], [7, 3]])
>>> memory = torch.tensor([[1., 2], [3, 4], [5, 6]])
>>> layer(target, memory).detach().round(decimals=3)
tensor([[-1.,  1.],
        [ 1., -1.]])

If the output matrix of cross-attention is the identity, and memory holds one position, each query takes the value of this position:

>>> with torch.no_grad():
...     _ = layer.multihead_attn.out_proj.weight.copy_(torch.eye(2))
...     _ = layer.multihead_attn.in_proj_weight.copy_(torch.eye(2).repeat(3, 1))
>>> layer(target, torch.tensor([[9., 0]])).detach().round(decimals=3)
tensor([[ 1., -1.],
        [ 1., -1.]])

## Questions

**Which of the two attentions may attend to all its keys?**

Cross-attention may attend to the whole memory. Self-attention may attend to the target up to its own position only, which needs
`tgt_mask`: without it the layer sees the later positions and learns to copy them.

**How many parameters does a layer with d_model = 512 and dim_feedforward = 2048 have?**

>>> sum(p.numel() for p in nn.TransformerDecoderLayer(512, 8).parameters())
4204032

**May the memory be longer than the target?**

Yes: scores are a matrix of target positions times memory positions, and the output is as long as the target.
"""

from __future__ import annotations

from reftorch.nn.activation.relu import relu
from reftorch.nn.dropout.dropout import Dropout
from reftorch.nn.linear.linear import Linear
from reftorch.nn.module import Module
from reftorch.nn.normalization.layer_norm import LayerNorm
from reftorch.nn.transformer.multihead_attention import MultiheadAttention
from reftorch.nn.transformer.transformer_encoder_layer import activation_function


class TransformerDecoderLayer(Module):
    """Self-attention, attention to a memory and a feedforward network, each with a residual connection and a normalization.

    Args:
        d_model: size of the vector of a position, E.
        nhead: number of heads of both attentions, which divides E.
        dim_feedforward: number of hidden elements of the feedforward network.
        dropout: probability of dropout, at all places.
        activation: between the two linear layers: "relu", "gelu" or a function of a tensor.
        layer_norm_eps: added to the variances.
        batch_first: the shapes are (N, L, E) instead of (L, N, E).
        norm_first: normalize before each part instead of behind the sum.
        bias: whether linear layers and normalizations have a bias.

    Attributes: `self_attn`, `multihead_attn`, `linear1`, `dropout`, `linear2`, `norm1` to `norm3`, `dropout1` to `dropout3`;
    `activation`.

    Shapes: tgt (L, N, E) or (L, E), memory (S, N, E) or (S, E); the output as tgt. Masks as in `forward`.

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
        self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **place)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **place)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **place)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place)
        self.norm3 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)
        self.activation = activation_function(activation)

    def forward(
        self,
        tgt,
        memory,
        tgt_mask=None,
        memory_mask=None,
        tgt_key_padding_mask=None,
        memory_key_padding_mask=None,
        tgt_is_causal=False,
        memory_is_causal=False,
    ):
        """The target after this layer.

        Args:
            tgt: (L, N, E), (N, L, E) with `batch_first`, or (L, E).
            memory: (S, N, E), (N, S, E) or (S, E): the output of the encoder.
            tgt_mask: (L, L) or (N * nhead, L, L): True hides a position from another one; numbers are added to the scores.
            memory_mask: (L, S) or (N * nhead, L, S): the same for positions of the memory.
            tgt_key_padding_mask, memory_key_padding_mask: (N, L) and (N, S), or (L) and (S): True hides a position from all.
            tgt_is_causal, memory_is_causal: hints that the masks hide exactly the later positions.
        """
        own = tgt_mask, tgt_key_padding_mask, tgt_is_causal
        cross = memory_mask, memory_key_padding_mask, memory_is_causal
        x = tgt
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), *own)
            x = x + self._mha_block(self.norm2(x), memory, *cross)
            return x + self._ff_block(self.norm3(x))
        x = self.norm1(x + self._sa_block(x, *own))
        x = self.norm2(x + self._mha_block(x, memory, *cross))
        return self.norm3(x + self._ff_block(x))

    def _sa_block(self, x, attn_mask, key_padding_mask, is_causal):
        y, _ = self.self_attn(
            x, x, x, attn_mask=attn_mask, key_padding_mask=key_padding_mask, need_weights=False, is_causal=is_causal
        )
        return self.dropout1(y)

    def _mha_block(self, x, memory, attn_mask, key_padding_mask, is_causal):
        y, _ = self.multihead_attn(
            x,
            memory,
            memory,
            attn_mask=attn_mask,
            key_padding_mask=key_padding_mask,
            need_weights=False,
            is_causal=is_causal,
        )
        return self.dropout2(y)

    def _ff_block(self, x):
        return self.dropout3(self.linear2(self.dropout(self.activation(self.linear1(x)))))
