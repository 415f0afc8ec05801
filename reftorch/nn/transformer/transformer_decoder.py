r"""The decoder of a Transformer: a stack of equal layers, each of which also attends to the memory, the output of the encoder.

Use it when a sequence is produced from another one, as in translation; one layer alone is `TransformerDecoderLayer`.

## Forward

With the layers $T_1, \ldots, T_M$, each a `TransformerDecoderLayer`, and the memory $z$, which is the same for all of them:

$$h_0 = x \qquad h_m = T_m(h_{m-1}, z) \qquad y = \mathrm{LN}(h_M)$$

The last normalization is there if `norm` is given.

## Gradients

Every layer attends to the memory, so the gradient of the memory is a sum over the layers:

$$\frac{\partial L}{\partial z} = \sum_{m=1}^{M} \left( \frac{\partial T_m}{\partial z} \right)^T \frac{\partial L}{\partial h_m}$$

## Worked example

A layer that only normalizes (the weights that end its three parts are zero), twice:

>>> import reftorch as torch
>>> from reftorch import nn
>>> layer = nn.TransformerDecoderLayer(d_model=2, nhead=1, dim_feedforward=4, dropout=0.0)
>>> with torch.no_grad():
...     for last in (layer.self_attn.out_proj, layer.multihead_attn.out_proj, layer.linear2):
...         _ = last.weight.zero_(), last.bias.zero_()
>>> decoder = nn.TransformerDecoder(layer, num_layers=2)
>>> target, memory = torch.tensor([[1., 5], [7, 3]]), torch.tensor([[1., 2], [3, 4], [5, 6]])
>>> decoder(target, memory).detach().round(decimals=3)
tensor([[-1.,  1.],
        [ 1., -1.]])

With a causal mask the output at a position does not depend on later ones: a longer target begins with the same output.

>>> _ = torch.manual_seed(0)
>>> decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8, dropout=0.0), 2)
>>> target, memory = torch.randn(3, 4), torch.randn(5, 4)
>>> causal = nn.Transformer.generate_square_subsequent_mask(3)
>>> whole = decoder(target, memory, tgt_mask=causal)
>>> start = decoder(target[:2], memory, tgt_mask=causal[:2, :2])
>>> torch.allclose(whole[:2], start, atol=1e-6)
True

## Questions

**How is a sequence produced that is not known yet?**

Position by position: the decoder gets the positions produced so far, its last output gives the next one, and so on. In training the
whole target is known and all positions are computed at once. With the causal mask both give the same outputs.

**Does the decoder need the causal mask when it produces a sequence?**

Yes. The later positions do not exist yet, but without the mask an earlier position would see the ones produced after it, which it did
not in training.

**Is the memory changed by the layers?**

No, each layer gets the same memory and computes its own keys and values from it.
"""

from __future__ import annotations

import copy

from reftorch.nn.containers import ModuleList
from reftorch.nn.module import Module
from reftorch.nn.transformer.masks import is_causal_mask, sequence_length


class TransformerDecoder(Module):
    """A stack of `num_layers` copies of a layer, and a normalization at the end.

    Args:
        decoder_layer: the layer that is copied, a `TransformerDecoderLayer`.
        num_layers: how many copies.
        norm: a module for the output of the last layer, or None.

    Attributes: `layers`, `num_layers`, `norm`.

    Shapes: tgt (L, N, E), memory (S, N, E), with the batch first if the layer is `batch_first`, or (L, E) and (S, E); the output as tgt.
    """

    def __init__(self, decoder_layer, num_layers, norm=None):
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(decoder_layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt,
        memory,
        tgt_mask=None,
        memory_mask=None,
        tgt_key_padding_mask=None,
        memory_key_padding_mask=None,
        tgt_is_causal=None,
        memory_is_causal=False,
    ):
        """The target after all layers.

        Args:
            tgt: (L, N, E), (N, L, E) or (L, E).
            memory: (S, N, E), (N, S, E) or (S, E): the output of the encoder.
            tgt_mask: (L, L) or (N * nhead, L, L): True hides a position from another one; numbers are added to the scores.
            memory_mask: (L, S) or (N * nhead, L, S): the same for positions of the memory.
            tgt_key_padding_mask, memory_key_padding_mask: (N, L) and (N, S), or (L) and (S): True hides a position from all.
            tgt_is_causal: whether `tgt_mask` hides exactly the later positions; None: find out from the mask.
            memory_is_causal: the same for `memory_mask`.
        """
        length = sequence_length(tgt, self.layers[0].self_attn.batch_first)
        tgt_is_causal = is_causal_mask(tgt_mask, tgt_is_causal, length)
        x = tgt
        for layer in self.layers:
            x = layer(
                x,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=tgt_is_causal,
                memory_is_causal=memory_is_causal,
            )
        return x if self.norm is None else self.norm(x)
