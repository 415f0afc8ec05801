r"""Instance normalization of volumes: each channel of each sample is brought to mean 0 and variance 1 over its voxels.

The formulas, the gradients and the loops are those of `instance_norm`; only the shape of the input is special.

Use it when the brightness and the contrast of a single volume must not matter, as in medical images from several scanners; with
large batches use `BatchNorm3d`.

## Forward

$$y[n, c, d, h, w] = \frac{x[n, c, d, h, w] - \mu[n, c]}{\sqrt{v[n, c] + \varepsilon}} \qquad
\mu[n, c] = \frac{1}{D H W} \sum_{d, h, w} x[n, c, d, h, w]$$

where $v[n, c]$ is the variance of the same elements. With `affine=True` a learned scale and shift per channel follow. With
`track_running_stats=True` the layer keeps running means and variances, and uses them in evaluation.

## Gradients

Those of `instance_norm`, where all dimensions after the channels count as one.

## Worked example

One volume of one channel, with two slices. The mean of its eight voxels is 3, their variance 3. With $\varepsilon = 1$ the root
$\sqrt{3 + 1}$ is 2:

>>> import reftorch as torch
>>> from reftorch import nn
>>> x = torch.tensor([[[[[0., 4],
...                      [4, 4]],
...                     [[4, 4],
...                      [0, 4]]]]])
>>> nn.InstanceNorm3d(1, eps=1)(x)
tensor([[[[[-1.5000,  0.5000],
           [ 0.5000,  0.5000]],
<BLANKLINE>
          [[ 0.5000,  0.5000],
           [-1.5000,  0.5000]]]]])

## Questions

**Over how many elements is each mean taken, for an input of shape (2, 1, 16, 32, 32)?**

>>> 16 * 32 * 32
16384

**How many parameters does the layer have?**

None, unless `affine=True`.

>>> len(list(nn.InstanceNorm3d(3).parameters())), len(list(nn.InstanceNorm3d(3, affine=True).parameters()))
(0, 2)

**Does `eval()` change the output?**

Not by default, because every sample is normalized with its own statistics. With `track_running_stats=True` it does.
"""

from __future__ import annotations

from reftorch.nn.normalization.instance_norm import instance_norm
from reftorch.nn.normalization.instance_norm_nd import _InstanceNorm


class InstanceNorm3d(_InstanceNorm):
    """Instance normalization of volumes, as a layer.

    Args:
        num_features: channels of the input, C.
        eps: added to the variance.
        momentum: fraction by which the running statistics move towards those of each batch; None means that they never change.
        affine: whether each channel has a learned scale and shift.
        track_running_stats: whether to keep running statistics, for evaluation.
        bias: whether there is a shift, if `affine`.

    Attributes: as `BatchNorm3d`; but `num_batches_tracked` stays 0.

    Shapes: input (N, C, D, H, W) or (C, D, H, W); output the same. Errors as `instance_norm`, when the layer is called.

    Raises:
        ValueError: the input has another number of dimensions or, with `affine`, another number of channels.
    """

    def _check_input_dim(self, input):
        if input.dim() not in (4, 5):
            raise ValueError(
                f"expected 4D or 5D input (got {input.dim()}D input): (N, C, D, H, W) or (C, D, H, W), found "
                f"{list(input.shape)}"
            )

    def forward(self, input):
        x, batched = self._checked(input, sample_dims=4)
        y = instance_norm(x, *self._options())
        return y if batched else y.squeeze(0)
