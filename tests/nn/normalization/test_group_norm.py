"""GroupNorm and F.group_norm against torch: groups of one, some and all channels, any dimensions after them."""

import math

import numpy as np
import pytest

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, array, normal, uniform
from running import kernels_of

nan, inf = math.nan, math.inf
LEARNT = dict(weight=uniform(-2, 2, 6), bias=normal(6))


def layer(id, *shape, args=(3, 6), state=LEARNT, **kwargs):
    return ModuleCase("GroupNorm", [shape], args=args, kwargs=kwargs, state=state, id=id)


def of_numbers(id, values, groups=1):
    return FunctionCase("group_norm", [array(values)], args=[groups], id=id, gradcheck=False)


CASES = [
    layer("sequences", 2, 6, 4),
    layer("images", 2, 6, 2, 3),
    layer("volumes", 1, 6, 2, 2, 2),
    layer("vectors", 3, 6),
    layer("one group", 2, 6, 3, args=(1, 6)),
    layer("a group per channel", 2, 6, 3, args=(6, 6)),
    layer("begins", 2, 6, 3, state={}),
    layer("positional", 2, 6, 3, args=(2, 6, 0.1, True)),
    layer("eps", 2, 6, 3, eps=0.5),
    layer("not affine", 2, 6, 3, state={}, affine=False),
    layer("no bias", 2, 6, 3, bias=False, state=dict(weight=uniform(-2, 2, 6))),
    layer("no samples", 0, 6, 3),
    ModuleCase(
        "GroupNorm", [array(np.zeros((2, 4, 0)), grad=False)], args=(2, 4), kwargs=dict(affine=False), id="none"
    ),
    layer("large", 9, 6, 20, 21, state={}),
    layer("large, vectors", 300, 6, args=(2, 6), state={}),
    FunctionCase("group_norm", [(2, 4, 3)], args=(2,), id="alone"),
    of_numbers("constant", [[[3.0, 3, 3]], [[0, 0, 0]]]),
    of_numbers("huge", [[1e30, -1e30], [1, 2]]),
    of_numbers("NaN and infinity", [[[1.0, inf], [1, 2]], [[nan, 1], [-inf, 2]]], groups=2),
    of_numbers("large mean", np.random.default_rng(0).standard_normal((2, 4, 50)) + 100, groups=2),
]
MUTANT_CASES = [case for case in CASES if case.id in ("sequences", "eps", "images")]


def of(x=(2, 4, 3), groups=2, dtype="float32", **others):
    """A call with ones: `others` are shapes, or what is passed as it is."""

    def call(torch):
        ones = lambda s: torch.ones(*s, dtype=getattr(torch, dtype))  # noqa: E731
        given = {name: ones(value) if isinstance(value, tuple) else value for name, value in others.items()}
        torch.nn.functional.group_norm(ones(x), groups, **given)

    return call


def other_dtype(torch):
    torch.nn.functional.group_norm(torch.ones(2, 4), 2, torch.ones(4, dtype=torch.float64))


ERRORS = [
    ErrorCase(of(groups=3), ["divisible", "[2, 4, 3]", "3"], id="groups"),
    ErrorCase(of(groups=0), ["zero", "num_groups"], id="no groups"),
    ErrorCase(of(groups=-2), ["greater than 0", "-2"], id="negative groups"),
    ErrorCase(of(groups=2.0), ["num_groups", "int", "float"], id="groups a float"),
    ErrorCase(of(groups=True), ["num_groups", "bool"], id="groups a bool"),
    ErrorCase(of(x=(4,)), ["at least 2", "[4]"], id="one dimension"),
    ErrorCase(of(x=(1, 2)), ["more than 1 value"], id="one element per group"),
    ErrorCase(of(weight=(3,)), ["weight", "[3]", "[2, 4, 3]"], id="weight's size"),
    ErrorCase(of(bias=(1, 4)), ["bias", "[1, 4]"], id="bias's shape"),
    ErrorCase(other_dtype, ["weight", "float64", "float32"], id="weight's dtype"),
    ErrorCase(of(dtype="int64"), ["group_norm", "int64", "float()"], id="int64"),
    ErrorCase(of(weight=[1.0]), ["weight", "Tensor", "list"], id="weight a list"),
    ErrorCase(of(eps="1"), ["eps", "str"], id="eps a word"),
    ErrorCase(lambda torch: torch.nn.GroupNorm(4, 6), ["6", "divisible", "4"], id="layer, groups"),
    ErrorCase(lambda torch: torch.nn.GroupNorm(0, 6), ["zero"], id="layer, no groups"),
    ErrorCase(lambda torch: torch.nn.GroupNorm(2, 6)(torch.ones(2, 4)), ["[6]", "[2, 4]"], id="layer, channels"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)


def test_one_group_is_layer_norm_and_a_group_per_channel_is_instance_norm():
    x = reftorch.randn(3, 4, 5, 6)
    assert reftorch.allclose(F.group_norm(x, 1), F.layer_norm(x, (4, 5, 6)), atol=1e-6)
    assert reftorch.allclose(F.group_norm(x, 4), F.instance_norm(x), atol=1e-6)


def test_a_bias_alone():
    """PyTorch wants a weight beside it."""
    x, bias = reftorch.randn(2, 4, 3), reftorch.randn(4, requires_grad=True)
    y = F.group_norm(x, 2, bias=bias)
    assert reftorch.equal(y, F.group_norm(x, 2, reftorch.ones(4), bias))
    y.sum().backward()
    assert bias.grad.tolist() == [6.0] * 4


def test_a_constant_group_becomes_the_bias():
    """PyTorch's is off by the digits that it loses."""
    bias = reftorch.tensor([0.3, 0.4])
    for x in (reftorch.full((2, 2, 50), 1e6), reftorch.randn(3, 2, 1)):
        assert (F.group_norm(x, 2, bias=bias) == bias.reshape(2, 1)).all()


def test_no_elements_give_no_gradient():
    x = reftorch.ones(2, 4, 0, requires_grad=True)
    weight, bias = (reftorch.ones(4, requires_grad=True) for _ in range(2))
    F.group_norm(x, 2, weight, bias).sum().backward()
    assert weight.grad.tolist() == bias.grad.tolist() == [0] * 4 and x.grad.shape == (2, 4, 0)


@pytest.mark.parametrize("shape, groups", [((2, 4, 3), 2), ((30, 16, 400), 4), ((500, 64), 8), ((3, 6, 4099), 6)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fast_form_is_the_reference(shape, groups, dtype):
    found = []
    for kind in ("reference", "fast"):
        rng, C = np.random.default_rng(0), shape[1]
        given = [rng.standard_normal(size) for size in (shape, C, C, shape)]
        given[0] += 3
        x, weight, bias, grad_y = (reftorch.from_numpy(numbers.astype(dtype)) for numbers in given)
        leaves = [tensor.requires_grad_() for tensor in (x, weight, bias)]
        with kernels_of(kind, dtype):
            y = F.group_norm(x, groups, weight, bias)
            y.backward(grad_y)
        found.append([y, *(leaf.grad for leaf in leaves)])
    for reference, fast in zip(*found):
        difference = (reference - fast).abs().max() / reference.abs().max()
        assert difference.item() < 8 * np.finfo(dtype).eps * math.sqrt(x.numel() / C)
