"""A check of gradients: each derivative that `backward` gives is compared with a numerical one, for which one element is changed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np


class GradcheckError(RuntimeError):
    """The gradient of backward and the numerical one differ."""


def gradcheck(
    func: Callable,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    r"""Check every element of every Jacobian of `func` at `inputs`.

    The numerical derivative is the central difference
    $\partial y_i / \partial x_j \approx (y_i(x_j + \epsilon) - y_i(x_j - \epsilon)) / 2 \epsilon$,
    whose error is of the order $\epsilon^2$ plus rounding over $\epsilon$: use float64.

    Args:
        func: takes `inputs` and returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple; those that require grad are checked.
        eps: how much each input element is changed.
        atol, rtol: how far apart the two may be: `atol + rtol * |numerical|`.
        raise_exception: raise instead of returning False.
        nondet_tol: how far two runs of backward may differ.

    Raises:
        GradcheckError: names the first input and output elements whose derivatives differ, with both values.
        ValueError: no input requires grad.
    """
    from ..tensor import Tensor

    inputs = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    wanted = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    if not wanted:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of them have it")
    for x in wanted:
        if x.dtype.itemsize < 8:
            warnings.warn(
                f"gradcheck is made for float64, but one input is {x.dtype}: rounding errors are larger than the differences",
                stacklevel=2,
            )
    try:
        for output in _differentiable(func(*inputs)):
            first = _jacobians(func, inputs, wanted, output)
            again = _jacobians(func, inputs, wanted, output)
            for which, x in enumerate(wanted):
                _compare_runs(first[which], again[which], which, nondet_tol)
                numerical = _numerical(func, inputs, x, output, eps)
                _compare(first[which], numerical, which, output, atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _outputs(result: Any) -> Any:
    return result if isinstance(result, (tuple, list)) else (result,)


def _differentiable(result: Any) -> list[int]:
    """Which outputs to check: those that have a gradient; if none has one, all, which must then be constant."""
    floating = [i for i, y in enumerate(_outputs(result)) if y.dtype.is_floating_point]
    return [i for i in floating if _outputs(result)[i].requires_grad] or floating


def _jacobians(func: Callable, inputs: Any, wanted: list, output: int) -> list[np.ndarray]:
    """dy_i/dx_j by backward, one row of each Jacobian at a time: the upstream gradient is 1 at y_i, 0 elsewhere."""
    from .backward import grad

    y = _outputs(func(*inputs))[output]
    found = [np.zeros((y.numel(), x.numel())) for x in wanted]
    if not y.requires_grad:
        return found
    for i in range(y.numel()):
        upstream = np.zeros(y.numel(), y.dtype.numpy)
        upstream[i] = 1
        seed = y.detach().new_tensor(upstream).reshape(y.shape)
        for jacobian, g in zip(found, grad(y, wanted, seed, retain_graph=True, allow_unused=True)):
            if g is not None:
                jacobian[i] = g.detach().cpu().contiguous().numpy().reshape(-1)
    return found


def _numerical(func: Callable, inputs: Any, x: Any, output: int, eps: float) -> np.ndarray:
    """dy_i/dx_j from the values at x_j + eps and x_j - eps."""
    from .mode import no_grad

    def value() -> np.ndarray:
        with no_grad():
            return np.array(_outputs(func(*inputs))[output].detach().cpu().numpy(), np.float64).reshape(-1)

    columns = []
    for index in np.ndindex(*x.shape):
        cell = x.detach()[index]
        before = cell.item()
        sides = []
        for moved in (before + eps, before - eps):
            cell.fill_(moved)
            sides.append(value())
        cell.fill_(before)
        columns.append((sides[0] - sides[1]) / (2 * eps))
    return np.stack(columns, axis=1) if columns else np.zeros((value().size, 0))


def _compare(found: np.ndarray, numerical: np.ndarray, which: int, output: int, atol: float, rtol: float) -> None:
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(found - numerical) <= atol + rtol * np.abs(numerical))
    if wrong.any():
        i, j = (int(k) for k in np.argwhere(wrong)[0])
        raise GradcheckError(
            f"Jacobian mismatch for output {output} with respect to input {which}: the derivative of output element {i} "
            f"by input element {j} is {found[i, j]:.6g} by backward and {numerical[i, j]:.6g} numerically "
            f"({int(wrong.sum())} of {wrong.size} derivatives differ)"
        )


def _compare_runs(first: np.ndarray, again: np.ndarray, which: int, tolerance: float) -> None:
    if not np.all(np.abs(first - again) <= tolerance):
        raise GradcheckError(
            f"Backward is not reentrant: two runs gave different gradients for input {which}, by up to "
            f"{np.abs(first - again).max():.3g}"
        )
