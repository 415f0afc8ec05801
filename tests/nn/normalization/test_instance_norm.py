"""F.instance_norm against torch: own and running statistics, scale and shift, what is refused."""

import math

import numpy as np
import pytest

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, ScriptCase, array, normal, uniform
from running import kernels_of

nan, inf = math.nan, math.inf
RUNNING, ALL = ("running_mean", "running_var"), ("running_mean", "running_var", "weight", "bias")


def instance_norm(*wanted, **options):
    """F.instance_norm of x and of the tensors that are `wanted`; the running statistics are returned too."""

    def run(torch, x, *tensors):
        given = dict(zip(wanted, tensors))
        y = torch.nn.functional.instance_norm(x, **given, **options)
        return y, *[given[name] for name in wanted if name.startswith("running")]

    return run


def of(id, shape, *wanted, gradcheck=True, x=None, **options):
    C = shape[1]
    start = {"running_mean": normal(C, grad=False), "running_var": uniform(0.5, 2, C, grad=False)}
    inputs = [normal(*shape) if x is None else array(x), *[start.get(name, normal(C)) for name in wanted]]
    changes = options.get("use_input_stats", True) and "running_mean" in wanted
    run = instance_norm(*wanted, **options)
    check = gradcheck and not changes
    return ScriptCase("instance_norm", run=run, inputs=inputs, id=id, gradcheck=check, changes_inputs=changes)


def into_strided_statistics(torch, x):
    mean, var = x.new_zeros(6)[::2], x.new_ones(2, 3).t()[:, 1]
    return torch.nn.functional.instance_norm(x, mean, var), mean, var


CASES = [
    of("alone", (2, 3, 4)),
    of("all", (2, 3, 4), *ALL, momentum=0.4),
    of("images", (2, 3, 2, 3), "weight", "bias", eps=0.5),
    of("volumes", (2, 2, 2, 2, 2), *ALL),
    of("weight alone", (2, 3, 4), "weight"),
    of("bias alone", (2, 3, 4), "bias"),
    of("statistics alone", (2, 3, 4), *RUNNING, momentum=1),
    of("running statistics used", (2, 3, 4), *ALL, use_input_stats=False),
    of("running statistics used, vectors", (2, 3), *RUNNING, use_input_stats=False),
    of("one sample", (1, 3, 4), *ALL),
    of("no samples", (0, 3, 4)),
    of("no positions", (2, 3, 0)),
    of("no channels", (2, 0, 3)),
    of("large", (9, 3, 20, 21), "weight", "bias"),
    of("large, statistics", (9, 3, 20, 21), *ALL),
    of("huge", (1, 1, 2), x=[[[1e30, -1e30]]], gradcheck=False),
    of("NaN and infinity", (2, 2, 2), x=[[[1.0, inf], [1, 2]], [[nan, 1], [-inf, 2]]], gradcheck=False),
    of("large mean", (2, 2, 50), x=np.random.default_rng(0).standard_normal((2, 2, 50)) + 100, gradcheck=False),
    ScriptCase(
        "instance_norm", run=into_strided_statistics, inputs=[(2, 3, 4)], id="strided statistics", gradcheck=False
    ),
]
MUTANT_CASES = [case for case in CASES if case.id in ("all", "images")]


def call(shape=(2, 3, 4), dtype="float32", leaf=(), **others):
    """A call with ones: `others` are sizes, or what is passed as it is."""

    def run(torch):
        given = {
            name: torch.ones(value, requires_grad=name in leaf)
            if type(value) is int and name != "use_input_stats"
            else value
            for name, value in others.items()
        }
        torch.nn.functional.instance_norm(torch.ones(*shape, dtype=getattr(torch, dtype)), **given)

    return run


ERRORS = [
    ErrorCase(call((2, 3)), ["more than 1 spatial element", "[2, 3]"], id="vectors"),
    ErrorCase(call((2, 3, 1)), ["more than 1 spatial element"], id="one position"),
    ErrorCase(call(use_input_stats=False), ["running_mean and running_var", "defined"], id="no statistics"),
    ErrorCase(call(running_mean=3), ["both be None"], id="mean alone"),
    ErrorCase(call(running_mean=3, use_input_stats=False), ["defined"], id="mean alone, used"),
    ErrorCase(call(weight=4), ["weight", "4", "3"], id="weight's size"),
    ErrorCase(call(running_mean=4, running_var=4), ["running_mean", "4", "3"], id="statistics' size"),
    ErrorCase(call(running_mean=3, running_var=3, leaf=["running_mean"]), ["running_mean", "detached"], id="leaf"),
    ErrorCase(call(dtype="int64"), ["instance_norm", "int64"], id="int64"),
    ErrorCase(call(dtype="float64", weight=3), ["weight", "float32", "float64"], id="weight's dtype"),
    ErrorCase(call(weight=[1.0]), ["weight", "Tensor", "list"], id="weight a list"),
    ErrorCase(call(eps="1"), ["eps", "str"], id="eps a word"),
    ErrorCase(call(momentum=None), ["momentum", "NoneType"], id="momentum None"),
    ErrorCase(call(use_input_stats=1), ["use_input_stats", "bool", "int"], id="use_input_stats an int"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)


def test_a_constant_channel_becomes_the_bias():
    """PyTorch's is off by the digits that it loses."""
    assert (F.instance_norm(reftorch.full((2, 3, 50), 1e6), bias=reftorch.full((3,), 0.3)) == 0.3).all()


def test_a_batch_without_samples_and_with_a_scale_is_empty():
    weight = reftorch.ones(3, requires_grad=True)
    y = F.instance_norm(reftorch.ones(0, 3, 4), weight=weight, bias=reftorch.ones(3))
    y.sum().backward()
    assert y.shape == (0, 3, 4) and weight.grad.tolist() == [0] * 3


@pytest.mark.parametrize("shape", [(2, 4, 3), (30, 16, 400), (3, 6, 4099)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fast_form_is_the_reference(shape, dtype):
    found = []
    for kind in ("reference", "fast"):
        rng, C = np.random.default_rng(0), shape[1]
        given = [rng.standard_normal(size) for size in (shape, C, C, shape, C)] + [rng.uniform(1, 2, C)]
        given[0] += 3
        x, weight, bias, grad_y, mean, var = (reftorch.from_numpy(numbers.astype(dtype)) for numbers in given)
        leaves = [tensor.requires_grad_() for tensor in (x, weight, bias)]
        with kernels_of(kind, dtype):
            y = F.instance_norm(x, mean, var, weight, bias)
            y.backward(grad_y)
        found.append([y, mean, var, *(leaf.grad for leaf in leaves)])
    for reference, fast in zip(*found):
        difference = (reference - fast).abs().max() / reference.abs().max()
        assert difference.item() < 8 * np.finfo(dtype).eps * math.sqrt(x.numel() / C)


@pytest.mark.parametrize("mode", ["reference", "fast"])
def test_an_infinite_variance_has_gradients_of_zero(mode):
    x = reftorch.tensor([[[-3e30, 3e30, 1e30]]], requires_grad=True)  # the squares are beyond float32
    weight, bias = reftorch.ones(1, requires_grad=True), reftorch.zeros(1, requires_grad=True)
    with reftorch.kernels(mode):
        y = F.instance_norm(x, None, None, weight, bias)
        y.backward(reftorch.tensor([[[1.0, 2, 3]]]))
    assert y.flatten().tolist() == x.grad.flatten().tolist() == [0, 0, 0]
    assert weight.grad.item() == 0 and bias.grad.item() == 6
