r"""Batch normalization of images: each channel is brought to mean 0 and variance 1 over the batch and all its pixels.

Then each channel gets a learned scale and shift. The formulas, the gradients and the loops are those of `batch_norm`; only the
shape of the input is special.

Use it when a convolutional network is trained on images in batches of 16 or more; with smaller batches use `GroupNorm`, which
does not use the other samples.

## Forward

Mean $\mu$ and variance $v$ of a channel are taken over $N H W$ elements, so that all pixels of an image are treated in the same
way:

$$\mu[c] = \frac{1}{N H W} \sum_{n, h, w} x[n, c, h, w] \qquad
v[c] = \frac{1}{N H W} \sum_{n, h, w} \left( x[n, c, h, w] - \mu[c] \right)^2$$

$$y[n, c, h, w] = W[c] \, \frac{x[n, c, h, w] - \mu[c]}{\sqrt{v[c] + \varepsilon}} + b[c]$$

In training the layer also keeps running means and variances; in evaluation it uses them in place of $\mu$ and $v$.

## Gradients

Those of `batch_norm`, where all dimensions after the channels count as one. A scale and a shift are used at every position, so
their gradients are sums over all positions:

$$\frac{\partial L}{\partial W}[c] = \sum_{n, h, w} \frac{\partial L}{\partial y}[n, c, h, w] \, \hat x[n, c, h, w] \qquad
\frac{\partial L}{\partial b}[c] = \sum_{n, h, w} \frac{\partial L}{\partial y}[n, c, h, w]$$

## Worked example

Two images of one channel, with two rows and two columns. The mean of the eight pixels is 3, their variance 3. With
$\varepsilon = 1$ the root $\sqrt{3 + 1}$ is 2:

>>> import reftorch as torch
>>> from reftorch import nn
>>> x = torch.tensor([[[[0., 4],
...                     [4, 4]]],
...                   [[[4, 4],
...                     [0, 4]]]])
>>> layer = nn.BatchNorm2d(1, eps=1)
>>> layer(x)
tensor([[[[-1.5000,  0.5000],
          [ 0.5000,  0.5000]]],
<BLANKLINE>
<BLANKLINE>
        [[[ 0.5000,  0.5000],
          [-1.5000,  0.5000]]]], grad_fn=<NativeBatchNormBackward0>)
>>> layer.num_batches_tracked
tensor(1)

## Questions

**Over how many elements is the mean of a channel taken, for an input of shape (16, 64, 28, 28)?**

>>> 16 * 28 * 28
12544

**How many learned parameters does BatchNorm2d(64) have?**

A scale and a shift for each channel, whatever the size of the images.

>>> sum(p.numel() for p in nn.BatchNorm2d(64).parameters())
128

**Why not one scale for each pixel?**

A convolution computes every pixel of a channel with the same filter, so its pixels have the same meaning. With one scale per
channel the network also takes images of any size.

**What happens with a single image in training?**

It works: mean and variance are those of its own pixels. An image with a single pixel raises an error.
"""

from __future__ import annotations

from reftorch.nn.normalization.batch_norm import batch_norm
from reftorch.nn.normalization.batch_norm_nd import _BatchNorm


class BatchNorm2d(_BatchNorm):
    """Batch normalization of images, as a layer.

    Args, attributes and errors as `BatchNorm1d`.

    Shapes: input (N, C, H, W); output the same.

    Raises:
        ValueError: the input has another number of dimensions.
    """

    def _check_input_dim(self, input):
        if input.dim() != 4:
            raise ValueError(f"expected 4D input (got {input.dim()}D input): (N, C, H, W), found {list(input.shape)}")

    def forward(self, input):
        self._check_input_dim(input)
        mean, var, of_batch, momentum = self._statistics()
        return batch_norm(input, mean, var, self.weight, self.bias, of_batch, momentum, self.eps)
