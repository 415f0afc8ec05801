"""The harness against torch can fail: each kind of wrongness is planted once and must be noticed."""

import numpy as np
import pytest

import oracle
import reftorch
from oracle import ErrorCase, ModuleCase, Run, ScriptCase
from reftorch.nn.arguments import filled

COMPILED = Run("compiled", "float32")


@pytest.fixture(autouse=True)
def not_counted(monkeypatch):
    """What is compared here says nothing of a component."""
    monkeypatch.setattr(oracle, "AGREEMENT", {})


def ours(torch):
    return torch is reftorch


def scaled(torch, x, factor):
    """The input times 3 in torch, times `factor` in reftorch."""
    return x * (factor if ours(torch) else 3)


class NoGradient(reftorch.autograd.Function):
    """Times 3, with a wrong derivative."""

    @staticmethod
    def forward(ctx, x):
        return x * 3

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y * 3.1


RIGHT = ScriptCase("right", run=lambda torch, x: x * 3, inputs=[(3, 2)])
WRONG = {
    "value": lambda torch, x: scaled(torch, x, 3.0001),
    "nan": lambda torch, x: scaled(torch, x, float("nan")),
    "shape": lambda torch, x: (x * 3)[:2] if ours(torch) else x * 3,
    "dtype": lambda torch, x: (x * 3).double() if ours(torch) else x * 3,
    "gradient": lambda torch, x: NoGradient.apply(x) if ours(torch) else x * 3,
    "requires_grad": lambda torch, x: (x * 3).detach() if ours(torch) else x * 3,
    "number": lambda torch, x: (x * 3, 1 if ours(torch) else 2),
    "count": lambda torch, x: (x * 3, x) if ours(torch) else (x * 3,),
}


@pytest.mark.parametrize("run", oracle.RUNS[:-1], ids=str)
def test_right_passes(run):
    pytest.importorskip("torch")
    oracle.check(RIGHT, run)


def test_the_agreement_tells_what_was_compared():
    """The largest error of all cases; none for a direction that no case has."""
    whole = ScriptCase("whole", run=lambda torch, x: (x * 3).detach(), inputs=[(3, 2)])
    for case in (RIGHT, RIGHT, whole):
        oracle.check(case, COMPILED)
    oracle.add_agreement("right", "float32", 2, forward=0.5, backward=None)
    assert oracle.AGREEMENT["right", "float32"] == dict(cases=4, forward=0.5, backward=0.0)
    assert oracle.AGREEMENT["whole", "float32"] == dict(cases=1, forward=0.0, backward=None)


@pytest.mark.parametrize("what", WRONG)
def test_wrong_is_noticed(what):
    pytest.importorskip("torch")
    with pytest.raises(AssertionError):
        oracle.check(ScriptCase(what, run=WRONG[what], inputs=[(3, 2)]), COMPILED)


def test_a_difference_between_modes_is_noticed():
    def depends(torch, x):
        from reftorch import kernel

        return x * (3 if kernel._debugging.get() else 2)

    oracle.check_modes(RIGHT)
    with pytest.raises(AssertionError, match="interpreted"):
        oracle.check_modes(ScriptCase("depends", run=depends, inputs=[(3, 2)]))


def test_gradcheck_notices():
    oracle.check_gradcheck(RIGHT)
    with pytest.raises((AssertionError, RuntimeError)):
        oracle.check_gradcheck(ScriptCase("wrong", run=lambda torch, x: NoGradient.apply(x), inputs=[(2,)]))


def reject(error, message="want 3 channels, found 2"):
    def call(torch):
        raise error(message)

    return call


class Special(ValueError):
    """A library's own subclass counts as its base."""


def test_errors_are_compared():
    pytest.importorskip("torch")
    oracle.check_error(ErrorCase(reject(ValueError), words=["3", "2", "Channels"]))
    oracle.check_error(ErrorCase(lambda torch: reject(Special if ours(torch) else ValueError)(torch)))
    oracle.check_error(ErrorCase(reject(TypeError), raises=TypeError))
    with pytest.raises(AssertionError, match="lacks"):
        oracle.check_error(ErrorCase(reject(ValueError), words=["padding"]))
    with pytest.raises(ValueError, match="want 3"):
        oracle.check_error(ErrorCase(lambda torch: reject(ValueError if ours(torch) else TypeError)(torch)))
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        oracle.check_error(ErrorCase(lambda torch: None if ours(torch) else reject(ValueError)(torch)))
    with pytest.raises(AssertionError, match="RuntimeError"):  # KeyError is a LookupError, but not the same
        oracle.check_error(ErrorCase(reject(NotImplementedError), raises=RuntimeError))


