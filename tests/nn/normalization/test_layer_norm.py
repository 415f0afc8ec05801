"""LayerNorm and F.layer_norm against torch: one and more dimensions of features, scale and shift, large means."""

import math

import numpy as np
import pytest

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, normal, uniform
from running import kernels_of

nan, inf = math.nan, math.inf
LEARNT = dict(weight=uniform(-2, 2, 4), bias=normal(4))


def layer(id, *shape, args=(4,), state=LEARNT, **kwargs):
    return ModuleCase("LayerNorm", [shape], args=args, kwargs=kwargs, state=state, id=id)


def with_a_bias_alone(torch, x, bias):
    return torch.nn.functional.layer_norm(x, (4,), bias=bias)


def of_numbers(id, values, **options):
    x = array(values)
    return FunctionCase("layer_norm", [x], args=[(np.asarray(values).shape[-1],)], id=id, gradcheck=False, **options)


FEATURES = [normal(2, 3), normal(2, 3)]
CASES = [
    layer("rows", 5, 4),
    layer("one row", 4),
    layer("sequences", 2, 3, 4),
    layer("begins", 3, 4, state={}),
    layer("eps", 3, 4, eps=0.5),
    layer("positional", 3, 4, args=(4, 0.1, True, False), state=dict(weight=uniform(-2, 2, 4))),
    layer("not affine", 3, 4, state={}, elementwise_affine=False),
    layer("no bias", 3, 4, bias=False, state=dict(weight=uniform(-2, 2, 4))),
    layer("two dimensions", 2, 2, 3, args=([2, 3],), state=dict(zip(("weight", "bias"), FEATURES))),
    layer("all dimensions", 2, 3, args=((2, 3),), state=dict(zip(("weight", "bias"), FEATURES))),
    layer("one feature", 3, 1, args=(1,), state=dict(weight=array([2.0]), bias=array([0.5]))),
    layer("no rows", 0, 4),
    layer("no features", 2, 0, args=(0,), state={}),
    layer("large", 61, 230, args=(230,), state={}),
    layer("large, few features", 2000, 5, args=(5,), state={}),
    FunctionCase("layer_norm", [(3, 4)], args=((4,),), id="alone"),
    FunctionCase("layer_norm", [(3, 4)], args=((4,), normal(4), normal(4), 0.1), id="constants"),
    ScriptCase("layer_norm", run=with_a_bias_alone, inputs=[(3, 4), (4,)], id="bias alone"),
    of_numbers("constant", [[3.0, 3, 3], [0, 0, 0]]),
    of_numbers("huge", [[1e30, -1e30], [1, 2]]),
    of_numbers("NaN and infinity", [[1.0, inf], [-inf, 2], [nan, 1], [1, 2]]),
    of_numbers("large mean", np.random.default_rng(0).standard_normal((20, 50)) + 100),
]
MUTANT_CASES = [case for case in CASES if case.id in ("rows", "eps", "two dimensions")]


def of(x=(2, 3), shape=(3,), dtype="float32", **others):
    """A call with ones: `others` are shapes, or what is passed as it is."""

    def call(torch):
        ones = lambda s, d=dtype: torch.ones(*s, dtype=getattr(torch, d))  # noqa: E731
        given = {name: ones(value) if isinstance(value, tuple) else value for name, value in others.items()}
        torch.nn.functional.layer_norm(ones(x), shape, **given)

    return call


def other_dtype(name):
    def call(torch):
        torch.nn.functional.layer_norm(torch.ones(2, 3), (3,), **{name: torch.ones(3, dtype=torch.float64)})

    return call


ERRORS = [
    ErrorCase(of(shape=3), ["normalized_shape", "tuple of ints", "int", "(3,)"], id="int"),
    ErrorCase(of(shape=(3.0,)), ["normalized_shape", "float", "pos 0"], id="float"),
    ErrorCase(of(shape=()), ["normalized_shape", "at least 1"], id="no shape"),
    ErrorCase(of(shape=(2,)), ["[2]", "[*, 2]", "[2, 3]"], id="other size"),
    ErrorCase(of(x=(3,), shape=(1, 3)), ["[1, 3]", "[3]"], id="too few dimensions"),
    ErrorCase(of(weight=(2,)), ["weight", "[2]", "[3]"], id="weight's size"),
    ErrorCase(of(bias=(1, 3)), ["bias", "[1, 3]", "[3]"], id="bias's shape"),
    ErrorCase(other_dtype("weight"), ["weight", "float64", "float32"], id="weight's dtype"),
    ErrorCase(other_dtype("bias"), ["bias", "float64", "float32"], id="bias's dtype"),
    ErrorCase(of(dtype="int64"), ["layer_norm", "int64", "float()"], id="int64"),
    ErrorCase(of(weight=[1.0]), ["weight", "Tensor", "list"], id="weight a list"),
    ErrorCase(of(eps="1"), ["eps", "str"], id="eps a word"),
    ErrorCase(lambda torch: torch.nn.functional.layer_norm([1.0], (1,)), ["input", "Tensor", "list"], id="list"),
    ErrorCase(lambda torch: torch.nn.LayerNorm(-1), ["negative"], id="negative"),
    ErrorCase(lambda torch: torch.nn.LayerNorm(3.0), ["float"], id="layer of a float"),
    ErrorCase(lambda torch: torch.nn.LayerNorm(4)(torch.ones(4, 3)), ["[4]", "[4, 3]"], id="layer, other size"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)


def test_each_row_has_mean_0_and_variance_1():
    x = reftorch.randn(50, 40, dtype=reftorch.float64) * 7 + 1000
    y = F.layer_norm(x, (40,), eps=1e-12)
    assert y.mean(1).abs().max() < 1e-12 and (y.var(1, unbiased=False) - 1).abs().max() < 1e-9


def test_a_constant_row_becomes_the_bias():
    y = F.layer_norm(reftorch.full((3, 50), 1e6), (50,), bias=reftorch.full((50,), 0.3))
    assert (y == 0.3).all()


@pytest.mark.parametrize("N, D", [(3, 5), (64, 768), (3000, 16), (7, 4099)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fast_form_is_the_reference(N, D, dtype):
    found = []
    for kind in ("reference", "fast"):
        rng = np.random.default_rng(0)
        given = [rng.standard_normal(shape) for shape in ((N, D), (D,), (D,), (N, D))]
        given[0] += 3
        x, weight, bias, grad_y = (reftorch.from_numpy(numbers.astype(dtype)) for numbers in given)
        leaves = [tensor.requires_grad_() for tensor in (x, weight, bias)]
        with kernels_of(kind, dtype):
            y = F.layer_norm(x, (D,), weight, bias)
            y.backward(grad_y)
        found.append([y, *(leaf.grad for leaf in leaves)])
    for reference, fast in zip(*found):
        difference = (reference - fast).abs().max() / reference.abs().max()
        assert difference.item() < 8 * np.finfo(dtype).eps * math.sqrt(max(N, D))


def test_tensors_on_two_devices(cuda_device):
    """Weight and bias together, which a check of each pair does not find."""
    with pytest.raises(RuntimeError, match="same device"):
        reftorch.nn.LayerNorm(3).to("cuda")(reftorch.ones(2, 3))
