r"""Instance normalization of sequences: each channel of each sample is brought to mean 0 and variance 1 over its positions.

The formulas, the gradients and the loops are those of `instance_norm`; only the shape of the input is special.

Use it when the level and the spread of a single sequence must not matter, such as the loudness of a recording; for vectors, and
for sequences in a Transformer, use `LayerNorm`.

## Forward

$$y[n, c, l] = \frac{x[n, c, l] - \mu[n, c]}{\sqrt{v[n, c] + \varepsilon}} \qquad
\mu[n, c] = \frac{1}{L} \sum_{l} x[n, c, l]$$

where $v[n, c]$ is the variance of the same elements. With `affine=True` a learned scale and shift per channel follow. With
`track_running_stats=True` the layer keeps running means and variances, and uses them in evaluation.

## Gradients

Those of `instance_norm`, where all dimensions after the channels count as one.

## Worked example

Two sequences of one channel. Both have the variance 3, and with $\varepsilon = 1$ the root $\sqrt{3 + 1}$ is 2:

>>> import reftorch as torch
>>> from reftorch import nn
>>> x = torch.tensor([[[0., 4, 4, 4]],
...                   [[9, 9, 9, 5]]])
>>> nn.InstanceNorm1d(1, eps=1)(x)
tensor([[[-1.5000,  0.5000,  0.5000,  0.5000]],
<BLANKLINE>
        [[ 0.5000,  0.5000,  0.5000, -1.5000]]])

## Questions

**What is the output for x multiplied by -1?**

The output multiplied by -1: the mean changes its sign, the variance stays the same.

>>> torch.equal(nn.InstanceNorm1d(1, eps=1)(-x), -nn.InstanceNorm1d(1, eps=1)(x))
True

**How many parameters does the layer have?**

None, unless `affine=True`.

>>> len(list(nn.InstanceNorm1d(3).parameters())), len(list(nn.InstanceNorm1d(3, affine=True).parameters()))
(0, 2)

**Does `eval()` change the output?**

Not by default, because every sample is normalized with its own statistics. With `track_running_stats=True` it does.
"""

from __future__ import annotations

from reftorch.nn.normalization.instance_norm import instance_norm
from reftorch.nn.normalization.instance_norm_nd import _InstanceNorm


class InstanceNorm1d(_InstanceNorm):
    """Instance normalization of sequences, as a layer.

    Args:
        num_features: channels of the input, C.
        eps: added to the variance.
        momentum: fraction by which the running statistics move towards those of each batch; None means that they never change.
        affine: whether each channel has a learned scale and shift.
        track_running_stats: whether to keep running statistics, for evaluation.
        bias: whether there is a shift, if `affine`.

    Attributes: as `BatchNorm1d`; but `num_batches_tracked` stays 0.

    Shapes: input (N, C, L) or (C, L); output the same. Errors as `instance_norm`, when the layer is called.

    Raises:
        ValueError: the input has another number of dimensions or, with `affine`, another number of channels.
    """

    def _check_input_dim(self, input):
        if input.dim() not in (2, 3):
            raise ValueError(
                f"expected 2D or 3D input (got {input.dim()}D input): (N, C, L) or (C, L), found {list(input.shape)}"
            )

    def forward(self, input):
        x, batched = self._checked(input, sample_dims=2)
        y = instance_norm(x, *self._options())
        return y if batched else y.squeeze(0)
