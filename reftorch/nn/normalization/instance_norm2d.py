r"""Instance normalization of images: each channel of each sample is brought to mean 0 and variance 1 over its pixels.

The formulas, the gradients and the loops are those of `instance_norm`; only the shape of the input is special.

Use it when the brightness and the contrast of a single image must not matter, as in the transfer of styles and the generation of
images; for recognition use `BatchNorm2d` or `GroupNorm`.

## Forward

$$y[n, c, h, w] = \frac{x[n, c, h, w] - \mu[n, c]}{\sqrt{v[n, c] + \varepsilon}} \qquad
\mu[n, c] = \frac{1}{H W} \sum_{h, w} x[n, c, h, w]$$

where $v[n, c]$ is the variance of the same elements. With `affine=True` a learned scale and shift per channel follow. With
`track_running_stats=True` the layer keeps running means and variances, and uses them in evaluation.

## Gradients

Those of `instance_norm`, where all dimensions after the channels count as one.

## Worked example

One image of two channels. The second one is a hundred times brighter. With $\varepsilon = 0.00001$ the output does not show this:

>>> import reftorch as torch
>>> from reftorch import nn
>>> x = torch.tensor([[[[0., 2],
...                     [2, 0]],
...                    [[200, 0],
...                     [0, 200]]]])
>>> nn.InstanceNorm2d(2)(x)
tensor([[[[-1.0000,  1.0000],
          [ 1.0000, -1.0000]],
<BLANKLINE>
         [[ 1.0000, -1.0000],
          [-1.0000,  1.0000]]]])

## Questions

**Over how many elements is each mean taken, for an input of shape (8, 3, 32, 32)?**

>>> 32 * 32
1024

**How many parameters does the layer have?**

None, unless `affine=True`.

>>> len(list(nn.InstanceNorm2d(3).parameters())), len(list(nn.InstanceNorm2d(3, affine=True).parameters()))
(0, 2)

**Does `eval()` change the output?**

Not by default, because every sample is normalized with its own statistics. With `track_running_stats=True` it does.
"""

from __future__ import annotations

from reftorch.nn.normalization.instance_norm import instance_norm
from reftorch.nn.normalization.instance_norm_nd import _InstanceNorm


class InstanceNorm2d(_InstanceNorm):
    """Instance normalization of images, as a layer.

    Args:
        num_features: channels of the input, C.
        eps: added to the variance.
        momentum: fraction by which the running statistics move towards those of each batch; None means that they never change.
        affine: whether each channel has a learned scale and shift.
        track_running_stats: whether to keep running statistics, for evaluation.
        bias: whether there is a shift, if `affine`.

    Attributes: as `BatchNorm2d`; but `num_batches_tracked` stays 0.

    Shapes: input (N, C, H, W) or (C, H, W); output the same. Errors as `instance_norm`, when the layer is called.

    Raises:
        ValueError: the input has another number of dimensions or, with `affine`, another number of channels.
    """

    def _check_input_dim(self, input):
        if input.dim() not in (3, 4):
            raise ValueError(
                f"expected 3D or 4D input (got {input.dim()}D input): (N, C, H, W) or (C, H, W), found "
                f"{list(input.shape)}"
            )

    def forward(self, input):
        x, batched = self._checked(input, sample_dims=3)
        y = instance_norm(x, *self._options())
        return y if batched else y.squeeze(0)
