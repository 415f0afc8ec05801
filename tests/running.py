"""Running one case with one library: the call, the backward pass, and all that came out of them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest

import reftorch
from cases import Case, ModuleCase, Run, ScriptCase, Spec, as_spec
from reftorch import threads


class Result(NamedTuple):
    """What a run produced: arrays compared by value, facts compared by equality, the state before the call."""

    values: dict[str, np.ndarray]
    facts: dict[str, Any]
    state: dict[str, np.ndarray]


def _numpy(tensor: Any) -> np.ndarray:
    return np.array(tensor.detach().cpu().numpy())


def make_leaf(torch: Any, numbers: np.ndarray, device: str, grad: bool, strided: bool) -> tuple[Any, Any]:
    """A leaf tensor and what is passed on: itself, or a view of it that holds `numbers` but is not contiguous."""
    if strided and numbers.ndim == 1:
        held, view = np.repeat(numbers, 2), lambda leaf: leaf[::2]
    elif strided and numbers.ndim > 1:
        held, view = numbers.swapaxes(0, -1), lambda leaf: leaf.transpose(0, -1)
    else:
        held, view = numbers, lambda leaf: leaf
    leaf = torch.from_numpy(np.array(held, order="C")).to(device)
    if grad:
        leaf.requires_grad_()
    return leaf, view(leaf)


def draw(spec: Spec, rng: np.random.Generator, dtype: str) -> np.ndarray:
    return np.asarray(spec.draw(rng)).astype(spec.dtype or dtype)


def _argument(torch: Any, given: Any, rng: np.random.Generator, dtype: str, device: str) -> Any:
    if not isinstance(given, Spec | np.ndarray):
        return given
    return torch.from_numpy(draw(as_spec(given), rng, dtype)).to(device)


def named(output: Any, name: str = "output") -> Iterator[tuple[str, Any]]:
    """The tensors and numbers in an output, with names: a tensor, or tuples, lists and dicts of them."""
    if isinstance(output, Mapping):
        for key, value in output.items():
            yield from named(value, f"{name}[{key!r}]")
    elif isinstance(output, tuple | list):
        for position, value in enumerate(output):
            yield from named(value, f"{name}[{position}]")
    else:
        yield name, output


def find(torch: Any, case: Case) -> Callable:
    """The class or function that a case names."""
    start = torch if "." in case.name else torch.nn if isinstance(case, ModuleCase) else torch.nn.functional
    return functools.reduce(getattr, case.name.split("."), start)


def arguments(case: Case, torch: Any, run: Run, device: str, rng: Any) -> tuple[list, dict]:
    args = [_argument(torch, given, rng, run.dtype, device) for given in case.args]
    kwargs = {k: _argument(torch, given, rng, run.dtype, device) for k, given in case.kwargs.items()}
    return args, kwargs


def _prepare(case: ModuleCase, module: Any, torch: Any, run: Run, device: str, rng: Any, result: Result) -> None:
    """Note what the new module is, move it to its dtype and device, and give it the state to start from."""
    facts, values, start = result.facts, result.values, result.state
    facts["repr"], facts["state_dict keys"] = repr(module), list(module.state_dict())
    if case.initial:
        values |= {f"initial {key}": _numpy(value) for key, value in module.state_dict().items()}
    module.to(getattr(torch, run.dtype)).to(device).train(case.train)
    for key, value in module.state_dict().items():
        start.setdefault(key, _numpy(value))
    start |= {key: draw(as_spec(given), rng, run.dtype) for key, given in case.state.items()}
    module.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in start.items()})


def _go_backward(output: Any, torch: Any, device: str, seed: int, result: Result) -> list[tuple[str, Any, np.ndarray]]:
    """Note the tensors and numbers in the output, and send a random gradient backward from all that want one.

    Returns these gradients, each with a name and its numbers as they were before.
    """
    rng = np.random.default_rng(seed)
    roots, gradients, sent = [], [], []
    for name, found in named(output):
        if not hasattr(found, "detach"):
            result.facts[name] = found
            continue
        assert found.device.type == device, f"{name} is on {found.device}, not on {device}"
        result.values[name] = _numpy(found)
        result.facts[f"requires_grad of {name}"] = found.requires_grad
        if found.requires_grad:
            numbers = np.asarray(rng.standard_normal(tuple(found.shape)))
            roots.append(found)
            numbers = numbers.astype(result.values[name].dtype)
            gradients.append(torch.from_numpy(numbers.copy()).to(device))
            sent.append((f"the gradient sent to {name}", gradients[-1], numbers))
    if roots:
        torch.autograd.backward(roots, gradients)
    return sent


def _check_unchanged(case: Case, kept: list[tuple[str, Any, np.ndarray]]) -> None:
    """Fail if a tensor that was passed in holds other numbers than before."""
    for name, tensor, before in kept:
        assert np.array_equal(_numpy(tensor), before, equal_nan=before.dtype.kind == "f"), (
            f"{case}: {name} was overwritten by the call\nbefore:\n{before}\nafter:\n{_numpy(tensor)}"
        )


def evaluate(case: Case, torch: Any, run: Run, device: str = "cpu", state: Mapping | None = None) -> Result:
    """Run the case with library `torch`: call it, go backward from its outputs, gather what came out."""
    rng = np.random.default_rng(case.seed)
    result = Result({}, {}, dict(state or {}))
    pairs = [
        make_leaf(torch, draw(spec, rng, run.dtype), device, spec.grad, run.strided)
        for spec in map(as_spec, case.inputs)
    ]
    leaves = {f"input[{i}]": leaf for i, (leaf, _) in enumerate(pairs)}
    inputs = [view for _, view in pairs]
    args, kwargs = arguments(case, torch, run, device, rng)
    passed = {**leaves, **{f"args[{i}]": given for i, given in enumerate(args)}, **kwargs}
    kept = [(name, given, _numpy(given)) for name, given in passed.items() if hasattr(given, "detach")]
    torch.manual_seed(case.seed)
    module = None
    if case.reference and torch is not reftorch:
        output = case.reference(torch, *inputs)
    elif isinstance(case, ModuleCase):
        module = find(torch, case)(*args, **kwargs)
        _prepare(case, module, torch, run, device, rng, result)
        kept += [(name, parameter, _numpy(parameter)) for name, parameter in module.named_parameters()]
        output = module(*inputs)
    elif isinstance(case, ScriptCase):
        output = case.run(torch, *inputs)
    else:
        output = find(torch, case)(*inputs, *args, **kwargs)

    kept += _go_backward(output, torch, device, case.seed + 1, result)
    if not case.changes_inputs:
        _check_unchanged(case, kept)
    if module is not None:
        leaves |= dict(module.named_parameters())
        result.values.update({f"state {k}": _numpy(value) for k, value in module.state_dict().items()})
    for name, leaf in leaves.items():
        result.facts[f"{name} has a gradient"] = leaf.grad is not None
        if leaf.grad is not None:
            result.values[f"gradient of {name}"] = _numpy(leaf.grad)
    return result


@contextlib.contextmanager
def kernels_of(kind: str, dtype: str) -> Iterator[None]:
    """`reftorch.kernels(kind)`; but a reference runs with threads in float32 only. In float64 it takes the form that small inputs take:
    the same loops, which other tests compile anyway, and which compile several times as fast."""
    with pytest.MonkeyPatch.context() as patch, reftorch.kernels(kind):
        if (kind, dtype) == ("reference", "float64"):
            patch.setattr(threads, "available", lambda: 1)
        yield
