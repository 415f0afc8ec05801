"""RMSNorm and F.rms_norm against torch: one and more dimensions of features, epsilon of the dtype, large numbers."""

import math

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, normal, uniform

nan, inf = math.nan, math.inf
LEARNT = dict(weight=uniform(-2, 2, 4))


def layer(id, *shape, args=(4,), state=LEARNT, **kwargs):
    return ModuleCase("RMSNorm", [shape], args=args, kwargs=kwargs, state=state, id=id)


def of_numbers(id, values, **kwargs):
    return FunctionCase("rms_norm", [array(values)], args=[(2,)], kwargs=kwargs, id=id, gradcheck=False)


def scale_of_another_dtype(torch, x):
    """The result has the dtype of the input, the gradient of the scale that of the scale."""
    other = torch.float32 if x.dtype is torch.float64 else torch.float64
    weight = torch.tensor([1.0, -2, 0, 0.5], dtype=other, device=x.device, requires_grad=True)
    y = torch.nn.functional.rms_norm(x, (4,), weight)
    (grad,) = torch.autograd.grad(y.sum(), weight, retain_graph=True)
    return y, grad.to(torch.float32)


CASES = [
    layer("rows", 5, 4),
    layer("one row", 4),
    layer("sequences", 2, 3, 4),
    layer("begins", 3, 4, state={}),
    layer("eps", 3, 4, eps=0.5),
    layer("positional", 3, 4, args=(4, 0.1, True)),
    layer("not affine", 3, 4, state={}, elementwise_affine=False),
    layer("two dimensions", 2, 2, 3, args=([2, 3],), state=dict(weight=normal(2, 3))),
    layer("one feature", 3, 1, args=(1,), state={}),
    layer("no rows", 0, 4),
    layer("no features", 2, 0, args=(0,), state={}),
    layer("large", 61, 230, args=(230,), state={}),
    FunctionCase("rms_norm", [(3, 4)], args=((4,),), id="alone"),
    FunctionCase("rms_norm", [(3, 4)], args=((4,), normal(4), 0.1), id="constants"),
    FunctionCase("rms_norm", [(3, 4)], ((4,), array([1, -2, 0, 3])), id="scale of integers"),
    ScriptCase("rms_norm", run=scale_of_another_dtype, inputs=[(3, 4)], id="scale of another dtype", gradcheck=False),
    of_numbers("small", [[1e-4, 1e-4], [1e-9, 0], [0, 0]]),
    of_numbers("zero, eps 0", [[0.0, 0], [3, 4]], eps=0.0),
    of_numbers("huge", [[1e30, 1], [1, 2]]),
    of_numbers("NaN and infinity", [[1.0, inf], [-inf, 2], [nan, 1], [1, 2]]),
]
MUTANT_CASES = [case for case in CASES if case.id in ("rows", "eps", "two dimensions")]


def of(x=(2, 3), shape=(3,), dtype="float32", **others):
    """A call with ones: `others` are shapes, or what is passed as it is."""

    def call(torch):
        ones = lambda s: torch.ones(*s, dtype=getattr(torch, dtype))  # noqa: E731
        given = {name: ones(value) if isinstance(value, tuple) else value for name, value in others.items()}
        torch.nn.functional.rms_norm(ones(x), shape, **given)

    return call


ERRORS = [
    ErrorCase(of(shape=3), ["normalized_shape", "tuple of ints", "int"], id="int"),
    ErrorCase(of(shape=()), ["normalized_shape", "at least 1"], id="no shape"),
    ErrorCase(of(shape=(2,)), ["[2]", "[2, 3]"], id="other size"),
    ErrorCase(of(weight=(2,)), ["weight", "[2]", "[3]"], id="weight's size"),
    ErrorCase(of(dtype="int64"), ["rms_norm", "int64", "float()"], id="int64"),
    ErrorCase(of(weight=[1.0]), ["weight", "Tensor", "list"], id="weight a list"),
    ErrorCase(of(eps="1"), ["eps", "str"], id="eps a word"),
    ErrorCase(lambda torch: torch.nn.functional.rms_norm([1.0], (1,)), ["input", "Tensor", "list"], id="list"),
    ErrorCase(lambda torch: torch.nn.functional.rms_norm(torch.tensor(1.0), (1,)), ["at least 1"], id="a number"),
    ErrorCase(lambda torch: torch.nn.RMSNorm(4)(torch.ones(4, 3)), ["[4]", "[4, 3]"], id="layer, other size"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)


def test_of_rows_with_mean_0_it_is_layer_norm():
    x = reftorch.randn(5, 8)
    x = x - x.mean(1, keepdim=True)
    assert reftorch.allclose(F.rms_norm(x, (8,), eps=1e-5), F.layer_norm(x, (8,)), atol=1e-6)
