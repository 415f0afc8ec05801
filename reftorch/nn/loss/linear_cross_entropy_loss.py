r"""Cross entropy of a linear layer: the last layer of a classifier and its loss, as one module.

The input is the output of the last hidden layer. The module holds the matrix that turns it into one logit for each class.

Use it when the logits are needed for this loss only, as in the training of language models; `Linear` followed by
`CrossEntropyLoss` gives the same loss and also the logits.

## Forward

Let $x$ be the input of one sample, $W$ the matrix with one row for each class, and $b$ the bias, if there is one. The logits are
those of a linear layer, and the loss is that of `cross_entropy` for the label $y$:

$$z = W x + b \qquad l = - \log \frac{e^{z[y]}}{\sum_c e^{z[c]}}$$

With further dimensions $d_1, \dots, d_K$ (`out_features`), $W$ has the shape $(C, d_1, \dots, d_K, D)$: each position has its own
linear layer and its own loss. Class weights, `ignore_index`, `label_smoothing` and `reduction` are those of `cross_entropy`, and
so are targets that hold probabilities.

## Gradients

With $g = \partial L / \partial l$ and the predicted probabilities $p$, cross entropy gives $g (p - q)$ for the logits, where $q$ is 1
for the label and 0 otherwise. In the linear layer, the gradient of one factor is this gradient times the other factor:

$$\frac{\partial L}{\partial z} = g \, (p - q) \qquad \frac{\partial L}{\partial x} = W^T \frac{\partial L}{\partial z} \qquad
\frac{\partial L}{\partial W} = \frac{\partial L}{\partial z} \, x^T \qquad
\frac{\partial L}{\partial b} = \frac{\partial L}{\partial z}$$

## Output size

That of `cross_entropy`: a number; with `reduction="none"` the shape of class labels, $(N)$ or $(N, d_1, \dots, d_K)$.

## Worked example

Two classes whose rows are (1, 0) and (0, 1): the logits are the input itself. The probabilities are in the ratio 3 : 1, and class
0 is right:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[3., 1]]).log().requires_grad_()
>>> weight = torch.eye(2).requires_grad_()
>>> loss = F.linear_cross_entropy(x, weight, torch.tensor([0]))
>>> loss
tensor(0.2877, grad_fn=<NllLossBackward0>)
>>> loss.backward()
>>> x.grad
tensor([[-0.2500,  0.2500]])

The two steps give the same loss:

>>> F.cross_entropy(F.linear(x, weight), torch.tensor([0])).item() == loss.item()
True

## Questions

**What takes the most memory in a language model's loss?**

The logits: a batch of 8192 tokens and 128,000 classes in float32 takes $8192 \cdot 128000 \cdot 4$ bytes, 4.2 GB, and their
gradient takes the same amount again.

>>> 8192 * 128_000 * 4 / 1e9
4.194304

**What do PyTorch's `options` do about it?**

They compute the loss in pieces of the batch, so that only the logits of one piece exist at a time. The results are the same up to
rounding. With the mean and the sum, the gradients are also computed in forward, piece by piece, and kept. So a second backward
needs `allow_retain_graph=True`. By default, approximately, the logits of a piece take at most as much memory as the input, and
more than half of it:

>>> from reftorch.nn.loss.linear_cross_entropy_options import piece_size
>>> piece_size(torch.nn.LinearCrossEntropyOptions(), 8192, 1024, 128_000, torch.float32)
64

**Can a batch contain tokens that are only padding?**

Yes, it can leave them out: give them the label `ignore_index`, -100 by default. They add nothing, and the mean does not count
them.

>>> two = torch.tensor([[3., 1], [5, 5]]).log()
>>> F.linear_cross_entropy(two, torch.eye(2), torch.tensor([0, -100]))
tensor(0.2877)

## Differences

- `acc_policy` and `acc_dtype` of `options` concern sums of float16 and bfloat16, which no kernel here takes.
- In pieces, a label outside the classes raises IndexError as it does without `options`; PyTorch raises RuntimeError. More labels
than samples raise ValueError; PyTorch takes the first ones.
"""

from __future__ import annotations

import math
import warnings

from reftorch.nn.linear.linear import Linear, linear
from reftorch.nn.loss.classes import check_class_weight, check_label_range, check_label_shape
from reftorch.nn.loss.cross_entropy_loss import cross_entropy
from reftorch.nn.loss.linear_cross_entropy_options import piece_size
from reftorch.nn.loss.linear_cross_entropy_pieces import in_pieces
from reftorch.nn.loss.pointwise import check_have_sizes
from reftorch.nn.loss.reduction import _WeightedLoss
from reftorch.types import int64


