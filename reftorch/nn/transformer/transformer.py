r"""The Transformer: an encoder reads the source, a decoder produces the target. Only attention connects the positions.

Its input and output are vectors, one for each position. `nn.Embedding` turns words into vectors, a positional encoding is added to them,
and a `Linear` turns the output into scores of words.

Use it when one sequence is turned into another one of another length, as in translation; for a label of a sequence the
`TransformerEncoder` alone is enough, and for long sequences with little data `LSTM` is cheaper.

## Forward

$$z = \mathrm{encoder}(x) \qquad y = \mathrm{decoder}(t, z)$$

with the source $x$, the target $t$ and the memory $z$. Encoder and decoder are stacks of `TransformerEncoderLayer` and
`TransformerDecoderLayer`, each followed by a layer normalization.

Three masks say which position sees which: `src_mask` within the source, `tgt_mask` within the target, and `memory_mask` from positions
of the target to positions of the source. `tgt_mask` is nearly always the causal one,

$$m[i, j] = 0 \ \text{for} \ j \le i, \qquad m[i, j] = -\infty \ \text{for} \ j > i$$

which `generate_square_subsequent_mask` gives. The three `..._key_padding_mask` hide the padding of short sequences of a batch.

## Gradients

Those of the two stacks. The source gets its gradient through the memory alone:

$$\frac{\partial L}{\partial x} = \left( \frac{\partial z}{\partial x} \right)^T \frac{\partial L}{\partial z} \qquad
\frac{\partial L}{\partial z} = \sum_{m} \left( \frac{\partial T_m}{\partial z} \right)^T \frac{\partial L}{\partial h_m}$$

where $T_m$ is a layer of the decoder and $h_m$ its output.

## Worked example

>>> import reftorch as torch
>>> from reftorch import nn
>>> nn.Transformer.generate_square_subsequent_mask(3)
tensor([[0., -inf, -inf],
        [0., 0., -inf],
        [0., 0., 0.]])

A source of four positions and a target of three. With the mask a change of the last position of the target changes the last position of
the output only:

>>> _ = torch.manual_seed(0)
>>> model = nn.Transformer(d_model=4, nhead=2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=8, dropout=0.0)
>>> source, target = torch.randn(4, 4), torch.randn(3, 4)
>>> causal = nn.Transformer.generate_square_subsequent_mask(3)
>>> y = model(source, target, tgt_mask=causal)
>>> target[2] += 1
>>> (model(source, target, tgt_mask=causal) - y).abs().amax(1) > 1e-4
tensor([False, False,  True])

A change of the source changes everything:

>>> source[0] += 1
>>> (model(source, target, tgt_mask=causal) - y).abs().amax(1) > 1e-4
tensor([True, True, True])

## Questions

**How many parameters does the Transformer of the paper have, without embeddings?**

Six layers of each kind and two normalizations:

>>> 6 * 3152384 + 6 * 4204032 + 2 * 2 * 512
44140544

**Why is the target shifted by one position in training?**

The output at position $i$ must predict the word at position $i + 1$ of the decoder's input. So the decoder gets a word for "begin" and
then the target without its last word. The loss compares the output with the target itself.

**Does the model know the order of the source without positional encodings?**

No: without them in its input, the encoder treats the source as a set.

**Which parameters does a new Transformer have, with the same `manual_seed` as in PyTorch?**

The same, bit for bit. The layers of a stack are copies first; then new values are drawn for every matrix (`xavier_uniform_`), and the
biases stay.
"""

from __future__ import annotations

from reftorch.nn.activation.relu import relu
from reftorch.nn.init import xavier_uniform_
from reftorch.nn.module import Module
from reftorch.nn.normalization.layer_norm import LayerNorm
from reftorch.nn.transformer.masks import square_subsequent_mask
from reftorch.nn.transformer.transformer_decoder import TransformerDecoder
from reftorch.nn.transformer.transformer_decoder_layer import TransformerDecoderLayer
from reftorch.nn.transformer.transformer_encoder import TransformerEncoder
from reftorch.nn.transformer.transformer_encoder_layer import TransformerEncoderLayer


