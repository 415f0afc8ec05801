"""The one harness that holds reftorch against live PyTorch. Cases are data; a component's test file reads like this:

    import oracle
    from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, distinct, integers, normal

    CASES = [
        ModuleCase("Conv2d", args=(3, 4, (3, 2)), kwargs=dict(stride=(2, 1)), inputs=[(2, 3, 7, 6)], id="stride"),
        FunctionCase("conv2d", inputs=[(1, 2, 4, 3), (3, 2, 2, 2), (3,)], component="Conv2d"),
        ModuleCase("CrossEntropyLoss", kwargs=dict(weight=uniform(0.5, 2, 5)), inputs=[(3, 5), integers(0, 5, 3)]),
        ScriptCase("SGD", run=lambda torch, p: two_steps(torch, p), inputs=[(2, 3)]),
    ]
    ERRORS = [ErrorCase(lambda torch: torch.nn.Conv2d(3, 4, 3)(torch.zeros(1, 2, 5, 5)), words=["3", "2", "channels"])]
    test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(__file__, CASES, ERRORS)

`inputs` are tensors: a tuple of ints is a shape filled with normal numbers; an array holds given values; `normal`, `uniform`,
`integers`, `distinct`, `probabilities` draw others. Floating inputs take the run's dtype and require a gradient (unless
made with `grad=False`). Specs and arrays in `args` and `kwargs` become tensors without a gradient; all else goes as it is.

Each case is run by torch on the CPU and by reftorch in the ways listed in `RUNS` (a large one compiled and in float32 only, for CPU
and CUDA), from the same seed and numbers. Compared:
the module's repr, state_dict keys and initial values, output values, shape, dtype and requires_grad, gradients of inputs and
parameters under a random upstream gradient, and the state (parameters and buffers) after the call. Inputs and upstream gradients
must hold the same numbers afterwards: a kernel that overwrites what it reads is found.
`oracle.check(case, oracle.RUNS[0])` serves hypothesis tests, which make their cases on the fly.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reftorch
import unguarded
from cases import (  # noqa: F401  the whole vocabulary is at hand as oracle.<name>
    GPU_RUNS,
    LARGE_RUNS,
    RUNS,
    Case,
    ErrorCase,
    FunctionCase,
    ModuleCase,
    Run,
    ScriptCase,
    Spec,
    against_torch,
    array,
    as_spec,
    distinct,
    errors,
    integers,
    normal,
    probabilities,
    tiny,
    uniform,
)
from reftorch.course import mutants
from reftorch.kernel import compiled_cuda
from reftorch.nn.arguments import CONSTANTS
from running import Result, arguments, draw, evaluate, find, make_leaf, named


@functools.lru_cache(maxsize=256)
def _torch_result(case: Case, run: Run) -> Result:
    return evaluate(case, pytest.importorskip("torch"), run)


def torch_result(case: Case, run: Run) -> Result:
    """What torch makes of the case; the mode plays no part. Skips the test where torch is not installed."""
    return _torch_result(case, run._replace(mode="compiled"))


def our_result(case: Case, run: Run, state: Mapping | None = None) -> Result:
    """What reftorch makes of the case, started from `state`."""
    result = _our_result(case, run, state)
    check_constants(case)
    return result


def check_constants(case: Case) -> None:
    """Fail if a kernel has written into the ones or zeros that stand for an absent weight or bias: all later calls would read them."""
    changed = {key: t.array for key, t in CONSTANTS.items() if (t.array != key[1]).any()}
    if changed:
        CONSTANTS.clear()
    assert not changed, f"{case}: a kernel has written into constants that all calls share: {changed}"


def _our_result(case: Case, run: Run, state: Mapping | None) -> Result:
    if run.mode in ("compiled", "reference", "interpreted"):
        with (
            reftorch.debug(run.mode == "interpreted"),
            reftorch.kernels("reference" if run.mode == "reference" else "fast"),
        ):
            return evaluate(case, reftorch, run, "cpu", state)
    with compiled_cuda() if run.mode == "cuda_on_cpu" else contextlib.nullcontext():
        return evaluate(case, reftorch, run, "cuda", state)


# --------------------------------------------------------------------------------------------------- comparing
def tolerance(values: Mapping[str, np.ndarray], name: str, exact: bool = False, terms: int = 0) -> float:
    """The error allowed in array `name`, relative to its largest value (or to 1, the size of one term, if that is larger).

    Each number is a sum of at most K products, K the size of the largest array at hand (a gradient of a weight sums over the
    outputs, an output over a window of weights). Inputs are random, so roundings add like a random walk: eps * sqrt(K). Two
    libraries round, in different orders, and each term may carry a few roundings of its own (exp, log, division): 8 of them.
    At K = 1000 that is 3e-5 in float32, where the sum itself may be that wrong, and 6e-14 in float64. `terms` gives K where it is known.
    """
    if exact or values[name].dtype.kind != "f":
        return 0.0
    terms = terms or max(value.size for value in values.values())
    return 8 * float(np.finfo(values[name].dtype).eps) * math.sqrt(max(terms, 1))


def error_of(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference relative to the largest value (or 1); infinite if NaN or infinity stand in other places."""
    if theirs.dtype.kind != "f" or theirs.size == 0:
        return 0.0 if np.array_equal(ours, theirs) else math.inf
    finite = np.isfinite(theirs)
    if not np.array_equal(ours[~finite], theirs[~finite], equal_nan=True) or not np.isfinite(ours[finite]).all():
        return math.inf
    if not finite.any():
        return 0.0
    difference = np.abs(ours[finite].astype(np.float64) - theirs[finite]).max()
    return float(difference / max(1.0, np.abs(theirs[finite]).max()))


