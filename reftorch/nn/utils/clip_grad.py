r"""Gradient clipping: gradients that are too large are made smaller before the optimizer uses them.

Two forms: all gradients are scaled by one factor, so that their total norm is at most a given number; or each element is
limited separately.

Use it when a few steps have gradients so large that they destroy what was learnt, as in recurrent networks: call
`clip_grad_norm_` between `loss.backward()` and `optimizer.step()`; `clip_grad_value_` also changes the direction of the step.

## Forward

The total norm is the norm of one long vector, which consists of all elements $g_i$ of all gradients:

$$t = \left( \sum_i \lvert g_i \rvert^p \right)^{1 / p} \qquad t = \max_i \, \lvert g_i \rvert \text{ for } p = \infty$$

The sum may be taken of each gradient first, since the norm of the norms is the same number. `clip_grad_norm_` multiplies every
gradient by one factor, which is never above 1:

$$g_i \leftarrow g_i \, \min\left(1, \frac{m}{t + 10^{-6}}\right)$$

where $m$ is `max_norm`. The small number avoids a division by 0. `clip_grad_value_` limits every element to a range:

$$g_i \leftarrow \min(\max(g_i, -v), v)$$

## Worked example

The gradients of two parameters. Together they have the norm $\sqrt{3^2 + 4^2 + 12^2} = 13$:

>>> import reftorch as torch
>>> from reftorch.nn.utils import clip_grad_norm_, clip_grad_value_
>>> a, b = torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True)
>>> a.grad, b.grad = torch.tensor([3., -4]), torch.tensor([12.])
>>> clip_grad_norm_([a, b], max_norm=6.5)
tensor(13.)
>>> a.grad, b.grad
(tensor([ 1.5000, -2.0000]), tensor([6.0000]))

Now every element is limited to the range from -1.75 to 1.75:

>>> clip_grad_value_([a, b], clip_value=1.75)
>>> a.grad, b.grad
(tensor([ 1.5000, -1.7500]), tensor([1.7500]))

## Questions

**Which of the two changes the direction of the gradient?**

`clip_grad_value_`: in the example it changes 1.5, -2, 6 into 1.5, -1.75, 1.75, which have different ratios. One factor for all
elements keeps the ratios.

**Why must all parameters be clipped in one call?**

Each call computes one total norm. Two calls give two factors, so the direction changes, and the total norm of all gradients may
be larger than `max_norm`.

**What happens to gradients whose total norm is exactly `max_norm`?**

They are multiplied by $m / (m + 10^{-6})$, a little less than 1. PyTorch does the same.

**What does a single NaN in one gradient do?**

The total norm is NaN, and so is the factor: all gradients become NaN. `error_if_nonfinite=True` raises an error instead.
"""

from __future__ import annotations

import types
import warnings

import numpy as np

from reftorch import fast
from reftorch.autograd import no_grad
from reftorch.kernel import fast_forms
from reftorch.nn.arguments import are_plain, check_tensors
from reftorch.ops import stack, tensor
from reftorch.ops.backend import quietly
from reftorch.ops.promotion import promote_types
from reftorch.tensor import Tensor

LARGE = 3e38  # what float32 can hold


