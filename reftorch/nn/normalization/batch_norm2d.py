r"""Batch normalization of images: in each channel, all pixels of all images of the batch together get mean 0 and variance 1.

Then each channel is multiplied by a learned scale, and a learned shift is added. The formulas, the gradients and the loops are those of
`batch_norm`; only the shape of the input is special.

Use it when a convolutional network is trained on images in batches of 16 or more; with smaller batches use `GroupNorm`, which
does not use the other samples.

## Forward

A channel has $N H W$ elements: $N$ images with $H$ rows and $W$ columns. Its mean $\mu$ and its variance $v$ are taken over all of them,
so all pixels of an image are treated in the same way:

$$\mu[c] = \frac{1}{N H W} \sum_{n, h, w} x[n, c, h, w] \qquad
v[c] = \frac{1}{N H W} \sum_{n, h, w} \left( x[n, c, h, w] - \mu[c] \right)^2$$

$$y[n, c, h, w] = W[c] \, \frac{x[n, c, h, w] - \mu[c]}{\sqrt{v[c] + \varepsilon}} + b[c]$$

This is the training mode. In this mode each batch also updates two buffers, `running_mean` and `running_var`, which follow $\mu$ and $v$
slowly. After `layer.eval()` the layer uses the buffers in place of $\mu$ and $v$, and does not change them.

## Gradients

The gradients are those of `batch_norm`, with rows and columns counted as one dimension. $\hat x$ is the normalized input, before the scale
and the shift. One scale and one shift serve all elements of a channel, so their gradients are sums over these elements:

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

**Why does the same image give another output after `eval()`?**

In training mode $\mu$ and $v$ are those of the batch, so an output depends on the other images too. A prediction should not, and it has to
work for one image. So the evaluation mode uses the running mean and variance. They begin at 0 and 1. With `momentum=0.1` the first batch,
with the mean 3, moved the running mean by a tenth of the way from 0 to 3. After one batch it is still far from 3; after many it is near:

>>> layer.running_mean
tensor([0.3000])
>>> layer = layer.eval()
>>> layer(x[:1])
tensor([[[[-0.2003,  2.4706],
          [ 2.4706,  2.4706]]]], grad_fn=<NativeBatchNormBackward0>)
>>> layer.running_mean
tensor([0.3000])

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