def compare(case: Case, ours: Result, theirs: Result, who: str = "torch", terms: int = 0) -> None:
    """Fail unless two results agree in every fact, name, dtype, shape and, up to rounding (of so many terms), value."""
    facts = {key for key in theirs.facts if key in ours.facts or not case.reference}
    for key in sorted(facts):
        assert ours.facts[key] == theirs.facts[key], (
            f"{case}: {key}: reftorch has\n{ours.facts[key]}\n{who} has\n{theirs.facts[key]}"
        )
    if not case.reference:
        assert list(ours.values) == list(theirs.values), (
            f"{case}: reftorch has {[*ours.values]}, {who} {[*theirs.values]}"
        )
    for name, wanted in theirs.values.items():
        found = ours.values[name]
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape), (
            f"{case}: {name} is {found.dtype} {found.shape} in reftorch, {wanted.dtype} {wanted.shape} in {who}"
        )
        error, allowed = error_of(found, wanted), tolerance(theirs.values, name, case.exact, terms)
        assert error <= allowed, (
            f"{case}: {name} is off by {error:.2e}, allowed {allowed:.2e}\nreftorch:\n{found}\n{who}:\n{wanted}"
        )


# ------------------------------------------------------------------------------------------------------- checks
INTERPRETED = Run("interpreted", "float64")
AGREEMENT: dict[
    tuple[str, str], dict
] = {}  # (component, dtype): cases, forward, backward; None where nothing was compared


def check(case: Case, run: Run) -> None:
    """reftorch in this run does what torch does."""
    theirs = torch_result(case, run)
    ours = our_result(case, run, theirs.state)
    compare(case, ours, theirs)
    if run.mode == "compiled" and not run.strided:
        errors: dict[str, float | None] = dict(forward=None, backward=None)
        for name, wanted in theirs.values.items():
            kind = {"output": "forward", "gradient": "backward"}.get(name.split("[")[0].split()[0])
            if kind:
                errors[kind] = max(errors[kind] or 0.0, error_of(ours.values[name], wanted))
        add_agreement(case.component or case.name, run.dtype, 1, **errors)


def add_agreement(component: str, dtype: str, cases: int, **largest: float | None) -> None:
    """So many more cases of a component, and their largest errors, forward and backward."""
    row = AGREEMENT.setdefault((component, dtype), dict(cases=0, forward=None, backward=None))
    row["cases"] += cases
    for kind, error in largest.items():
        if error is not None:
            row[kind] = max(row[kind] or 0.0, error)


