r"""The encoder of a Transformer: a stack of equal layers, each with its own weights.

Use it when every position of a sequence needs a vector that depends on the whole sequence; one layer alone is
`TransformerEncoderLayer`.

## Forward

With the layers $T_1, \ldots, T_M$, each a `TransformerEncoderLayer`:

$$h_0 = x \qquad h_m = T_m(h_{m-1}) \qquad y = \mathrm{LN}(h_M)$$

The last normalization is there if `norm` is given. It is needed with `norm_first=True`, where the layers do not normalize their sums.

## Gradients

Those of the layers, from the last one to the first one:

$$\frac{\partial L}{\partial h_{m-1}} = \left( \frac{\partial T_m}{\partial h_{m-1}} \right)^T \frac{\partial L}{\partial h_m}$$

## Worked example

A layer that only normalizes (the weights that end its two parts are zero), three times: the second and third time change nothing.

>>> import reftorch as torch
>>> from reftorch import nn
>>> layer = nn.TransformerEncoderLayer(d_model=2, nhead=2, dim_feedforward=4, dropout=0.0, batch_first=True)
>>> with torch.no_grad():
...     for weight in (layer.self_attn.out_proj.weight, layer.linear2.weight, layer.linear2.bias):
...         _ = weight.zero_()
>>> encoder = nn.TransformerEncoder(layer, num_layers=3)
>>> encoder(torch.tensor([[[1., 5], [7, 3]]])).detach().round(decimals=3)
tensor([[[-1.,  1.],
         [ 1., -1.]]])

The layers are copies of the one that was given: they begin with equal parameters, but are trained separately.

>>> encoder.layers[0].linear1.weight is encoder.layers[1].linear1.weight
False
>>> bool((encoder.layers[0].linear1.weight == encoder.layers[1].linear1.weight).all())
True

## Questions

**The layers begin with equal weights. Is that a mistake?**

No: the layers have different inputs, so they get different gradients. To begin with different weights, draw new ones, for example with
`nn.init.xavier_uniform_` for each matrix, as `Transformer` does.

**How many layers are needed so that the first position can depend on the last one?**

One, because attention connects all positions directly. A recurrent layer needs as many steps as there are positions.

**Is the layer that was given a part of the encoder?**

No, only its copies are.

>>> any(each is layer for each in encoder.layers)
False

## Differences

- There are no nested tensors. `enable_nested_tensor` is stored, and there is a warning where PyTorch warns. With nested tensors, in
  evaluation without gradients, PyTorch's output is 0 at the padding; here it has the values that all other paths of PyTorch give.
"""

from __future__ import annotations

import copy
import warnings

from reftorch.nn.containers import ModuleList
from reftorch.nn.module import Module
from reftorch.nn.transformer.masks import added_mask, is_causal_mask, sequence_length, warn_of_two_kinds
from reftorch.nn.transformer.transformer_encoder_layer import TransformerEncoderLayer


class TransformerEncoder(Module):
    """A stack of `num_layers` copies of a layer, and a normalization at the end.

    Args:
        encoder_layer: the layer that is copied, a `TransformerEncoderLayer`.
        num_layers: how many copies.
        norm: a module for the output of the last layer, or None.
        enable_nested_tensor, mask_check: stored; there are no nested tensors.

    Attributes: `layers`, `num_layers`, `norm`.

    Shapes: src (S, N, E), (N, S, E) if the layer is `batch_first`, or (S, E); the output the same.

    Warns:
        UserWarning: `enable_nested_tensor` is True, but the layer is of a kind that does not allow them.
    """

    def __init__(self, encoder_layer, num_layers, norm=None, enable_nested_tensor=True, mask_check=True):
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check
        why_not = _no_nested_tensors(encoder_layer)
        self.use_nested_tensor = enable_nested_tensor and not why_not
        if enable_nested_tensor and why_not:
            warnings.warn(
                f"enable_nested_tensor is True, but self.use_nested_tensor is False because {why_not}", stacklevel=2
            )

    def forward(self, src, mask=None, src_key_padding_mask=None, is_causal=None):
        """The sequence after all layers.

        Args:
            src: (S, N, E), (N, S, E) or (S, E).
            mask: (S, S) or (N * nhead, S, S): True hides a position from another one; numbers are added to the scores.
            src_key_padding_mask: (N, S) or (S): True hides a position from all.
            is_causal: whether `mask` hides exactly the later positions; None: find out from the mask.
        """
        warn_of_two_kinds("src_key_padding_mask", src_key_padding_mask, "mask", mask)
        mask = added_mask(mask, "mask", src.dtype)
        padding = added_mask(src_key_padding_mask, "src_key_padding_mask", src.dtype)
        is_causal = is_causal_mask(mask, is_causal, sequence_length(src, self.layers[0].self_attn.batch_first))
        x = src
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=is_causal, src_key_padding_mask=padding)
        return x if self.norm is None else self.norm(x)


def _no_nested_tensors(layer):
    """Why PyTorch would use no nested tensors with this layer, or ""."""
    if not isinstance(layer, TransformerEncoderLayer):
        return "encoder_layer was not TransformerEncoderLayer"
    reasons = [
        (layer.norm_first, "norm_first was True"),
        (
            not layer.self_attn.batch_first,
            "self_attn.batch_first was not True(use batch_first for better inference performance)",
        ),
        (layer.self_attn.in_proj_bias is None, "self_attn was passed bias=False"),
        (not layer.activation_relu_or_gelu, "activation_relu_or_gelu was not True"),
        (layer.norm1.eps != layer.norm2.eps, "norm1.eps was not equal to encoder_layer.norm2.eps"),
        (layer.self_attn.num_heads % 2 == 1, "self_attn.num_heads is odd"),
    ]
    return next((f"encoder_layer.{why}" for applies, why in reasons if applies), "")
