"""Normalize against the same expressions in torch: torchvision, which defines it, is not needed for that."""

import copy
import pickle

import numpy as np
import pytest

import oracle
import reftorch
import reftorch.transforms
from oracle import ErrorCase, ScriptCase
from reftorch.transforms import Normalize
from reftorch.transforms.functional import normalize


def expression(torch, tensor, mean, std, inplace=False):
    """What torchvision computes."""
    mean = torch.as_tensor(mean, dtype=tensor.dtype, device=tensor.device)
    std = torch.as_tensor(std, dtype=tensor.dtype, device=tensor.device)
    mean, std = (v.view(-1, 1, 1) if v.ndim == 1 else v for v in (mean, std))
    return (tensor if inplace else tensor.clone()).sub_(mean).div_(std)


def run(torch, *inputs, **kwargs):
    return (normalize if torch is reftorch else lambda *a, **k: expression(torch, *a, **k))(*inputs, **kwargs)


def case(id, *inputs, gradcheck=True, **kwargs):
    """The functional form; mean and std are inputs, which get gradients, or in `kwargs`, which do not."""

    def call(torch, *tensors):
        return run(torch, *tensors, **kwargs)

    return ScriptCase("Normalize", run=call, inputs=inputs, id=id, component="Normalize", gradcheck=gradcheck)


NAN, INF = float("nan"), float("inf")


MEAN, STD = [0.5, -1.0, 2.0], [0.25, 3.0, 0.1]
CASES = [
    case("image", (3, 4, 5), mean=MEAN, std=STD),
    case("batch", (2, 3, 3, 4), mean=MEAN, std=STD),
    case("three leading dimensions", (2, 1, 2, 3, 2, 3), mean=MEAN, std=STD),
    case("one channel", (2, 1, 4, 3), mean=[0.3], std=[0.7]),
    case("one value for all channels", (2, 3, 2, 3), mean=[0.3], std=STD),
    case("numbers", (3, 2, 3), mean=0.3, std=0.7),
    case("integers", (3, 2, 3), mean=[0, 1, 2], std=(1, 2, 4)),
    case("negative deviation", (2, 2, 3), mean=[0, 1], std=[-1.0, 2.0]),
    case("NumPy", (3, 2, 3), mean=np.array(MEAN), std=np.array(STD, np.float32)),
    case("columns", (2, 3, 2, 3), mean=np.reshape(MEAN, (3, 1, 1)), std=np.array([[[2.0]]])),
    case("one value for each pixel", (2, 3, 2, 2), (3, 2, 2), oracle.uniform(1, 2, 2, 2)),
    case("one value for each image", (2, 3, 2, 2), (2, 1, 1, 1), oracle.uniform(1, 2, 2, 3, 1, 1)),
    case("NaN and infinity", oracle.array([[[NAN, INF, -INF, 1.0]]]), mean=[1.0], std=[2.0], gradcheck=False),
    case("NaN and infinity as mean and deviation", (3, 1, 2), mean=[NAN, INF, 0], std=[1, 1, INF], gradcheck=False),
    case("empty batch", (0, 3, 4, 5), mean=MEAN, std=STD),
    case("empty batch, learned", (0, 3, 4, 5), (3,), oracle.uniform(0.5, 2, 3)),
    case("empty rows", (3, 0, 5), mean=MEAN, std=STD),
    case("no channels", (0, 4, 5), mean=[], std=[]),
    case("learned mean and deviation", (2, 3, 4, 3), (3,), oracle.uniform(0.5, 2, 3)),
    case("learned mean, one for all", (2, 3, 2, 3), (1,), std=STD),
    case("learned deviation, a scalar", (3, 2, 3), oracle.normal(3, grad=False), oracle.uniform(0.5, 2)),
    case("images without gradient", oracle.normal(2, 2, 3, grad=False), (2,), oracle.uniform(0.5, 2, 2)),
    case("large", (4, 3, 33, 47), (3,), oracle.uniform(0.5, 2, 3)),
]


def in_place(torch, x, mean, std):
    """The tensor itself is changed and returned; what is computed from it goes back through the normalization."""
    y = x * 2
    result = run(torch, y, mean, std, inplace=True)
    assert result is y
    return result, y * 3


def in_place_without_tape(torch, x):
    x = x.detach()
    part = x[:, 1:]  # a view that is not contiguous
    assert run(torch, part, MEAN, STD, inplace=True) is part
    return x


def in_place_on_a_view(torch, x):
    y = x * 2
    run(torch, y[1], MEAN, STD, inplace=True)
    return y


def script(run, *inputs, **options):
    return ScriptCase("Normalize", run=run, inputs=inputs, id=run.__name__, component="Normalize", **options)


CASES += [
    script(in_place, (2, 3, 2, 3), (3,), oracle.uniform(0.5, 2, 3)),
    script(in_place_without_tape, (3, 4, 2, 2), gradcheck=False, changes_inputs=True),
    script(in_place_on_a_view, (2, 3, 2, 2)),
]


test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(__file__, CASES)


# ------------------------------------------------------------------------------------------------ the module
def test_module():
    x = reftorch.randn(2, 3, 4, 5)
    module = Normalize(MEAN, std=STD)
    assert isinstance(module, reftorch.nn.Module) and not list(module.parameters())
    np.testing.assert_array_equal(module(x).numpy(), normalize(x, MEAN, STD).numpy())
    assert (module.mean, module.std, module.inplace) == (MEAN, STD, False)
    assert repr(module) == "Normalize(mean=[0.5, -1.0, 2.0], std=[0.25, 3.0, 0.1])"
    assert repr(Normalize(mean=(0.5,), std=0.1, inplace=True)) == "Normalize(mean=(0.5,), std=0.1)"
    assert "(0): Normalize(mean=[0], std=[1])" in repr(reftorch.nn.Sequential(Normalize([0], [1])))
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        np.testing.assert_array_equal(twin(x).numpy(), module(x).numpy())


