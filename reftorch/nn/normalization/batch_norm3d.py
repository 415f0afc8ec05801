r"""Batch normalization of volumes: each channel is brought to mean 0 and variance 1 over the batch and all its voxels.

Then each channel gets a learned scale and shift. The formulas, the gradients and the loops are those of `batch_norm`; only the
shape of the input is special.

Use it when a convolutional network is trained on volumes or on videos, after `Conv3d`; volumes are large, so batches are often
small, and then `GroupNorm` is the better choice.

## Forward

Mean $\mu$ and variance $v$ of a channel are taken over $N D H W$ elements, so that all voxels of a volume are treated in the same
way:

$$\mu[c] = \frac{1}{N D H W} \sum_{n, d, h, w} x[n, c, d, h, w] \qquad
v[c] = \frac{1}{N D H W} \sum_{n, d, h, w} \left( x[n, c, d, h, w] - \mu[c] \right)^2$$

$$y[n, c, d, h, w] = W[c] \, \frac{x[n, c, d, h, w] - \mu[c]}{\sqrt{v[c] + \varepsilon}} + b[c]$$

In training the layer also keeps running means and variances; in evaluation it uses them in place of $\mu$ and $v$.

## Gradients

Those of `batch_norm`, where all dimensions after the channels count as one. A scale and a shift are used at every position, so
their gradients are sums over all positions:

$$\frac{\partial L}{\partial W}[c] = \sum_{n, d, h, w} \frac{\partial L}{\partial y}[n, c, d, h, w] \, \hat x[n, c, d, h, w] \qquad
\frac{\partial L}{\partial b}[c] = \sum_{n, d, h, w} \frac{\partial L}{\partial y}[n, c, d, h, w]$$

## Worked example

One volume of one channel, with two slices of two rows and two columns. The mean of the eight voxels is 3, their variance 3.
With $\varepsilon = 1$ the root $\sqrt{3 + 1}$ is 2:

>>> import reftorch as torch
>>> from reftorch import nn
>>> x = torch.tensor([[[[[0., 4],
...                      [4, 4]],
...                     [[4, 4],
...                      [0, 4]]]]])
>>> layer = nn.BatchNorm3d(1, eps=1)
>>> layer(x)
tensor([[[[[-1.5000,  0.5000],
           [ 0.5000,  0.5000]],
<BLANKLINE>
          [[ 0.5000,  0.5000],
           [-1.5000,  0.5000]]]]], grad_fn=<NativeBatchNormBackward0>)
>>> layer.running_mean
tensor([0.3000])

## Questions

**Why is the running mean 0.3 after this batch?**

It starts at 0 and moves by the fraction 0.1, the momentum, towards 3.

**Is the result the same as that of BatchNorm2d for an input of shape (N, C, D * H, W)?**

Yes: mean and variance do not depend on how the voxels are arranged.

>>> same = nn.BatchNorm2d(1, eps=1)(x.reshape(1, 1, 4, 2)).reshape(x.shape)
>>> torch.equal(layer(x), same)
True

**For a video, are the frames normalized separately?**

No, mean and variance of a channel are taken over all frames of all samples.
"""

from __future__ import annotations

from reftorch.nn.normalization.batch_norm import batch_norm
from reftorch.nn.normalization.batch_norm_nd import _BatchNorm


class BatchNorm3d(_BatchNorm):
    """Batch normalization of volumes, as a layer.

    Args, attributes and errors as `BatchNorm1d`.

    Shapes: input (N, C, D, H, W); output the same.

    Raises:
        ValueError: the input has another number of dimensions.
    """

    def _check_input_dim(self, input):
        if input.dim() != 5:
            raise ValueError(
                f"expected 5D input (got {input.dim()}D input): (N, C, D, H, W), found {list(input.shape)}"
            )

    def forward(self, input):
        self._check_input_dim(input)
        mean, var, of_batch, momentum = self._statistics()
        return batch_norm(input, mean, var, self.weight, self.bias, of_batch, momentum, self.eps)