def test_error_of():
    a = np.array([1.0, np.nan, np.inf, -np.inf])
    assert oracle.error_of(a, a) == 0
    assert oracle.error_of(a, np.array([1, 0, np.inf, -np.inf])) == np.inf
    assert oracle.error_of(a, np.array([1, np.nan, -np.inf, -np.inf])) == np.inf
    assert oracle.error_of(np.array([np.inf]), np.array([1.0])) == np.inf
    assert oracle.error_of(np.array([101.0]), np.array([100.0])) == 0.01
    assert oracle.error_of(np.array([0.3]), np.array([0.1])) == pytest.approx(0.2)
    assert oracle.error_of(np.array([1]), np.array([2])) == np.inf


def test_tolerances_are_tight():
    """About eight roundings for a product, and growing with the square root of the sum's length."""
    one = {"output": np.zeros(1, np.float32), "index": np.zeros(1, np.int64)}
    many = {"output": np.zeros(100, np.float64)}
    assert 5e-7 < oracle.tolerance(one, "output") < 1.1e-6
    assert oracle.tolerance(many, "output") < 2e-14
    assert oracle.tolerance(one, "index") == oracle.tolerance(one, "output", exact=True) == 0


def test_strided_inputs_are_not_contiguous_and_the_same_numbers():
    for shape in [(4,), (2, 3), (2, 3, 4)]:
        numbers = np.random.default_rng(0).standard_normal(shape)
        leaf, view = oracle.make_leaf(reftorch, numbers, "cpu", grad=True, strided=True)
        assert not view.is_contiguous() and leaf.is_contiguous() and leaf.requires_grad
        assert np.array_equal(view.detach().numpy(), numbers)


def test_initial_values_repr_and_state_are_compared(monkeypatch):
    pytest.importorskip("torch")
    case = ModuleCase("Linear", args=(3, 2), inputs=[(4, 3)])
    oracle.check(case, COMPILED)
    for planted in (
        "repr",
        "state_dict keys",
        "initial weight",
        "state weight",
        "gradient of weight",
    ):
        right = oracle.evaluate(case, reftorch, COMPILED)
        wrong = oracle.Result(dict(right.values), dict(right.facts), right.state)
        if planted in wrong.facts:
            wrong.facts[planted] = "other"
        else:
            wrong.values[planted] = wrong.values[planted] + np.float32(0.001)
        with pytest.raises(AssertionError, match=planted.split()[0]):
            oracle.compare(case, wrong, right)


class Overwrites(reftorch.autograd.Function):
    """Right numbers, but backward writes into the gradient that it reads."""

    @staticmethod
    def forward(ctx, x):
        return x * 3

    @staticmethod
    def backward(ctx, grad_y):
        result = grad_y * 3
        grad_y.array[...] = 0
        return result


def overwrites_its_input(torch, x):
    y = x * 3
    if ours(torch):
        x.detach().array[...] = 0
    return y


@pytest.mark.parametrize("run", [overwrites_its_input, lambda t, x: Overwrites.apply(x) if ours(t) else x * 3])
def test_a_kernel_that_overwrites_what_it_reads_is_noticed(run):
    with pytest.raises(AssertionError, match="overwritten"):
        oracle.check(ScriptCase("overwrites", run=run, inputs=[(3, 2)]), COMPILED)


def test_a_kernel_that_overwrites_shared_constants_is_noticed():
    """The zeros that stand for an absent bias: the failure names them, and the next call gets new ones."""

    def run(torch, x):
        if ours(torch):
            filled(x, 3, 0).array[1] = 5
        return x * 3

    with pytest.raises(AssertionError, match="constants that all calls share"):
        oracle.check(ScriptCase("overwrites", run=run, inputs=[(3, 2)]), COMPILED)
    assert not filled(reftorch.ones(2), 3, 0).any()
