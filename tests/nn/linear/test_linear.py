"""Linear and F.linear: shapes, options, gradients, initialisation, errors."""

import math
import warnings

import numpy as np
import pytest

import oracle
import reftorch
from oracle import ErrorCase, FunctionCase, ModuleCase, integers, normal


def layer(id, shape, *args, **kwargs):
    return ModuleCase("Linear", args=args, kwargs=kwargs, inputs=[shape], id=id)


def function(id, *inputs, **kwargs):
    return FunctionCase("linear", inputs=inputs, id=id, component="Linear", **kwargs)


CASES = [
    layer("batch", (3, 5), 5, 4),
    layer("no bias", (3, 5), 5, 4, bias=False),
    layer("bias=0", (3, 5), 5, 4, 0),
    layer("unbatched", (5,), 5, 4),
    layer("unbatched, no bias", (5,), 5, 4, bias=False),
    layer("one leading dimension of one", (1, 5), 5, 4),
    layer("two leading dimensions", (2, 3, 5), 5, 4),
    layer("four leading dimensions", (2, 1, 3, 2, 2), 2, 3),
    layer("one feature in, one out", (3, 1), 1, 1),
    layer("wide", (3, 700), 700, 5),
    layer("many samples", (300, 7), 7, 5),
    layer("LeNet's first", (8, 400), 400, 120),
    layer("empty batch", (0, 5), 5, 4),
    layer("empty leading dimension", (2, 0, 5), 5, 4),
    layer("nothing in", (3, 0), 0, 4),
    layer("nothing out", (3, 5), 5, 0),
    layer("device and dtype", (3, 5), 5, 4, device="cpu", dtype=None),
    function("no bias", (3, 5), (4, 5)),
    function("bias None", (3, 5), (4, 5), kwargs=dict(bias=None)),
    function("keywords", (3, 5), kwargs=dict(weight=normal(4, 5), bias=normal(4))),
    function("bias", (2, 3, 5), (4, 5), (4,)),
    function("bias of one element", (3, 5), (4, 5), (1,)),
    function("bias a number", (3, 5), (4, 5), ()),
    function("weight of one dimension", (3, 5), (5,)),
    function("weight of one dimension, two leading", (2, 3, 5), (5,)),
    function("weight and input of one dimension", (5,), (5,)),
    function("weight of one dimension, bias", (5,), (5,), ()),
    function("weight of one dimension, bias, two leading", (2, 3, 5), (5,), ()),
    function("integers", integers(-9, 9, 3, 5), integers(-9, 9, 4, 5), integers(-9, 9, 4), exact=True),
    function("gradient for x only", (3, 5), normal(4, 5, grad=False), normal(4, grad=False)),
    function("gradient for weight only", normal(3, 5, grad=False), (4, 5), normal(4, grad=False)),
    function("gradient for bias only", normal(3, 5, grad=False), normal(4, 5, grad=False), (4,)),
    function("NaN and infinity", oracle.array([[math.nan, 1.0], [math.inf, 0.0], [1.0, 2.0]]),
             oracle.array([[1.0, 2.0], [0.0, 1.0]]), gradcheck=False),
]  # fmt: skip
SMALL = {"batch", "two leading dimensions", "bias", "no bias", "one feature in, one out"}
MUTANT_CASES = [case for case in CASES if case.id in SMALL]
NO_WARNING = pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")


test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(
    __file__, CASES, mutant_cases=MUTANT_CASES
)


# ------------------------------------------------------------------------------------------------------- errors
def bad(id, words, x, weight, bias=None, dtypes=("float32",) * 3):
    """An ErrorCase: F.linear of zeros with these shapes and dtypes."""

    def call(torch):
        given = zip((x, weight, bias), dtypes)
        zeros = [None if shape is None else torch.zeros(shape, dtype=getattr(torch, dtype)) for shape, dtype in given]
        return torch.nn.functional.linear(*zeros)

    return ErrorCase(call, words, id=id)


def refused(id, words, call, raises=None):
    return ErrorCase(call, words, raises, id)


