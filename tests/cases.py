"""The kinds of test case, as data: what to call, with which tensors. `oracle.py` runs them and says how they are written."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest

TINY = 150  # input elements: about what Numba's simulator, at a millisecond a thread, does in a second


# ------------------------------------------------------------------------------------------------ input numbers
@dataclass(frozen=True)
class Spec:
    """A tensor to be: `draw(rng)` gives its numbers. `dtype` None means the dtype of the run."""

    draw: Callable[[np.random.Generator], np.ndarray]
    grad: bool = True
    dtype: str | None = None


def normal(*shape: int, grad: bool = True) -> Spec:
    return Spec(lambda rng: rng.standard_normal(shape), grad)


def uniform(low: float, high: float, *shape: int, grad: bool = True) -> Spec:
    return Spec(lambda rng: rng.uniform(low, high, shape), grad)


def integers(low: int, high: int, *shape: int, dtype: str = "int64") -> Spec:
    """Integers from low to high - 1."""
    return Spec(lambda rng: rng.integers(low, high, shape), False, dtype)


def distinct(*shape: int, grad: bool = True) -> Spec:
    """Numbers from -2 to 2 without ties and without zero, evenly spaced: a maximum or a kink is never near another value."""
    size = math.prod(shape)
    spaced = (np.arange(size) + 0.5) * 4 / max(size, 1) - 2 + 0.01
    return Spec(lambda rng: rng.permutation(spaced).reshape(shape), grad)


def probabilities(*shape: int, dim: int = 1, grad: bool = True) -> Spec:
    """Positive numbers that sum to one along `dim`."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        weights = rng.uniform(0.1, 1, shape)
        return weights / weights.sum(axis=dim, keepdims=True)

    return Spec(draw, grad)


def array(values: Any, grad: bool = True, dtype: str | None = None) -> Spec:
    """Given numbers; integers and bools keep their dtype, floating numbers take the run's unless `dtype` says otherwise."""
    values = np.asarray(values)
    floating = values.dtype.kind == "f"
    return Spec(lambda rng: values, grad and floating, dtype or (None if floating else values.dtype.name))


def as_spec(given: Any) -> Spec:
    """The spec of one entry of `inputs`."""
    if isinstance(given, Spec):
        return given
    return normal(*given) if isinstance(given, tuple) else array(given)


# ------------------------------------------------------------------------------------------------------- cases
@dataclass(frozen=True, eq=False)
class Case:
    """What every kind of case has. `id` says what is special about it, `component` under which name its errors are reported
    (default `name`), `exact` that no rounding is allowed, `tiny` whether it is small enough to be interpreted and for the simulator
    (default: by the number of input elements), `gradcheck` False that finite differences do not apply, `strided` False that
    the inputs must be contiguous, `cuda` False that it does not run on CUDA, `changes_inputs` that torch changes its inputs too,
    `reference` what to compare with where torch has no such thing: reference(torch, *inputs).
    """

    name: str
    inputs: Sequence = ()
    args: Sequence = ()
    kwargs: Mapping = field(default_factory=dict)
    id: str = ""
    component: str = ""
    exact: bool = False
    tiny: bool | None = None
    gradcheck: bool = True
    strided: bool = True
    cuda: bool = True
    changes_inputs: bool = False
    reference: Callable | None = None
    seed: int = 1

    @functools.cached_property
    def is_tiny(self) -> bool:
        if self.tiny is not None:
            return self.tiny
        rng = np.random.default_rng(0)
        return sum(as_spec(given).draw(rng).size for given in self.inputs) <= TINY

    def __str__(self) -> str:
        return f"{self.name} {self.id}".strip()


@dataclass(frozen=True, eq=False)
class ModuleCase(Case):
    """`nn.<name>(*args, **kwargs)` called with the inputs. `state` overrides entries of the state_dict before the call, `train`
    False puts the module in evaluation mode, `initial` False says that its initial values cannot be torch's."""

    state: Mapping = field(default_factory=dict)
    train: bool = True
    initial: bool = True


@dataclass(frozen=True, eq=False)
class FunctionCase(Case):
    """`F.<name>(*inputs, *args, **kwargs)`; a dotted name is looked up from the library's top: "nn.init.ones_"."""


@dataclass(frozen=True, eq=False)
class ScriptCase(Case):
    """`run(torch, *inputs)`, the same Python code under either library, returning tensors: for optimisers, hooks, ..."""

    run: Callable = None  # type: ignore[assignment]


@dataclass(frozen=True, eq=False)
class ErrorCase:
    """`call(torch)` must raise in both libraries the same type, and reftorch's message must contain `words` (in any case).
    Where torch has no such thing, `raises` names the type and torch is not asked."""

    call: Callable
    words: Sequence[str] = ()
    raises: type[Exception] | None = None
    id: str = ""


class Run(NamedTuple):
    """One way to run a case: mode "compiled", "reference" (compiled, without fast forms), "interpreted"; for CUDA kernels "cuda_on_cpu"
    (compiled for the CPU), "simulator" or "gpu"."""

    mode: str
    dtype: str
    strided: bool = False

    def __str__(self) -> str:
        return f"{self.mode}-{self.dtype}" + ("-strided" if self.strided else "")


LARGE_RUNS = [Run("compiled", "float32"), Run("cuda_on_cpu", "float32")]
RUNS = [Run("compiled", "float32"), Run("compiled", "float64"), Run("compiled", "float32", True)]
RUNS += [Run("reference", "float32"), Run("interpreted", "float64"), Run("cuda_on_cpu", "float32")]
GPU_RUNS = [Run("gpu", "float32"), Run("gpu", "float64", True)]
MARKS = {"gpu": "gpu", "cuda_on_cpu": "simulator"}  # the second is left out where there is a GPU


def _id(case: Case | ErrorCase, number: int) -> str:
    return f"{number}-{case.name}-{case.id}".rstrip("-") if isinstance(case, Case) else f"{number}-{case.id}"


def against_torch(cases: Sequence[Case]) -> Any:
    """Parametrise a test with (case, run): every case in every way it can be run."""
    params = []
    for number, case in enumerate(cases):
        for run in (RUNS if case.is_tiny else LARGE_RUNS) + GPU_RUNS:
            if (run.strided and not case.strided) or (run.mode in MARKS and not case.cuda):
                continue
            marks = [getattr(pytest.mark, MARKS[run.mode])] if run.mode in MARKS else []
            params.append(pytest.param(case, run, id=f"{_id(case, number)}-{run}", marks=marks))
    return pytest.mark.parametrize("case, run", params)


def tiny(cases: Sequence[Case]) -> Any:
    """Parametrise a test with the tiny ones among the cases."""
    params = [pytest.param(case, id=_id(case, i)) for i, case in enumerate(cases) if case.is_tiny]
    return pytest.mark.parametrize("case", params)


def errors(cases: Sequence[ErrorCase]) -> Any:
    """Parametrise a test with error cases."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=_id(case, i)) for i, case in enumerate(cases)])
