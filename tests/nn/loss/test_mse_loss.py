"""MSELoss against torch: reductions, broadcasting, mixed dtypes, weights, the deprecated arguments."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, Run, ScriptCase, array, integers, normal, uniform

nan, inf = math.nan, math.inf
PAIR = [(3, 5), (3, 5)]
W35 = uniform(0.5, 2, 3, 5)


def loss(id, inputs=PAIR, **kwargs):
    options = {key: kwargs.pop(key) for key in ("gradcheck", "component") if key in kwargs}
    return FunctionCase("mse_loss", inputs=inputs, kwargs=kwargs, id=id, **options)


def edge(id, x, target, **kwargs):
    return loss(id, [array(x), array(target)], gradcheck=False, **kwargs)


def weighted(id, *shapes, **kwargs):
    """A loss of input, target and weight, all of which want a gradient."""

    def run(torch, x, target, weight):
        return torch.nn.functional.mse_loss(x, target, weight=weight, **kwargs)

    return ScriptCase("mse_loss", run=run, inputs=shapes or [(3, 5), (3, 5), W35], id=id)


def of_two_dtypes(first, second):
    """A float32 and a float64 tensor: the result is float64, each gradient has its tensor's dtype."""

    def run(torch, x, target):
        of = torch.nn.functional.mse_loss(x.to(getattr(torch, first)), target.to(getattr(torch, second)))
        return of, torch.tensor(of.dtype == torch.float64, device=x.device)

    return ScriptCase("mse_loss", run=run, inputs=PAIR, id=f"{first}, {second}", gradcheck=False)


CASES = [
    loss("plain"),
    loss("sum", reduction="sum"),
    loss("none", reduction="none"),
    FunctionCase("mse_loss", PAIR, args=(None, None, "sum"), id="positional"),
    *[
        loss(f"{shape}, {reduction}", [shape, shape], reduction=reduction)
        for shape in [(), (1,), (0,), (2, 0, 3), (2, 3, 1, 2)]
        for reduction in ("none", "mean", "sum")
    ],
    loss("large", [(40, 50, 13), (40, 50, 13)]),
    loss("large, none", [(40, 50, 13), (40, 50, 13)], reduction="none"),
    # which tensors want a gradient
    loss("target without a gradient", [(3, 5), normal(3, 5, grad=False)]),
    loss("input without a gradient", [normal(3, 5, grad=False), (3, 5)], reduction="none"),
    loss("no gradient", [normal(3, 5, grad=False), normal(3, 5, grad=False)]),
    # dtypes
    loss("int64 target", [(3, 5), integers(-3, 4, 3, 5)]),
    loss("bool target", [(3, 5), array(np.eye(3, 5) > 0)], reduction="none"),
    loss("int64 input", [integers(-3, 4, 3, 5), (3, 5)], reduction="sum"),
    of_two_dtypes("float32", "float64"),
    of_two_dtypes("float64", "float32"),
    # broadcasting
    loss("column and row", [(3, 1), (3,)]),
    loss("column and row, none", [(3, 1), (3,)], reduction="none"),
    loss("one target", [(2, 3), ()], reduction="sum"),
    loss("one input", [(1,), (2, 3)]),
    loss("nothing and one", [(0, 3), (1,)], reduction="none"),
    # numbers that overflow or are none
    edge("inf and NaN", [inf, inf, nan, 1.0, -inf], [inf, -inf, 1.0, nan, 0.0], reduction="none"),
    edge("overflow", [1e200, 1.0], [-1e200, 1.0]),
    # weights
    loss("weight", weight=W35),
    loss("weight, sum", weight=W35, reduction="sum"),
    loss("weight, none", weight=W35, reduction="none"),
    loss("weights zero", weight=np.zeros((3, 5)), gradcheck=False),
    loss("int64 weight", weight=integers(0, 3, 3, 5)),
    loss("all int64 but weighted", [integers(-3, 4, 3, 5), integers(-3, 4, 3, 5)], weight=integers(1, 3, 3, 5)),
    loss(
        "all int64, weighted sum", [integers(-3, 4, 5), integers(-3, 4, 5)], weight=integers(1, 3, 5), reduction="sum"
    ),
    loss("weight, one target", [(3, 5), (1,)], weight=W35),
    loss("weight of an input that is repeated", [(1,), (4,)], weight=uniform(0.5, 2, 1)),
    weighted("weight with a gradient"),
    weighted("weight with a gradient, sum", reduction="sum"),
    weighted("weight with a gradient, none", reduction="none"),
    # the deprecated arguments
    loss("size_average=False", size_average=False),
    loss("reduce=False", reduce=False),
    loss("size_average overrides reduction", size_average=True, reduction="sum"),
    loss("reduce=False overrides size_average", size_average=True, reduce=False, reduction="nonsense"),
    loss("elementwise_mean", reduction="elementwise_mean"),
    # the Module
    ModuleCase("MSELoss", inputs=PAIR),
    ModuleCase("MSELoss", inputs=PAIR, kwargs=dict(reduction="none"), id="none"),
    ModuleCase("MSELoss", inputs=PAIR, args=(None, None, "sum"), id="positional"),
    ModuleCase("MSELoss", inputs=PAIR, kwargs=dict(size_average=False), id="size_average"),
    ModuleCase("MSELoss", inputs=PAIR, kwargs=dict(reduce=False), id="reduce"),
    ModuleCase("MSELoss", inputs=[(2, 3), (3,)], id="broadcast"),
]
pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
MUTANT_CASES = [case for case in CASES if case.id in ("plain", "none", "sum") and case.is_tiny]