def test_module_in_place():
    x = reftorch.ones(2, 2, 3)
    before = x._version
    assert Normalize([1, 2], [1, 2], inplace=True)(x) is x
    assert x.tolist() == [[[0.0] * 3] * 2, [[-0.5] * 3] * 2]
    assert x._version > before
    untouched = reftorch.ones(2, 2, 3)
    Normalize([1, 2], [1, 2])(untouched)
    assert untouched.tolist() == reftorch.ones(2, 2, 3).tolist() and untouched._version == 0


def test_in_place_spoils_what_the_tape_needs():
    x = reftorch.ones(1, 2, 3, requires_grad=True) * 2
    square = (x * x).sum()
    normalize(x, [0.5], [0.5], inplace=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        square.backward()


def test_normalized_images_have_mean_0_and_deviation_1():
    x = reftorch.rand(5, 3, 8, 9, dtype=reftorch.float64) * 7 + 3
    channels = x.transpose(0, 1).reshape(3, -1)
    y = normalize(x, channels.mean(1), channels.std(1)).transpose(0, 1).reshape(3, -1)
    np.testing.assert_allclose(y.mean(1).numpy(), np.zeros(3), atol=1e-14)
    np.testing.assert_allclose(y.std(1).numpy(), np.ones(3), rtol=1e-14)


def test_half_precision():
    x = reftorch.ones(1, 2, 2).to(reftorch.float16)
    y = normalize(x, [0.5], [0.25])
    assert y.dtype is reftorch.float16 and y.tolist() == [[[2.0, 2.0], [2.0, 2.0]]]


def test_mean_follows_the_image_to_its_device(cuda_device):
    x = reftorch.ones(2, 1, 2, device=cuda_device)
    y = normalize(x, reftorch.tensor([0.5, 0]), reftorch.tensor([0.5, 2], device=cuda_device))
    assert y.device.type == "cuda" and y.tolist() == [[[1, 1]], [[0.5, 0.5]]]


# ------------------------------------------------------------------------------------------------ errors
def refused(id, words, raises, *shape, mean=(0.5,), std=(0.5,), dtype="float32", **options):
    def call(torch):
        return normalize(torch.ones(shape, dtype=getattr(torch, dtype)), mean, std, **options)

    return ErrorCase(call, words, raises=raises, id=id)


def leaf_in_place(torch):
    return normalize(torch.ones(1, 2, 2, requires_grad=True), [0], [1], inplace=True)


IMAGE = (3, 4, 5)
ERRORS = [
    ErrorCase(lambda torch: normalize([[[1.0]]], [0], [1]), ["img", "list", "torch.tensor"], TypeError, "list"),
    ErrorCase(lambda torch: Normalize([0], [1])(np.ones(IMAGE)), ["ndarray", "from_numpy"], TypeError, "NumPy"),
    refused("scalar", ["not a torch image", "[]"], TypeError),
    refused("row", ["not a torch image", "[4]"], TypeError, 4),
    refused("integers", ["float", "uint8", "255"], TypeError, *IMAGE, dtype="uint8"),
    refused("integers of two dimensions", ["float", "int64"], TypeError, 4, 5, dtype="int64"),
    refused("no channels", ["(..., C, H, W)", "[4, 5]", "unsqueeze"], ValueError, 4, 5),
    refused("zero deviation", ["std", "zero", "float32", "[1.0, 0.0, 1.0]"], ValueError, *IMAGE, std=[1, 0, 1]),
    refused("zero in float32", ["std", "zero", "float32"], ValueError, *IMAGE, std=[1e-50]),
    refused("zero in general shape", ["std", "zero"], ValueError, *IMAGE, std=np.zeros((4, 5))),
    refused("two means", ["mean", "2 values", "[3, 4, 5]", "3 channels"], RuntimeError, *IMAGE, mean=[1, 2]),
    refused("four deviations", ["std", "4 values", "3 channels"], RuntimeError, *IMAGE, std=[1, 2, 3, 4]),
    refused("no mean", ["mean", "0 values"], RuntimeError, *IMAGE, mean=[]),
    refused("colours of a grey image", ["3 values", "1 channels"], RuntimeError, 2, 1, 4, 5, mean=[1, 2, 3]),
    refused("matrix that does not fit", ["4", "2"], RuntimeError, *IMAGE, mean=np.ones((2, 5))),
    refused("batch of means", ["shape"], RuntimeError, *IMAGE, mean=np.ones((2, 3, 1, 1))),
    refused("mean is None", [], TypeError, *IMAGE, mean=None),
    ErrorCase(leaf_in_place, ["leaf", "in-place"], RuntimeError, "leaf in place"),
]


@oracle.errors(ERRORS)
def test_errors(case):
    oracle.check_error(case)


def test_nothing_is_written_before_an_error():
    x = reftorch.ones(1, 2, 2, requires_grad=True)
    with pytest.raises(RuntimeError):
        normalize(x, [0.5], [0.5], inplace=True)
    assert x.tolist() == [[[1.0, 1.0], [1.0, 1.0]]]