def check_modes(case: Case) -> None:
    """Compiled, interpreted (in float32) and, where there is a simulator or a GPU, CUDA (in float64) give the same numbers."""
    for run in [Run("interpreted", "float32")] + [Run("cuda", "float64")] * reftorch.cuda.is_available():
        compiled = our_result(case, Run("compiled", run.dtype))
        compare(case, compiled, our_result(case, run, compiled.state), who=run.mode)


def check_gradcheck(case: Case) -> None:
    """The gradients agree with finite differences, in float64; compiled, as this calls the function twice for each number."""
    rng = np.random.default_rng(case.seed)
    tensors = []
    for spec in map(as_spec, case.inputs):
        tensors.append(make_leaf(reftorch, draw(spec, rng, "float64"), "cpu", spec.grad, False)[0])
    if not case.gradcheck or not any(tensor.requires_grad for tensor in tensors):
        return
    args, kwargs = arguments(case, reftorch, INTERPRETED, "cpu", rng)
    parameters = []
    if isinstance(case, ModuleCase):
        call = find(reftorch, case)(*args, **kwargs).to(reftorch.float64).train(case.train)
        parameters = list(call.parameters())
    elif isinstance(case, ScriptCase):
        call = functools.partial(case.run, reftorch)
    else:
        call = lambda *inputs: find(reftorch, case)(*inputs, *args, **kwargs)  # noqa: E731
    # the parameters are changed in place by gradcheck, so the call needs only the inputs
    count = len(tensors)
    outputs = lambda *all_: tuple(tensor for _, tensor in named(call(*all_[:count])) if hasattr(tensor, "detach"))  # noqa: E731
    assert reftorch.autograd.gradcheck(outputs, (*tensors, *parameters))


def builtin_type(error: BaseException) -> type:
    """The nearest class of the exception that Python itself has: torch's own subclasses count as their base."""
    return next(base for base in type(error).__mro__ if base.__module__ == "builtins")


def check_error(case: ErrorCase) -> None:
    """Both libraries refuse, with the same type of exception, and reftorch's message tells what is wrong."""
    wanted = case.raises
    if wanted is None:
        with pytest.raises(Exception) as theirs:  # whatever torch raises is what is wanted
            case.call(pytest.importorskip("torch"))
        wanted = builtin_type(theirs.value)
    with pytest.raises(wanted) as ours:
        case.call(reftorch)
    assert builtin_type(ours.value) is wanted, f"torch raises {wanted.__name__}, reftorch {ours.type.__name__}"
    message = str(ours.value)
    missing = [word for word in case.words if word.lower() not in message.lower()]
    assert not missing, f"the message lacks {missing}: {message}"


def failure(case: Case, healthy: Result) -> str | None:
    """How reftorch, as it is now, differs from the healthy result: the complaint, or None. Interpreted, float64."""
    try:
        compare(case, our_result(case, INTERPRETED, healthy.state), healthy)
    except (NameError, SyntaxError, TypeError, AttributeError):
        raise  # what was planted does not even run: that is a bad patch, not a classic mistake
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


# -------------------------------------------------------------------------------- what every component's tests consist of
def tests_of(file: str, cases: Sequence[Case], refused: Sequence[ErrorCase] = (), mutant_cases: Sequence[Case] = ()):
    """Five tests for the component that the test file `file` belongs to.

    Against torch in every way to run; all ways alike; gradients by finite differences; what is refused; and each of its mutants
    is caught by one of `mutant_cases` (if none are given, by one of the tiny cases), and so is a CUDA kernel without bounds check.
    """

    @against_torch(cases)
    def test_matches_torch(case, run):
        check(case, run)

    @tiny(cases)
    def test_all_modes_agree(case):
        check_modes(case)

    @tiny(cases)
    def test_gradcheck(case):
        check_gradcheck(case)

    @errors(refused)
    def test_errors(case):
        check_error(case)

    component = component_of(file)
    catching = list(mutant_cases) or [case for case in cases if case.is_tiny]

    known = [pytest.param(mutant, id=mutant.name) for mutant in mutants.mutants_of(component)]
    forgotten = [pytest.param(None, id="bounds checks forgotten", marks=pytest.mark.simulator)]

    @pytest.mark.parametrize("mutant", known + forgotten * bool(known))
    def test_mutants(mutant):
        if mutant is None:
            check_bounds(component, [case for case in cases if case.is_tiny])
        else:
            check_mutant(component, mutant, catching)

    return test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants


