"""Dropout1d, Dropout2d and Dropout3d against torch: the same channels from the same seed, shapes, warnings, in place."""

import math
import warnings

import numpy as np
import pytest

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, distinct

nan, inf = math.nan, math.inf


def function(n, id, *shape, args=(), **kwargs):
    return FunctionCase(
        f"dropout{n}d", [distinct(*shape)], args=args, kwargs=kwargs, id=id, gradcheck=False, exact=True
    )


def seeded(n, id, *shape, **options):
    """The same mask at every call, so that finite differences apply; returns what comes after it from the generator."""

    def run(torch, x):
        torch.manual_seed(3)
        y = getattr(torch.nn.functional, f"dropout{n}d")(x * 1, 0.4, **options)
        return y * 3, torch.rand(1).to(x.device)

    return ScriptCase(f"dropout{n}d", run=run, inputs=[distinct(*shape)], id=id)


def in_place(torch, x):
    torch.manual_seed(3)
    y = x * 1
    torch.nn.Dropout2d(0.4, inplace=True)(y.transpose(1, 2))
    return y, torch.tensor(y._version, device=x.device)


def warned(n, *shape):
    """The output, and how often it warns of what."""

    def run(torch, x):
        torch.manual_seed(3)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            y = getattr(torch.nn.functional, f"dropout{n}d")(x, 0.4)
        return y, [(w.category.__name__, str(w.message).split(",")[0]) for w in caught]

    return ScriptCase(
        f"dropout{n}d", run=run, inputs=[distinct(*shape)], id=f"{len(shape)} dimensions", gradcheck=False
    )


CASES = [
    function(1, "sequences", 2, 6, 3),
    function(1, "unbatched", 6, 3),
    function(2, "images", 2, 6, 2, 3, args=(0.2,)),
    function(3, "volumes", 2, 6, 2, 1, 3, args=(0.7, True, False)),
    function(3, "unbatched", 6, 2, 1, 3),
    function(2, "evaluation", 2, 3, 2, 2, training=False),
    function(1, "p 0", 2, 3, 4, p=0),
    function(1, "p 1", 2, 3, 4, p=1.0),
    function(2, "empty", 0, 3, 2, 2),
    function(2, "no pixels", 2, 3, 0, 2),
    FunctionCase("dropout1d", [array([[[nan, inf], [-inf, 1]]] * 3)], id="edges", gradcheck=False),
    FunctionCase("dropout2d", [(16, 32, 5, 8)], id="large", exact=True),
    ModuleCase("Dropout1d", [distinct(2, 6, 3)], args=(0.2,), gradcheck=False),
    ModuleCase("Dropout2d", [distinct(2, 6, 3, 1)], args=(0.2,), gradcheck=False),
    ModuleCase("Dropout3d", [distinct(2, 6, 3, 1, 1)], args=(0.2,), gradcheck=False),
    ModuleCase("Dropout2d", [distinct(2, 3, 3, 1)], train=False, id="layer, evaluation"),
    ModuleCase(
        "Dropout3d", [array(np.ones((6, 1, 2, 1)), grad=False)], args=(0.2, True), id="in place", changes_inputs=True
    ),
    seeded(1, "on the tape", 2, 5, 3),
    seeded(1, "in place", 2, 5, 3, inplace=True),
    seeded(1, "in place, unbatched", 5, 3, inplace=True),
    seeded(3, "in place, unbatched", 5, 1, 2, 1, inplace=True),
    ScriptCase("dropout2d", run=in_place, inputs=[distinct(2, 3, 4, 2)], id="in place, a transpose"),
    *[warned(2, *shape) for shape in [(5, 3), (2, 5, 3), (2, 5, 1, 1, 2)]],
    *[warned(3, *shape) for shape in [(5,), (5, 2), (2, 5, 3), (2, 5, 1, 1, 2, 1)]],
]
MUTANT_CASES = [case for case in CASES if case.id in ("images", "sequences")]


def ones(n, *shape, p=0.5, training=True, dtype="float32", **options):
    def call(torch):
        x = torch.ones(*shape, dtype=getattr(torch, dtype))
        getattr(torch.nn.functional, f"dropout{n}d")(x, p, training, **options)

    return call


def leaf(torch):
    torch.nn.functional.dropout2d(torch.ones(1, 2, 3, 3, requires_grad=True), inplace=True)


ERRORS = [
    ErrorCase(ones(1, 3), ["2D or 3D", "1D", "[3]"], id="1d, one dimension"),
    ErrorCase(ones(1, 2, 3, 4, 5), ["2D or 3D", "4D"], id="1d, images"),
    ErrorCase(ones(2, 3), ["at least 2 dimensions"], id="2d, one dimension"),
    ErrorCase(lambda torch: torch.nn.functional.dropout3d(torch.tensor(1.0)), ["at least 2"], id="3d, a number"),
    ErrorCase(ones(2, 1, 2, 3, 3, p=1.5), ["between 0 and 1", "1.5"], id="p above 1"),
    ErrorCase(ones(1, 2, 3, p=nan), ["nan"], id="p NaN"),
    ErrorCase(ones(2, 1, 2, 3, 3, training=1), ["training", "bool"], id="training an int"),
    ErrorCase(ones(2, 1, 2, 3, 3, dtype="int64"), ["int64", "float()"], id="int64"),
    ErrorCase(leaf, ["leaf"], id="in place, leaf"),
    ErrorCase(lambda torch: torch.nn.functional.dropout2d([1.0]), ["list"], raises=TypeError, id="list"),
    ErrorCase(lambda torch: torch.nn.Dropout2d(-0.5), ["between 0 and 1", "-0.5"], id="layer, p below 0"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)


def test_channels_are_dropped_as_a_whole():
    y = F.dropout2d(reftorch.ones(20, 10, 3, 4))
    assert reftorch.equal(y.amin((2, 3)), y.amax((2, 3))) and sorted(set(y.flatten().tolist())) == [0, 2]


@pytest.mark.parametrize("function", [F.dropout1d, F.dropout2d, F.dropout3d])
def test_in_evaluation_the_input_itself_is_returned(function):
    x = reftorch.ones(2, 3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = function(x, training=False, inplace=True)
    assert found is x and found.shape == (2, 3, 4)
