"""AlphaDropout and FeatureAlphaDropout against torch: the same masks from the same seed, training and evaluation."""

import math
import warnings

import pytest

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, distinct

nan, inf = math.nan, math.inf
NAMES = ("alpha_dropout", "feature_alpha_dropout")


def function(name, id, *shape, args=(), **kwargs):
    return FunctionCase(name, [distinct(*shape)], args=args, kwargs=kwargs, id=id, gradcheck=False)


def seeded(name, id, *shape, **options):
    """The same mask at every call, so that finite differences apply; returns what comes after it from the generator."""

    def run(torch, x):
        torch.manual_seed(3)
        y = getattr(torch.nn.functional, name)(x * 1, 0.4, True, **options)
        return y * 3, torch.rand(1).to(x.device)

    return ScriptCase(name, run=run, inputs=[distinct(*shape)], id=id)


def transposed(torch, x):
    torch.manual_seed(3)
    return torch.nn.functional.alpha_dropout(x.t(), 0.3, True)


CASES = [
    *[
        case
        for name in NAMES
        for case in (
            function(name, "p", 4, 5, 2, args=(0.2, True)),
            function(name, "default, no training", 4, 5),
            function(name, "training", 4, 5, training=True),
            function(name, "p 0", 4, 5, p=0, training=True),
            function(name, "p 1", 4, 5, p=1, training=True),
            function(name, "empty", 0, 5, training=True),
            FunctionCase(name, [array([[nan, inf, -inf, 1.0]] * 4)], args=(0.5, True), id="edges", gradcheck=False),
            FunctionCase(name, [(40, 50, 13)], args=(0.5, True), id="large"),
            seeded(name, "on the tape", 4, 5, 2),
            seeded(name, "in place", 4, 5, 2, inplace=True),
        )
    ],
    function("alpha_dropout", "a number", training=True),
    ModuleCase("AlphaDropout", [distinct(4, 5)], args=(0.2,), gradcheck=False),
    ModuleCase("AlphaDropout", [distinct(4, 5)], args=(0.2, True), id="inplace is ignored", gradcheck=False),
    ModuleCase("AlphaDropout", [distinct(4, 5)], id="layer, evaluation", train=False),
    ModuleCase("FeatureAlphaDropout", [distinct(2, 6, 3)], args=(0.2,), gradcheck=False),
    ModuleCase("FeatureAlphaDropout", [distinct(2, 6, 3)], id="layer, evaluation", train=False),
    ScriptCase("alpha_dropout", run=transposed, inputs=[distinct(4, 6)], id="transposed"),
]
MUTANT_CASES = [case for case in CASES if case.id == "p"]


def ones(*args, name="alpha_dropout", shape=(2, 3), dtype="float32", leaf=False, **kwargs):
    def call(torch):
        x = torch.ones(*shape, dtype=getattr(torch, dtype), requires_grad=leaf)
        getattr(torch.nn.functional, name)(x, *args, **kwargs)

    return call


ERRORS = [
    ErrorCase(ones(1.5), ["between 0 and 1", "1.5"], id="p above 1"),
    ErrorCase(ones(-0.1, True, name="feature_alpha_dropout"), ["between 0 and 1", "-0.1"], id="p below 0"),
    ErrorCase(ones(nan, True), ["nan"], id="p NaN"),
    ErrorCase(ones(0.5, 1), ["training", "bool", "int"], id="training an int"),
    ErrorCase(ones(0.5, True, dtype="int64"), ["int64", "float()"], id="int64"),
    ErrorCase(ones(0.5, True, leaf=True, inplace=True), ["leaf"], id="in place, leaf"),
    ErrorCase(ones(0.5, True, name="feature_alpha_dropout", shape=(3,)), ["at least 2 dimensions"], id="one dimension"),
    ErrorCase(lambda torch: torch.nn.functional.alpha_dropout([1.0]), ["input", "Tensor", "list"], id="list"),
    ErrorCase(lambda torch: torch.nn.AlphaDropout(1.5), ["between 0 and 1", "1.5"], id="layer, p above 1"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)


@pytest.mark.parametrize("name", NAMES)
def test_mean_and_variance_stay(name):
    reftorch.manual_seed(0)
    y = getattr(F, name)(reftorch.randn(3000, 100), 0.3, True)
    assert abs(y.mean().item()) < 0.01 and abs(y.var().item() - 1) < 0.02


def test_outside_training_the_input_itself_is_returned():
    x = reftorch.ones(3, 2)
    assert F.alpha_dropout(x) is x and F.feature_alpha_dropout(x, 0.0, True) is x


def test_an_infinite_gradient_of_planes_gives_no_warning():
    """A dropped plane multiplies it by zero: NaN, as in PyTorch, and no warning of NumPy."""
    x = reftorch.ones(2, 3, 4, requires_grad=True)
    y = F.feature_alpha_dropout(x, 1.0, training=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y.backward(reftorch.full((2, 3, 4), inf))
    assert x.grad.isnan().all()
