"""F.batch_norm against torch: training and evaluation, running statistics, gradients, state."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import Run, ScriptCase, array, normal, uniform
from reftorch import nn
from running import kernels_of

nan, inf = math.nan, math.inf


def batch_norm(*wanted, **options):
    """F.batch_norm of x and of the tensors that are `wanted`; the running statistics are returned too."""

    def run(torch, x, *tensors):
        given = {"running_mean": None, "running_var": None} | dict(zip(wanted, tensors))
        y = torch.nn.functional.batch_norm(x, **given, **options)
        return y, *[given[name] for name in wanted if name.startswith("running")]

    return run


def of(id, shape, *wanted, gradcheck=True, statistics=None, x=None, **options):
    C = shape[1]
    start = {"running_mean": normal(C, grad=False), "running_var": uniform(0.5, 2, C, grad=False)} | (statistics or {})
    inputs = [normal(*shape) if x is None else array(x), *[start.get(name, normal(C)) for name in wanted]]
    changes = options.get("training", False) and "running_mean" in wanted  # so two calls do not agree
    run = batch_norm(*wanted, **options)
    return ScriptCase(
        "batch_norm", run=run, inputs=inputs, id=id, gradcheck=gradcheck and not changes, changes_inputs=changes
    )


def into_strided_statistics(torch, x):
    mean, var = x.new_zeros(6)[::2], x.new_ones(2, 3).t()[:, 1]
    y = torch.nn.functional.batch_norm(x, mean, var, training=True)
    return y, mean, var


RUNNING, ALL = ("running_mean", "running_var"), ("running_mean", "running_var", "weight", "bias")
CASES = [
    # the function: any dimensions after the channels, any of the tensors
    of("all", (4, 3), *ALL, training=True),
    of("all, evaluation", (4, 3), *ALL),
    of("images", (2, 3, 4, 3), *ALL, training=True, momentum=0.4),
    of("images, evaluation", (2, 3, 4, 3), *ALL, eps=0.1),
    of("volumes", (2, 2, 3, 2, 2), *ALL, training=True),
    of("more dimensions", (2, 2, 1, 2, 1, 3), *RUNNING, training=True),
    of("batch alone", (4, 3), training=True),
    of("weight alone", (4, 3), "weight", training=True),
    of("bias alone", (4, 3), "bias", training=True),
    of("weight alone, evaluation", (4, 3), *RUNNING, "weight"),
    of("bias alone, evaluation", (4, 3, 2), *RUNNING, "bias"),
    of("statistics alone", (4, 3), *RUNNING, training=True),
    of("eps an int", (4, 3), *ALL, training=True, eps=1),
    of("eps 0, evaluation", (4, 3), *ALL, eps=0),
    of("empty, no statistics, evaluation", (0, 3), "weight", "bias"),
    of("no channels", (2, 0), training=True),
    of("two numbers", (2, 3), *ALL, training=True),
    of("large mean", (64, 2, 10), training=True, x=np.random.default_rng(0).standard_normal((64, 2, 10)) + 100),
    *[
        of(f"{odd}, {'training' if training else 'evaluation'}", (3, 2), *ALL, training=training, gradcheck=False,
           x=[[1.0, 2], [odd, 4], [0, 3]])
        for odd in (nan, inf, -inf)
        for training in (True, False)
    ],
    ScriptCase("batch_norm", run=into_strided_statistics, inputs=[(4, 3)], id="into strided statistics", gradcheck=False),
]  # fmt: skip
MUTANT_CASES = [case for case in CASES if case.id in ("all", "images", "all, evaluation", "images, evaluation")]
test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(
    __file__, CASES, mutant_cases=MUTANT_CASES
)


@st.composite
def any_case(draw):
    """Any shape, any of the four tensors, training or evaluation."""
    N, C = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    shape = (N, C, *draw(st.lists(st.integers(1, 3), max_size=3)))
    training = draw(st.booleans()) and math.prod(shape) > C
    wanted = RUNNING if not training or draw(st.booleans()) else ()
    wanted += tuple(name for name in ("weight", "bias") if draw(st.booleans()))
    options = dict(
        training=training, momentum=draw(st.sampled_from([0.1, 0.9])), eps=draw(st.sampled_from([1e-5, 0.5]))
    )
    return of("any", shape, *wanted, **options)


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(any_case(), st.booleans())
def test_any_shape_and_tensors(case, strided):
    oracle.check(case, Run("compiled", "float64", strided))


# ------------------------------------------------------------------------------------------------------ properties
def test_output_has_mean_0_and_variance_1():
    x = reftorch.randn(50, 4, 3, dtype=reftorch.float64) * 7 + 1000
    y = nn.BatchNorm1d(4, eps=1e-12, dtype=reftorch.float64)(x)
    assert y.mean((0, 2)).abs().max() < 1e-12 and (y.var((0, 2), unbiased=False) - 1).abs().max() < 1e-9


def test_a_constant_channel_becomes_its_bias():
    m = nn.BatchNorm1d(2)
    reftorch.nn.init.constant_(m.bias, 0.3)
    assert (m(reftorch.full((5, 2), 1e6)) == m.bias).all()


def test_float32_statistics_keep_their_digits_beside_a_large_mean():
    """The one-pass formula, or sums in float32, would be off by more than the variance."""
    x = reftorch.from_numpy((1e4 + np.random.default_rng(0).standard_normal((4096, 1))).astype("float32"))
    mean, var = reftorch.zeros(1), reftorch.ones(1)
    F.batch_norm(x, mean, var, training=True, momentum=1)
    exact = x.double()
    assert mean.item() == pytest.approx(exact.mean().item(), rel=1e-7)
    assert var.item() == pytest.approx(exact.var().item(), rel=1e-6)


@pytest.mark.parametrize("shape", [(3, 2, 1), (500, 130, 1), (30, 7, 300), (2, 5, 4099)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("training", [True, False])
def test_fast_form_is_the_reference(shape, dtype, training):
    found = []
    for kind in ("reference", "fast"):
        rng, C = np.random.default_rng(0), shape[1]
        given = [rng.standard_normal(size) for size in (shape, C, C, shape, C)] + [rng.uniform(1, 2, C)]
        given[0] += 3
        x, weight, bias, grad_y, mean, var = (reftorch.from_numpy(numbers.astype(dtype)) for numbers in given)
        leaves = [tensor.requires_grad_() for tensor in (x, weight, bias)]
        with kernels_of(kind, dtype):
            y = F.batch_norm(x, mean, var, weight, bias, training, 0.3)
            y.backward(grad_y)
        found.append([y, mean, var, *(leaf.grad for leaf in leaves)])
    for reference, fast in zip(*found):
        difference = (reference - fast).abs().max() / reference.abs().max()
        assert difference.item() < 8 * np.finfo(dtype).eps * math.sqrt(x.numel() / C)


def test_an_infinite_variance_gives_the_bias():
    x = reftorch.tensor([[1e30], [-1e30], [1e30], [-1e30]])
    for kind in ("reference", "fast"):
        with reftorch.kernels(kind):
            assert F.batch_norm(x, None, None, None, reftorch.tensor([5.0]), True).tolist() == [[5.0]] * 4


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("mode", ["reference", "fast"])
def test_an_infinite_variance_has_gradients_of_zero(mode, training):
    x = reftorch.tensor([[-3e30], [3e30], [1e30]], requires_grad=True)  # the squares are beyond float32
    weight, bias = reftorch.ones(1, requires_grad=True), reftorch.zeros(1, requires_grad=True)
    with reftorch.kernels(mode):
        statistics = reftorch.zeros(1), reftorch.tensor([inf])
        y = F.batch_norm(x, *statistics, weight, bias, training)
        y.backward(reftorch.tensor([[1.0], [2], [3]]))
    assert y.flatten().tolist() == x.grad.flatten().tolist() == [0, 0, 0]
    assert weight.grad.item() == 0 and bias.grad.item() == 6


@pytest.mark.parametrize("training", [False, True])
def test_nothing_without_channels_stays_nothing(training):
    x = reftorch.ones(0, requires_grad=True)
    y = F.batch_norm(x, reftorch.ones(0), reftorch.ones(0), training=training)
    y.sum().backward()
    assert y.shape == x.grad.shape == (0,) and y is not x