test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(
    __file__, CASES, mutant_cases=MUTANT_CASES
)


@st.composite
def any_case(draw):
    """Any two shapes that broadcast, any reduction."""
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    shorter = shape[draw(st.integers(0, len(shape))) :]
    pair = [tuple(shape), tuple(1 if draw(st.booleans()) else extent for extent in shorter)]
    kwargs = dict(reduction=draw(st.sampled_from(["none", "mean", "sum"])))
    return FunctionCase("mse_loss", inputs=draw(st.permutations(pair)), kwargs=kwargs, seed=draw(st.integers(0, 1000)))


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(any_case(), st.booleans())
def test_any_shapes(case, strided):
    oracle.check(case, Run("compiled", "float64", strided))


# ------------------------------------------------------------------------------------------------ what is refused
def bad(id, words, x=(3,), target=(3,), weight=None, dtype="float32", target_dtype=None, raises=None, **kwargs):
    """An ErrorCase: zeros of these shapes and dtypes."""

    def call(torch):
        of = dict(dtype=getattr(torch, dtype)), dict(dtype=getattr(torch, target_dtype or dtype))
        w = None if weight is None else torch.ones(weight)
        return torch.nn.functional.mse_loss(torch.zeros(x, **of[0]), torch.zeros(target, **of[1]), weight=w, **kwargs)

    return ErrorCase(call, words, raises, id=id)


def of(*args, **kwargs):
    return lambda torch: torch.nn.functional.mse_loss(
        *[torch.ones(1) if given == "tensor" else given for given in args], **kwargs
    )


ERRORS = [
    bad("shapes", ["(3)", "(4)", "dimension 1", "[2, 3]"], x=(2, 3), target=(4,)),
    bad("shapes before reduction", ["must match"], target=(2,), reduction="average"),
    bad("reduction", ["average", "'none', 'mean' or 'sum'"], reduction="average"),
    bad("reduction None", ["None"], reduction=None),
    bad("reduction of a weighted loss", ["average"], weight=(3,), reduction="average"),
    bad("weight of one sample", ["[1]", "[3]", "expand_as"], weight=(1,)),
    bad("weight of the broadcast shape", ["same size"], x=(1,), weight=(3,)),
    *[bad(dtype, [dtype, "float()"], dtype=dtype) for dtype in ("int64", "uint8", "bool", "complex64")],
    bad("complex input", ["complex64"], dtype="complex64", target_dtype="float32"),
    bad("float16", ["float16"], dtype="float16", raises=NotImplementedError),
    bad("bools, weighted", ["bool"], dtype="bool", weight=(3,)),
    ErrorCase(of([1.0], "tensor"), ["input", "list"], id="input a list"),
    ErrorCase(of("tensor", 1.0), ["target", "float"], id="target a number"),
    ErrorCase(of("tensor", None), ["target", "NoneType"], id="target None"),
    ErrorCase(of("tensor", "tensor", weight=[1.0]), ["weight", "list"], id="weight a list"),
    ErrorCase(
        lambda torch: torch.nn.MSELoss(reduction="average")(torch.zeros(1), torch.zeros(1)),
        ["average"],
        id="module checks when called",
    ),
]


@oracle.errors(ERRORS)
def test_errors(case):
    oracle.check_error(case)


def test_tensors_on_two_devices(cuda_device):
    for one, other in (("cpu", cuda_device), (cuda_device, "cpu")):
        with pytest.raises(RuntimeError, match="same device"):
            F.mse_loss(reftorch.zeros(2, device=one), reftorch.zeros(2, device=other))


# ------------------------------------------------------------------------------------------------------- warnings
def caught(call):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    return found


CALLS = {
    "plain": lambda torch: torch.nn.functional.mse_loss(torch.zeros(2), torch.zeros(2)),
    "broadcast": lambda torch: torch.nn.functional.mse_loss(torch.zeros(2, 1), torch.zeros(2)),
    "module": lambda torch: torch.nn.MSELoss()(torch.zeros(2, 1), torch.zeros(2)),
    "deprecated": lambda torch: torch.nn.functional.mse_loss(torch.zeros(2), torch.zeros(()), size_average=False),
    "deprecated module": lambda torch: torch.nn.MSELoss(reduce=False),
    "elementwise_mean": lambda torch: torch.nn.MSELoss(reduction="elementwise_mean")(torch.zeros(2), torch.zeros(2)),
    "weight": lambda torch: torch.nn.functional.mse_loss(torch.zeros(2), torch.zeros(1), weight=torch.ones(2)),
}


@pytest.mark.parametrize("name", CALLS)
def test_warns_as_torch_does(name):
    torch = pytest.importorskip("torch")
    ours, theirs = caught(lambda: CALLS[name](reftorch)), caught(lambda: CALLS[name](torch))
    assert [(w.category, str(w.message)) for w in ours] == [(w.category, str(w.message)) for w in theirs]
    assert all(w.filename == __file__ for w in ours), "the warning points at the caller's line"


def test_loss_is_the_same_to_the_last_bit_every_time():
    x, target = reftorch.randn(5000), reftorch.randn(5000)
    assert len({F.mse_loss(x, target).item() for _ in range(5)}) == 1