F32, F64 = "float32", "float64"
ERRORS = [
    bad("features", ["[3, 5]", "5 features", "[4, 6]", "expects 6"], (3, 5), (4, 6)),
    bad("features, unbatched", ["5 features", "expects 6"], (5,), (4, 6)),
    bad("features, three dimensions", ["[2, 3, 5]", "expects 6"], (2, 3, 5), (4, 6), (4,)),
    bad("features, weight of one dimension", ["5 features", "expects 6"], (3, 5), (6,)),
    bad("forgotten flatten", ["[2, 16, 5, 5]", "expects 400", "flatten"], (2, 16, 5, 5), (120, 400)),
    bad("input without dimensions", ["at least 1D", "0D"], (), (4, 5), (4,)),
    bad("weight without dimensions", ["at least 1D", "2D and 0D"], (3, 5), ()),
    bad("weight of three dimensions", ["[2, 4, 5]", "out_features"], (3, 5), (2, 4, 5)),
    bad("bias too short", ["[3]", "[4]"], (3, 5), (4, 5), (3,)),
    bad("bias of three dimensions", ["[1, 1, 4]", "[4]"], (2, 3, 5), (4, 5), (1, 1, 4)),
    bad("bias of a weight of one dimension", ["[3]", "[1]"], (3, 5), (5,), (3,)),
    bad("weight float64", [F32, F64, "weight"], (3, 5), (4, 5), None, (F32, F64, F32)),
    bad("bias float64", [F32, F64, "bias"], (3, 5), (4, 5), (4,), (F32, F32, F64)),
    bad("bool", ["bool"], (3, 5), (4, 5), None, ("bool",) * 3),
    refused("input a list", ["input", "list"], lambda torch: torch.nn.functional.linear([1.0], torch.zeros(1, 1))),
    refused("weight a list", ["weight", "list"], lambda torch: torch.nn.functional.linear(torch.zeros(1), [1.0])),
    refused("wrong width", ["5 features", "expects 6"], lambda torch: torch.nn.Linear(6, 4)(torch.zeros(3, 5))),
    refused("negative size", ["-1"], lambda torch: torch.nn.Linear(-1, 3)),
    refused("size a float", ["float"], lambda torch: torch.nn.Linear(2.0, 3)),
    refused("size a word", ["str"], lambda torch: torch.nn.Linear("2", 3)),
    refused("size None", ["None"], lambda torch: torch.nn.Linear(None, 3)),
    refused("integer weights", ["floating"], lambda torch: torch.nn.Linear(2, 3, dtype=torch.int64)),
    refused("no input", ["input"], lambda torch: torch.nn.Linear(2, 3)()),
    refused("float16", ["float16"], lambda torch: torch.nn.Linear(2, 3, dtype=torch.float16)(
        torch.zeros(1, 2, dtype=torch.float16)), NotImplementedError),
    refused("a matrix for a bias", ["[3, 4]", "[4]"], lambda torch: torch.nn.functional.linear(
        torch.zeros(3, 5), torch.zeros(4, 5), torch.zeros(3, 4)), RuntimeError),
]  # fmt: skip


@oracle.errors(ERRORS)
def test_errors(case):
    oracle.check_error(case)


def test_tensors_on_two_devices(cuda_device):
    layer = reftorch.nn.Linear(5, 4)
    with pytest.raises(RuntimeError, match="same device"):
        layer(reftorch.zeros(3, 5).to("cuda"))
    with pytest.raises(RuntimeError, match="same device"):
        reftorch.nn.functional.linear(reftorch.zeros(3, 5), reftorch.zeros(4, 5), reftorch.zeros(4).to("cuda"))


# ---------------------------------------------------------------------------------------------- the Module itself
def test_initial_values_are_uniform_within_the_bound():
    reftorch.manual_seed(0)
    layer = reftorch.nn.Linear(400, 300)
    bound = 1 / math.sqrt(400)
    for values in (layer.weight.detach().numpy(), layer.bias.detach().numpy()):
        assert np.abs(values).max() <= bound
        assert np.abs(values).max() > 0.97 * bound
        assert abs(values.mean()) < 4 * bound / math.sqrt(3 * values.size)
        assert values.std() == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_reset_parameters_draws_anew():
    layer = reftorch.nn.Linear(5, 4)
    before = layer.weight.detach().numpy().copy()
    layer.reset_parameters()
    assert not np.array_equal(before, layer.weight.detach().numpy())


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0)])
def test_empty_layer_warns_as_torch_does(sizes):
    def warned(torch):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            layer = torch.nn.Linear(*sizes)
        return [(w.category, str(w.message)) for w in caught], layer.bias.tolist()

    ours, wanted = warned(reftorch), warned(pytest.importorskip("torch"))
    assert ours[0] == wanted[0]
    assert ours[1] == wanted[1] or sizes == (3, 0)


def test_dtype_and_device(cuda_device):
    layer = reftorch.nn.Linear(2, 3, device="cuda", dtype=reftorch.float64)
    for parameter in (layer.weight, layer.bias):
        assert parameter.dtype is reftorch.float64 and parameter.device.type == "cuda" and parameter.requires_grad
    assert layer(reftorch.ones(1, 2, device="cuda", dtype=reftorch.float64)).shape == (1, 3)


def test_absent_bias_is_a_registered_none():
    layer = reftorch.nn.Linear(2, 3, bias=False)
    assert layer.bias is None and list(layer.state_dict()) == ["weight"]


def test_every_result_fits_a_loop_in_plain_sight():
    """Against a third form, einsum, over many sizes."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        N, D_in, D_out = rng.integers(1, 40, 3)
        x, w, b = (
            rng.standard_normal((N, D_in)),
            rng.standard_normal((D_out, D_in)),
            rng.standard_normal(D_out),
        )
        y = reftorch.nn.functional.linear(*map(reftorch.from_numpy, (x, w, b))).numpy()
        np.testing.assert_allclose(y, np.einsum("ni,oi->no", x, w) + b, rtol=0, atol=1e-13 * math.sqrt(D_in) * 10)
