"""BatchNorm1d and F.batch_norm against torch: training and evaluation, running statistics, gradients, state."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ModuleCase, Run, ScriptCase, array, normal, uniform
from reftorch import nn

nan, inf = math.nan, math.inf
LEARNT = dict(weight=uniform(-2, 2, 3), bias=normal(3))
SEEN = dict(running_mean=normal(3), running_var=uniform(0.5, 2, 3))


def layer(id, *shape, state=None, args=(3,), train=True, **kwargs):
    """BatchNorm1d(3) with weights and statistics that are not those of the beginning."""
    known = {**LEARNT, **SEEN} if state is None else state
    return ModuleCase("BatchNorm1d", [shape], args=args, kwargs=kwargs, state=known, train=train, id=id)


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
    return ScriptCase("batch_norm", run=run, inputs=inputs, id=id, gradcheck=gradcheck and not changes)


def three_batches(torch, *batches):
    """The plain average over batches."""
    m = torch.nn.BatchNorm1d(3, momentum=None).to(batches[0].dtype).to(batches[0].device)
    outputs = [m(x) for x in batches]
    return *outputs, m.running_mean, m.running_var, m.num_batches_tracked


def train_then_evaluate(torch, x):
    m = torch.nn.BatchNorm1d(3, affine=False).to(x.dtype).to(x.device)
    return m(x), m(2 * x), m.eval()(x), m.num_batches_tracked


def switched_off(torch, x):
    """A layer that kept statistics and is told to keep none: it normalizes with them in evaluation all the same."""
    m = torch.nn.BatchNorm1d(3, affine=False).to(x.dtype).to(x.device)
    m(x)
    m.track_running_stats = False
    return m(2 * x), m.eval()(x), m.running_mean, m.num_batches_tracked


def without_a_count(torch, x):
    m = torch.nn.BatchNorm1d(3, affine=False, momentum=0.3).to(x.dtype).to(x.device)
    m.num_batches_tracked = None
    return m(x), m.running_mean, m.running_var


def into_strided_statistics(torch, x):
    mean, var = x.new_zeros(6)[::2], x.new_ones(2, 3).t()[:, 1]
    y = torch.nn.functional.batch_norm(x, mean, var, training=True)
    return y, mean, var


RUNNING, ALL = ("running_mean", "running_var"), ("running_mean", "running_var", "weight", "bias")
CASES = [
    layer("vectors", 5, 3),
    layer("sequences", 4, 3, 5),
    layer("evaluation, vectors", 5, 3, train=False),
    layer("evaluation, sequences", 4, 3, 5, train=False),
    layer("evaluation of one vector", 1, 3, train=False),
    layer("one sequence", 1, 3, 4),
    layer("sequences of one", 4, 3, 1),
    layer("positional", 4, 3, args=(3, 0.1, 0.3, True, True)),
    layer("eps, momentum", 4, 3, 2, eps=0.5, momentum=0.7),
    layer("momentum 0", 4, 3, momentum=0.0),
    layer("momentum 1", 4, 3, momentum=1),
    layer("momentum None", 4, 3, momentum=None),
    layer("momentum None, evaluation", 4, 3, momentum=None, train=False),
    layer("not affine", 4, 3, state=SEEN, affine=False),
    layer("not affine, evaluation", 4, 3, state=SEEN, affine=False, train=False),
    layer("no bias", 4, 3, state=SEEN, bias=False),
    layer("no bias, evaluation", 4, 3, 2, state=SEEN, bias=False, train=False),
    layer("not tracked", 4, 3, state=LEARNT, track_running_stats=False),
    layer("not tracked, evaluation", 4, 3, state=LEARNT, track_running_stats=False, train=False),
    layer("nothing at all", 4, 3, state={}, affine=False, track_running_stats=False),
    layer("begins", 4, 3, state={}),
    layer("empty batch", 0, 3),
    layer("empty batch, evaluation", 0, 3, train=False),
    layer("sequences of none", 2, 3, 0),
    layer("large", 64, 3, 50),
    layer("large, evaluation", 64, 3, 50, train=False),
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
    *[
        ScriptCase("batch_norm", run=run, inputs=shapes, id=run.__name__, gradcheck=False)  # no gradient of statistics
        for run, shapes in [
            (three_batches, [(4, 3), (2, 3), (5, 3, 2)]),
            (train_then_evaluate, [(4, 3)]),
            (switched_off, [(4, 3)]),
            (without_a_count, [(4, 3)]),
            (into_strided_statistics, [(4, 3)]),
        ]
    ],
]  # fmt: skip
MUTANT_CASES = [
    case
    for case in CASES
    if case.id in ("sequences", "evaluation, sequences", "eps, momentum", "images", "all, evaluation")
]


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


def test_sequences_are_vectors_at_more_positions():
    x, m = reftorch.randn(4, 3, 5), nn.BatchNorm1d(3)
    flat = m(x.permute(0, 2, 1).reshape(20, 3))
    assert (m(x).permute(0, 2, 1).reshape(20, 3) - flat).abs().max() < 1e-6


def test_gradient_in_evaluation_is_that_of_its_forward():
    """Also if a training step updates the statistics before backward."""
    x, m = reftorch.randn(4, 3), nn.BatchNorm1d(3)
    x.requires_grad_()
    y = m.eval()(x)
    m.train()(x + 5)
    y.sum().backward()
    assert reftorch.allclose(x.grad, reftorch.full((4, 3), 1 / math.sqrt(1 + m.eps)))


def test_a_training_step_changes_no_statistics_under_eval():
    m = nn.BatchNorm1d(3).eval()
    m(reftorch.randn(4, 3)).sum().backward()
    assert (
        m.num_batches_tracked.item() == 0 and m.running_mean.tolist() == [0] * 3 and m.running_var.tolist() == [1] * 3
    )