def linear_cross_entropy(
    input,
    linear_weight,
    target,
    *,
    linear_bias=None,
    weight=None,
    reduction="mean",
    ignore_index=None,
    label_smoothing=0.0,
    options=None,
):
    """Cross entropy between `linear(input, linear_weight, linear_bias)` and classes, or probabilities of classes.

    Shapes: `input` (N, D) or (D); `linear_weight` (C, D) or (C, d1, ..., dK, D); `linear_bias` the same without the D; `target` as
    for `cross_entropy` with logits (N, C, d1, ..., dK); `weight` (C). `options`: an nn.LinearCrossEntropyOptions, to compute in
    pieces; if that is not possible, a warning says so.

    Raises:
        RuntimeError: shapes do not fit, or `ignore_index` is given with probabilities.
        ValueError: `options` give two different sizes of a piece.
        AttributeError: a tensor, or `options`, has the wrong type. Further errors as `cross_entropy`.
    """
    check_have_sizes("linear_cross_entropy", input=input, linear_weight=linear_weight, target=target)
    _check_shapes(input, linear_weight, linear_bias)
    C, *positions, D = linear_weight.shape
    shape = (*input.shape[:-1], C, *positions)
    if ignore_index is not None and target.shape == shape:
        raise RuntimeError(
            "linear_cross_entropy: ignore_index cannot be specified when target contains probabilities: to leave a sample "
            "out, make all its probabilities 0"
        )
    if options is not None and _can_be_in_pieces(positions, reduction, label_smoothing, target):
        return _in_pieces(input, linear_weight, target, linear_bias, weight, ignore_index, reduction, options)
    rows = C * math.prod(positions)
    bias = None if linear_bias is None else linear_bias.reshape(rows)
    logits = linear(input, linear_weight.reshape(rows, D), bias).reshape(shape)
    return cross_entropy(
        logits,
        target,
        weight=weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def _can_be_in_pieces(positions, reduction, label_smoothing, target):
    """Whether this loss can be computed in pieces; if not, a warning says why."""
    if not positions and label_smoothing == 0 and target.dtype is int64 and reduction in ("mean", "sum", "none"):
        return True
    warnings.warn(
        "linear_cross_entropy: `options` ignored: pieces need a reduction in {'mean', 'sum', 'none'}, label_smoothing == 0, "
        f"target.dtype == torch.int64 and out_features == (); found reduction={reduction!r}, label_smoothing={label_smoothing}, "
        f"target.dtype={target.dtype}, out_features={tuple(positions)}",
        stacklevel=3,
    )
    return False


def _in_pieces(input, linear_weight, target, linear_bias, weight, ignore_index, reduction, options):
    """`linear_cross_entropy` with `options`, of class indices."""
    if not hasattr(options, "chunking_method"):
        raise AttributeError(
            f"linear_cross_entropy: options must be an nn.LinearCrossEntropyOptions or None, found {type(options).__name__}"
        )
    is_one = input.dim() == 1
    x, labels = (input.unsqueeze(0), target.unsqueeze(0)) if is_one else (input, target)
    (N, D), C = x.shape, linear_weight.shape[0]
    size = piece_size(options, N, D, C, x.dtype)
    ignore_index = -100 if ignore_index is None else ignore_index
    logits = x.detach()[:, :1].expand(N, C)  # only their shape is used
    check_label_shape(logits, labels)
    check_label_range(labels, C, ignore_index)
    if weight is not None:
        check_class_weight(weight, logits)
        weight = weight.detach().to(x.dtype)
    y = in_pieces(
        x, linear_weight, labels, linear_bias, weight, ignore_index, reduction, size, options.allow_retain_graph
    )
    return y.squeeze(0) if is_one else y


def _check_shapes(input, linear_weight, linear_bias):
    """Raise RuntimeError unless the three fit together."""
    if input.dim() not in (1, 2):
        raise RuntimeError(
            f"linear_cross_entropy: expected input with dimensionality 1 or 2, got {input.dim()}: wanted (N, D) or (D), found "
            f"{list(input.shape)}"
        )
    if linear_weight.dim() < 2:
        raise RuntimeError(
            f"linear_cross_entropy: expected linear_weight with dimensionality at least 2, got {linear_weight.dim()}: wanted (C, D)"
        )
    if input.shape[-1] != linear_weight.shape[-1]:
        raise RuntimeError(
            "linear_cross_entropy: expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and {linear_weight.shape[-1]}, respectively"
        )
    if linear_bias is not None and linear_bias.shape != linear_weight.shape[:-1]:
        raise RuntimeError(
            f"linear_cross_entropy: expected linear_bias shape {tuple(linear_weight.shape[:-1])}, got {tuple(linear_bias.shape)}"
        )
    if linear_weight.dim() > 2 and input.dim() == 1:
        raise RuntimeError(
            f"linear_cross_entropy: K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires batched "
            f"input, (N, {input.shape[-1]}), got unbatched input with shape {tuple(input.shape)}"
        )


class LinearCrossEntropyLoss(_WeightedLoss):
    """A linear layer and cross entropy, as one module. The layer is `linear`; its weight is kept as a matrix.

    Args:
        in_features: size of each input sample.
        num_classes: number of classes.
        out_features: further dimensions, a tuple: each position has its own layer and loss.
        bias: add a learnable bias to the logits.
        weight: how much each class counts, (C).
        reduction, ignore_index, label_smoothing: as `CrossEntropyLoss`.
        options: an nn.LinearCrossEntropyOptions, to compute in pieces of the batch; None: all at once.

    Shapes: input (N, in_features) or (in_features), target as `linear_cross_entropy`, which raises the errors when it is called.

    Raises:
        RuntimeError: `weight` has another shape than (num_classes), or `label_smoothing` is not between 0 and 1.
    """

    def __init__(
        self,
        in_features,
        num_classes,
        *,
        out_features=(),
        bias=False,
        device=None,
        dtype=None,
        reduction="mean",
        weight=None,
        ignore_index=None,
        label_smoothing=0.0,
        options=None,
    ):
        if weight is not None and weight.shape != (num_classes,):
            raise RuntimeError(
                f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}: one number for each class"
            )
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(f"expected label_smoothing to be in range [0, 1], got {label_smoothing}: it is a share")
        super().__init__(weight=weight, reduction=reduction)
        self.num_classes, self.out_features = num_classes, out_features
        self.ignore_index, self.label_smoothing, self.options = ignore_index, label_smoothing, options
        rows = num_classes * math.prod(out_features)
        self.linear = Linear(in_features, rows, bias=bias, device=device, dtype=dtype)

    def forward(self, input, target):
        shape = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return linear_cross_entropy(
            input,
            self.linear.weight.reshape(*shape, self.linear.in_features),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self):
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, out_features={self.out_features}, "
            f"bias={self.linear.bias is not None}, reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