@no_grad()
def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The norm of all elements of the tensors together, as a tensor without dimensions; 0 if there are no tensors.

    Args:
        tensors: a tensor or an iterable of tensors.
        norm_type: the exponent; `float("inf")` or "inf" for the largest absolute value.
        error_if_nonfinite: whether a norm of NaN or infinity is an error.
        foreach: has no effect here; in PyTorch it chooses between two ways to compute the same numbers.

    Raises:
        RuntimeError: the norm is not finite and `error_if_nonfinite` is set.
        TypeError: an element of `tensors` is not a tensor.
        NotImplementedError: a tensor is sparse.
    """
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return tensor(0.0)
    for each in tensors:
        check_tensors("get_total_norm", tensors=each)
        if each.is_sparse:
            raise NotImplementedError(
                "get_total_norm: there is no norm of sparse gradients, as those of Embedding(sparse=True); clip the others only"
            )
    if norm_type == 2 and fast_forms() and are_plain(tensors):
        norms = np.array([fast.euclidean(each.array.reshape(-1)) for each in tensors], tensors[0].dtype.numpy)
        total = tensor(fast.euclidean(norms), dtype=tensors[0].dtype)
    else:
        total = _norm_of_norms([each.norm(norm_type) for each in tensors], norm_type)
    if error_if_nonfinite and not total.isfinite().item():
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite ({total.item()}), so it "
            "cannot be clipped: a loss of NaN or infinity is the usual cause. With error_if_nonfinite=False the gradients "
            "are scaled by it anyway"
        )
    return total


@no_grad()
def clip_grads_with_norm_(parameters, max_norm, total_norm, foreach=None):
    """Multiply the gradients by `max_norm / (total_norm + 1e-6)`, or by 1 if that is larger. In place.

    Args:
        parameters: a tensor or an iterable of tensors; those without a gradient are skipped.
        max_norm: the largest total norm that is allowed.
        total_norm: what `get_total_norm` has returned.
        foreach: has no effect here.

    Raises:
        ValueError: `max_norm` is a text that is not a number.
        TypeError: there is a gradient, and `total_norm` is not a tensor; `max_norm` is not a number.
    """
    max_norm, grads = float(max_norm), _gradients(parameters)
    if not grads:
        return
    if not isinstance(total_norm, Tensor):
        raise TypeError(
            f"clip_grads_with_norm_(): argument 'total_norm' must be Tensor, not {type(total_norm).__name__}: it is what "
            "get_total_norm returns"
        )
    factor = (max_norm / (total_norm + 1e-6)).clamp(max=1.0)
    if factor.ndim == 0 and are_plain([factor, *grads]):
        quietly(_scale, grads, factor.array)
    else:
        for grad in grads:
            grad.mul_(factor.to(grad.device))


@no_grad()
def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scale the gradients of the parameters, in place, so that their total norm is at most `max_norm`.

    Returns the total norm before. The arguments are those of `get_total_norm` and `clip_grads_with_norm_`.

    Raises:
        RuntimeError: the norm is not finite and `error_if_nonfinite` is set.
    """
    generator = isinstance(parameters, types.GeneratorType)
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if generator and not parameters:
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur: model.parameters() can be iterated only "
            "once, so make a list of it",
            stacklevel=3,
        )
    total_norm = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total_norm, foreach)
    return total_norm


def clip_grad_norm(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The old name of `clip_grad_norm_`."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


@no_grad()
def clip_grad_value_(parameters, clip_value, foreach=None):
    """Limit each element of the gradients to the range from `-clip_value` to `clip_value`. In place.

    Args:
        parameters: a tensor or an iterable of tensors; those without a gradient are skipped.
        clip_value: the largest absolute value that is allowed.
        foreach: has no effect here.

    Raises:
        RuntimeError: no parameter has a gradient.
    """
    clip_value, grads = float(clip_value), _gradients(parameters)
    if not grads:
        raise RuntimeError(
            "clip_grad_value_: found no gradient, wanted at least one: loss.backward() comes before it, and model.parameters() "
            "can be iterated only once, so make a list of it"
        )
    if abs(clip_value) < LARGE and fast_forms() and are_plain(grads):
        for grad in grads:
            fast.limit(grad.array.reshape(-1), -clip_value, clip_value)
            grad._counter.bump()  # a tape that saved it must notice
    else:
        for grad in grads:
            grad.clamp_min_(-clip_value).clamp_max_(clip_value)


def _gradients(parameters):
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def _scale(grads, factor):
    """Multiply memory by memory: with many small gradients, an operation of tensors takes longer to prepare than to do."""
    for grad in grads:
        np.multiply(grad.array, factor, out=grad.array)
        grad._counter.bump()


def _norm_of_norms(norms, norm_type):
    dtype = norms[0].dtype
    for norm in norms:
        dtype = promote_types(dtype, norm.dtype)
    return stack([norm.to(device=norms[0].device, dtype=dtype) for norm in norms]).norm(norm_type)
