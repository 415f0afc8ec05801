r"""Batch normalization of vectors, or of sequences with channels: each feature is brought to mean 0 and variance 1 over the batch.

Then each feature gets a learned scale and shift. The formulas, the gradients and the loops are those of `batch_norm`; only the
shape of the input is special.

Use it when the input is a batch of vectors, after a linear layer, or of sequences, after `Conv1d`; for images use `BatchNorm2d`;
if a batch is small, or its samples must not influence each other, use `LayerNorm`.

## Forward

For vectors, mean $\mu$ and variance $v$ of each feature are taken over the $N$ samples of the batch:

$$y[n, c] = W[c] \, \frac{x[n, c] - \mu[c]}{\sqrt{v[c] + \varepsilon}} + b[c]$$

For sequences of length $L$ they are taken over samples and positions, $N L$ elements:

$$y[n, c, l] = W[c] \, \frac{x[n, c, l] - \mu[c]}{\sqrt{v[c] + \varepsilon}} + b[c] \qquad
\mu[c] = \frac{1}{N L} \sum_{n, l} x[n, c, l]$$

In training the layer also keeps running means and variances; in evaluation it uses them in place of $\mu$ and $v$.

## Gradients

Those of `batch_norm`, with $D = 1$ for vectors and $D = L$ for sequences. In evaluation the layer is linear, and
$\frac{\partial L}{\partial x} = \frac{W}{\sqrt{v + \varepsilon}} \, \frac{\partial L}{\partial y}$.

## Worked example

Four vectors of two features, with means 3 and 13 and variances 3. With $\varepsilon = 1$ the root $\sqrt{3 + 1}$ is 2:

>>> import reftorch as torch
>>> from reftorch import nn
>>> x = torch.tensor([[0., 14],
...                   [4, 14],
...                   [4, 14],
...                   [4, 10]])
>>> layer = nn.BatchNorm1d(2, eps=1, momentum=0.5)
>>> layer(x)
tensor([[-1.5000,  0.5000],
        [ 0.5000,  0.5000],
        [ 0.5000,  0.5000],
        [ 0.5000, -1.5000]], grad_fn=<NativeBatchNormBackward0>)

Its running statistics started with mean 0 and variance 1 and moved half of the way to the means and to the unbiased variances,
$12 / 3 = 4$:

>>> layer.running_mean, layer.running_var
(tensor([1.5000, 6.5000]), tensor([2.5000, 2.5000]))

## Questions

**How many learned parameters does BatchNorm1d(100) have?**

Two per feature, whatever the length of the sequences.

>>> sum(p.numel() for p in nn.BatchNorm1d(100).parameters())
200

**The same sample gives two results in training, but one in evaluation. Why?**

In training the other samples of the batch are part of the mean and the variance. In evaluation these are fixed.

**In which dimension are the features of a batch of sequences, (N, C, L)?**

In the second one. A batch of shape (N, L, C), as Transformers use it, must be transposed first.
"""

from __future__ import annotations

from reftorch.nn.normalization.batch_norm import batch_norm
from reftorch.nn.normalization.batch_norm_nd import _BatchNorm


class BatchNorm1d(_BatchNorm):
    """Batch normalization of vectors, or of sequences with channels, as a layer.

    Args:
        num_features: channels of the input, C.
        eps: added to the variance.
        momentum: fraction by which the running statistics move towards those of each batch; None gives the average over all
            batches.
        affine: whether each channel has a learned scale and shift.
        track_running_stats: whether to keep running statistics; without them, evaluation uses those of the batch.
        bias: whether there is a shift, if `affine`.

    Attributes: `weight` (C), ones, and `bias` (C), zeros; the buffers `running_mean` (C), zeros, `running_var` (C),
    ones, and `num_batches_tracked`, the number of batches so far. A parameter or buffer that the layer does not have is None.

    Shapes: input (N, C) or (N, C, L); output the same. Errors as `batch_norm`, when the layer is called.

    Raises:
        ValueError: the input has another number of dimensions.
    """

    def _check_input_dim(self, input):
        if input.dim() not in (2, 3):
            raise ValueError(
                f"expected 2D or 3D input (got {input.dim()}D input): (N, C) or (N, C, L), found {list(input.shape)}"
            )

    def forward(self, input):
        self._check_input_dim(input)
        mean, var, of_batch, momentum = self._statistics()
        return batch_norm(input, mean, var, self.weight, self.bias, of_batch, momentum, self.eps)