def component_of(file: str) -> str:
    """The path of the component that a test file belongs to: "nn/activation/relu" for tests/nn/activation/test_relu.py."""
    path = Path(file).relative_to(Path(__file__).parent)
    return (path.parent / path.stem.removeprefix("test_")).as_posix()


def check_mutant(component: str, mutant: mutants.Mutant, cases: Sequence[Case]) -> None:
    """One of the cases fails when the mistake is planted, and not without it."""
    assert len(mutant.says) > 20, f"{mutant.name!r} tells a student too little"
    for case in cases:
        right = _right(case)
        with mutants.planted(mutants.component_module(component), mutant):
            caught = failure(case, right)
        if caught:
            assert failure(case, right) is None
            return
    pytest.fail(f"no case notices {mutant.name!r} in {mutant.kernel}: {mutant.find!r} -> {mutant.replace!r}")


def check_bounds(component: str, cases: Sequence[Case]) -> None:
    """For each CUDA kernel of the component, one of the cases fails when its bounds check is left out."""
    calls = [functools.partial(our_result, case, Run("simulator", "float32")) for case in cases]
    missed = unguarded.unnoticed(mutants.component_module(component), calls)
    assert not missed, f"no case notices that there is no bounds check in {missed}"


@functools.lru_cache(maxsize=256)
def _right(case: Case) -> Result:
    """torch's result, or without torch that of the unchanged kernels."""
    if importlib.util.find_spec("torch"):
        return torch_result(case, INTERPRETED)
    return our_result(case, INTERPRETED)


EDGES = array([-math.inf, -1.0, -0.0, 0.0, 1.0, math.inf, 1e-40, -1e-40, math.nan])
SHAPES = [(), (7,), (2, 0, 3), (1, 2, 1, 3, 2)]


def elementwise_cases(module: str, function: str, *args: Any, **kwargs: Any) -> list[Case]:
    """For a function of each element: shapes, an empty tensor, a large one, NaN and infinity."""
    shapes = [ModuleCase(module, [distinct(*shape)], args, kwargs, id=str(shape)) for shape in SHAPES]
    large = ModuleCase(module, [(40, 50, 13)], args, kwargs, id="large")
    return [*shapes, large, FunctionCase(function, [EDGES], args, kwargs, id="edges", gradcheck=False)]


def in_place_cases(function: str, *args: Any, **kwargs: Any) -> list[Case]:
    """`function(x, *args)` changes a tensor on the tape: itself, a number, nothing, a column, a transpose."""

    def case(steps: Callable, given: Spec, id: str, **options: Any) -> Case:
        run = lambda torch, x: steps(torch, x * 1, getattr(torch.nn.functional, function))  # noqa: E731
        return ScriptCase(function, run=run, inputs=[given], id=id, **options)

    def version(torch, x):
        return torch.tensor(x._version, device=x.device)

    def once(torch, x, change):
        return change(x, *args, **kwargs) * 3, version(torch, x)

    def of_a_column(torch, x, change):
        returned = change(x[:, 0], *args, **kwargs)
        return x * x, returned, version(torch, x)

    def of_a_transpose(torch, x, change):
        change(x.transpose(0, 1), *args, **kwargs)
        return x

    return [
        case(once, distinct(2, 3), "in place"),
        case(once, distinct(), "in place, a number"),
        case(once, distinct(0, 3), "in place, empty"),
        case(once, EDGES, "in place, edges", gradcheck=False),
        case(of_a_column, distinct(2, 3), "in place, a column"),
        case(of_a_transpose, distinct(2, 3), "in place, a transpose"),
    ]