class Transformer(Module):
    """An encoder and a decoder.

    Args:
        d_model: size of the vector of a position, E.
        nhead: number of heads, which divides E.
        num_encoder_layers, num_decoder_layers: how many layers the stacks have.
        dim_feedforward: number of hidden elements of the feedforward networks.
        dropout: probability of dropout in training.
        activation: of the feedforward networks: "relu", "gelu" or a function of a tensor.
        custom_encoder, custom_decoder: modules in the place of the stacks.
        layer_norm_eps: added to the variances of the normalizations.
        batch_first: the shapes are (N, S, E) instead of (S, N, E).
        norm_first: normalize before each part of a layer instead of behind the sum.
        bias: whether linear layers and normalizations have a bias.

    Attributes: `encoder`, `decoder`, `d_model`, `nhead`, `batch_first`.

    Shapes: src (S, N, E) or (S, E), tgt (L, N, E) or (L, E); the output as tgt.

    Raises:
        AssertionError: nhead does not divide d_model.
        RuntimeError: another name of an activation; sizes do not fit together, when the model is called.
    """

    def __init__(
        self,
        d_model=512,
        nhead=8,
        num_encoder_layers=6,
        num_decoder_layers=6,
        dim_feedforward=2048,
        dropout=0.1,
        activation=relu,
        custom_encoder=None,
        custom_decoder=None,
        layer_norm_eps=1e-5,
        batch_first=False,
        norm_first=False,
        bias=True,
        device=None,
        dtype=None,
    ):
        super().__init__()
        place = dict(device=device, dtype=dtype)
        options = (dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        if custom_encoder is None:
            layer = TransformerEncoderLayer(d_model, nhead, *options, **place)
            norm = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place)
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, norm)
        self.encoder = custom_encoder
        if custom_decoder is None:
            step = TransformerDecoderLayer(d_model, nhead, *options, **place)
            norm = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place)
            custom_decoder = TransformerDecoder(step, num_decoder_layers, norm)
        self.decoder = custom_decoder
        self._reset_parameters()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def _reset_parameters(self):
        """Draw new values for all matrices; vectors (biases, normalizations) stay."""
        for parameter in self.parameters():
            if parameter.dim() > 1:
                xavier_uniform_(parameter)

    def forward(
        self,
        src,
        tgt,
        src_mask=None,
        tgt_mask=None,
        memory_mask=None,
        src_key_padding_mask=None,
        tgt_key_padding_mask=None,
        memory_key_padding_mask=None,
        src_is_causal=None,
        tgt_is_causal=None,
        memory_is_causal=False,
    ):
        """The output of the decoder for every position of the target.

        Args:
            src, tgt: source and target.
            src_mask, tgt_mask, memory_mask: (S, S), (L, L) and (L, S), or one for each head, (N * nhead, ...): True hides a position from
                another one; numbers are added to the scores.
            src_key_padding_mask, tgt_key_padding_mask, memory_key_padding_mask: (N, S), (N, L) and (N, S): True hides a position
            from all. src_is_causal, tgt_is_causal, memory_is_causal: whether a mask hides exactly the later positions; None: find
            out from the mask.
        """
        batch = 0 if self.batch_first else 1
        if src.dim() == 3 and src.shape[batch] != tgt.shape[batch]:
            raise RuntimeError(
                f"the batch number of src and tgt must be equal, but src is {list(src.shape)} and tgt {list(tgt.shape)}, with the batch "
                f"in dimension {batch} (batch_first={self.batch_first})"
            )
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError(
                f"the feature number of src and tgt must be equal to d_model, {self.d_model}, but their last dimensions are "
                f"{src.shape[-1]} and {tgt.shape[-1]}"
            )
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz, device=None, dtype=None):
        """A matrix (sz, sz) that is 0 on and below the diagonal and -inf above it: a position does not see later ones."""
        return square_subsequent_mask(sz, device, dtype)
