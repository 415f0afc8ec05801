"""`linear_cross_entropy` in pieces of the batch: the same results, but only the logits of one piece are in memory at a time.

For the mean and the sum, the gradients of a piece are computed in forward, directly after its loss. Then its logits are freed.
The gradients, which have the shapes of the inputs, are kept. Backward only multiplies them by the upstream gradient, which is one
number. With `reduction="none"` the upstream gradient has one number per sample, which forward does not know. So backward computes
the logits of each piece a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from reftorch.autograd import Function, enable_grad, grad
from reftorch.nn.linear.linear import linear
from reftorch.nn.loss.cross_entropy_loss import cross_entropy


def _pieces(N: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, N, size))


def _gradients(inputs: list, needed: list[bool], N: int, size: int, piece_loss: Callable) -> tuple[Any, list]:
    """The sum of `piece_loss(place, x of the piece, weight, bias)` over all pieces, and its gradients; None where not needed."""
    x, *parameters = inputs
    total = x.new_zeros(())
    gradients = [each.new_zeros(each.shape) if wanted else None for each, wanted in zip(inputs, needed)]
    for place in _pieces(N, size):
        with enable_grad():  # a computation graph of this piece only
            leaves: list = [None if tensor is None else tensor.detach() for tensor in (x[place], *parameters)]
            wanted = [leaf.requires_grad_() for leaf, is_wanted in zip(leaves, needed) if is_wanted]
            loss = piece_loss(place, *leaves)
        total += loss.detach()
        found = iter(grad(loss, wanted) if wanted else ())
        for i, gradient in enumerate(gradients):
            if gradient is not None:
                of_piece = gradient[place] if i == 0 else gradient
                of_piece += next(found)
    return total, gradients


class SumInPiecesFunction(Function):
    """The sum of the losses of all samples; for the mean it is divided by `divisor`, a tensor or None."""

    @staticmethod
    def forward(ctx, x, weight, bias, losses, divisor, size, keeps):
        def piece_loss(place, *inputs):
            return losses(place, *inputs).sum()

        needed = list(ctx.needs_input_grad[:3])
        loss, gradients = _gradients([x, weight, bias], needed, x.shape[0], size, piece_loss)
        ctx.gradients, ctx.divisor, ctx.keeps = gradients, divisor, keeps
        return loss if divisor is None else loss / divisor

    @staticmethod
    def backward(ctx, grad_y):
        if ctx.gradients is None:
            raise RuntimeError(
                "linear_cross_entropy chunked backward called twice; retain_graph=True needs "
                "LinearCrossEntropyOptions(allow_retain_graph=True), which keeps the gradients that forward computed"
            )
        gradients = ctx.gradients
        if not ctx.keeps:
            ctx.gradients = None
        if ctx.divisor is not None:
            grad_y = grad_y / ctx.divisor
        return *(None if each is None else each * grad_y for each in gradients), None, None, None, None


class EachInPiecesFunction(Function):
    """The loss of each sample. Backward computes the logits once more."""

    @staticmethod
    def forward(ctx, x, weight, bias, losses, size):
        ctx.save_for_backward(x, weight, bias)
        ctx.losses, ctx.size = losses, size
        y = x.new_empty(x.shape[0])
        for place in _pieces(x.shape[0], size):
            y[place] = losses(place, x[place], weight, bias)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, weight, bias = ctx.saved_tensors

        def piece_loss(place, *inputs):
            return (ctx.losses(place, *inputs) * grad_y[place]).sum()

        needed = list(ctx.needs_input_grad[:3])
        _, gradients = _gradients([x, weight, bias], needed, x.shape[0], ctx.size, piece_loss)
        return *gradients, None, None


def in_pieces(x, linear_weight, target, linear_bias, weight, ignore_index, reduction, size, keeps):
    """Cross entropy of `linear(x, linear_weight, linear_bias)`, `size` samples at a time. x (N, D), target (N) of int64."""

    def losses(place, x, linear_weight, linear_bias):
        logits = linear(x, linear_weight, linear_bias)
        return cross_entropy(logits, target[place], weight=weight, ignore_index=ignore_index, reduction="none")

    if reduction == "none":
        return EachInPiecesFunction.apply(x, linear_weight, linear_bias, losses, size)
    divisor = None
    if reduction == "mean":
        counts = target != ignore_index
        divisor = (counts if weight is None else weight[target[counts]]).sum().to(x.dtype)
    return SumInPiecesFunction.apply(x, linear_weight, linear_bias, losses, divisor, size, keeps)
