"""torch.nn.init: by definition and statistics, and number for number against live torch."""

from __future__ import annotations

import importlib.util
import math
import warnings

import numpy as np
import pytest

import reftorch
from reftorch.nn import init

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch, the oracle, is not installed"
)

CASES = [
    ("uniform_", (3, 5), {}),
    ("uniform_", (40,), {"a": -0.2, "b": 0.7}),
    ("normal_", (3, 5), {}),
    ("normal_", (7, 9), {"mean": -1.5, "std": 0.3}),
    ("trunc_normal_", (50, 40), {}),
    ("trunc_normal_", (5,), {"mean": 0.5, "std": 2.0, "a": -1.0, "b": 4.0}),
    ("trunc_normal_", (300,), {"std": 2.0, "a": 1.0, "b": 1.5}),
    ("trunc_normal_", (2000,), {"mean": 1.0, "std": 0.02, "a": 1.04, "b": 2.0}),
    ("trunc_normal_", (60,), {"mean": 3.0, "a": -1.0, "b": 1.0}),
    ("trunc_normal_", (0, 3), {}),
    ("constant_", (2, 3), {"val": 0.3}),
    ("ones_", (2, 3), {}),
    ("zeros_", (), {}),
    ("eye_", (3, 5), {}),
    ("eye_", (5, 3), {}),
    ("dirac_", (3, 16, 5), {}),
    ("dirac_", (6, 2, 3, 4), {}),
    ("dirac_", (6, 2, 1, 2, 3), {"groups": 3}),
    ("dirac_", (6, 1, 3), {"groups": 3}),
    ("xavier_uniform_", (3, 5), {}),
    ("xavier_uniform_", (8, 4, 3, 3), {"gain": 5 / 3}),
    ("xavier_normal_", (3, 5), {"gain": 2}),
    ("xavier_normal_", (4, 2, 3, 2, 2), {}),
    ("kaiming_uniform_", (10, 7), {"a": math.sqrt(5)}),
    ("kaiming_uniform_", (8, 4, 3, 3), {"mode": "fan_out", "nonlinearity": "relu"}),
    ("kaiming_normal_", (10, 7), {"mode": "FAN_OUT"}),
    ("kaiming_normal_", (8, 4, 5), {"nonlinearity": "selu", "a": 3}),
    ("orthogonal_", (5, 3), {}),
    ("orthogonal_", (4, 3, 2, 2), {"gain": 1.5}),
    ("orthogonal_", (6, 6), {}),
    ("orthogonal_", (0, 3), {}),
    ("sparse_", (10, 4), {"sparsity": 0.33}),
    ("sparse_", (3, 20), {"sparsity": 0.1, "std": 2.0}),
    ("sparse_", (4, 4), {"sparsity": 1.5}),
]
NAMES = [f"{name}-{shape}-{options}" for name, shape, options in CASES]


def filled(torch, name, shape, options, dtype="float32", seed=3, own_generator=False):
    """A leaf that requires grad, filled by `init.<name>`, and two numbers that show where the generator stands then."""
    functions = init if torch is reftorch else torch.nn.init
    leaf = torch.full(shape, 7.0, dtype=getattr(torch, dtype)).requires_grad_()
    torch.manual_seed(seed)
    if own_generator:
        options = {**options, "generator": torch.Generator().manual_seed(seed + 1)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        returned = getattr(functions, name)(leaf, **options)
    assert returned is leaf and leaf.requires_grad and leaf.is_leaf and leaf.grad_fn is None
    return np.array(leaf.detach().numpy()), [torch.randn(1).item(), torch.rand(1).item()]


# ------------------------------------------------------------------------------------------- against torch
@needs_torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name, shape, options", CASES, ids=NAMES)
def test_same_numbers_as_torch(name, shape, options, dtype):
    import torch

    fused = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    ours, next_ours = filled(reftorch, name, shape, options, dtype)
    theirs, next_theirs = filled(torch, name, shape, options, dtype)
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    if name == "orthogonal_":  # LAPACK and MKL add in different orders
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=30 * np.finfo(dtype).eps)
    elif dtype == "float32" and fused:
        np.testing.assert_array_equal(ours, theirs)
    else:
        allowed = 5e-16 if dtype == "float64" else 5e-6
        np.testing.assert_allclose(ours, theirs, rtol=allowed, atol=4 * allowed)
    np.testing.assert_allclose(next_ours, next_theirs, rtol=2e-7)


@needs_torch
@pytest.mark.parametrize("name", ["uniform_", "normal_", "trunc_normal_", "orthogonal_", "sparse_"])
def test_own_generator(name):
    import torch

    options = {"sparsity": 0.4} if name == "sparse_" else {}
    ours, next_ours = filled(reftorch, name, (9, 5), options, own_generator=True)
    theirs, next_theirs = filled(torch, name, (9, 5), options, own_generator=True)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=5e-6)
    np.testing.assert_allclose(next_ours, next_theirs, rtol=2e-7)


@needs_torch
@pytest.mark.parametrize("param", [None, 0, 0.2, 3])
def test_calculate_gain(param):
    import torch

    names = "linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d sigmoid tanh"
    for name in [*names.split(), "relu", "leaky_relu", "selu"]:
        assert init.calculate_gain(name, param) == torch.nn.init.calculate_gain(name, param)


@needs_torch
def test_every_name_of_torch_is_there():
    import torch

    assert set(torch.nn.init.__all__) == set(init.__all__)


ERRORS = [
    (lambda i, z: i.calculate_gain("gelu"), "gelu"),
    (lambda i, z: i.calculate_gain("leaky_relu", "a"), "'a'"),
    (lambda i, z: i.calculate_gain("leaky_relu", True), "True"),
    (lambda i, z: i.xavier_uniform_(z(3)), r"\(3,\)"),
    (lambda i, z: i.xavier_normal_(z(())), r"\(\)"),
    (lambda i, z: i.kaiming_uniform_(z(3)), "fewer than 2"),
    (lambda i, z: i.kaiming_uniform_(z(3, 3), mode="fan"), "'fan'"),
    (lambda i, z: i.kaiming_normal_(z(3, 3), nonlinearity="x"), "'x'"),
    (lambda i, z: i.orthogonal_(z(3)), r"\(3,\)"),
    (lambda i, z: i.sparse_(z(3, 2, 1), 0.5), r"\(3, 2, 1\)"),
    (lambda i, z: i.eye_(z(3)), r"\(3,\)"),
    (lambda i, z: i.dirac_(z(3, 3)), r"\(3, 3\)"),
    (lambda i, z: i.dirac_(z(5, 3, 3), groups=2), "5 for groups=2"),
    (lambda i, z: i.uniform_(z(3), 2, 1), "from=2"),
    (lambda i, z: i.normal_(z(3), 0, -1), "-1"),
]


@needs_torch
@pytest.mark.parametrize("call, words", ERRORS)
def test_errors_have_torchs_type(call, words):
    import torch

    with pytest.raises(Exception) as theirs:
        call(torch.nn.init, torch.zeros)
    with pytest.raises(theirs.type, match=words) as ours:
        call(init, reftorch.zeros)
    assert ours.type is theirs.type


# ------------------------------------------------------------------------------------------- without torch
def numbers(name, *shape, **options):
    return filled(reftorch, name, shape, options)[0].astype(np.float64)


def test_scales():
    """Standard deviations by hand, to 5 standard errors (a normal one's is std / sqrt(2 n), a uniform one's is less)."""
    n = 60 * 40 * 9
    for name, std, options in [
        ("xavier_uniform_", math.sqrt(2 / (100 * 9)), {}),
        ("xavier_normal_", 2 * math.sqrt(2 / (100 * 9)), {"gain": 2}),
        ("kaiming_uniform_", math.sqrt(2 / (40 * 9)), {}),
        ("kaiming_normal_", math.sqrt(2 / (60 * 9)), {"mode": "fan_out", "nonlinearity": "relu"}),
        ("kaiming_uniform_", math.sqrt(1 / 3 / (40 * 9)), {"a": math.sqrt(5)}),
    ]:
        weight = numbers(name, 60, 40, 3, 3, **options)
        assert abs(weight.std() - std) < 5 * std / math.sqrt(2 * n)
        assert abs(weight.mean()) < 5 * std / math.sqrt(n)
        if "uniform" in name:
            assert 0.999 * math.sqrt(3) * std < np.abs(weight).max() <= math.sqrt(3) * std * (1 + 1e-6)
    assert init._calculate_fan_in_and_fan_out(reftorch.zeros(2, 3, 4, 5)) == (60, 40)


@pytest.mark.parametrize("a, b", [(-2.0, 2.0), (1.0, 1.5)])  # drawn again; accepted by density
def test_trunc_normal(a, b):
    x = np.sort(numbers("trunc_normal_", 40_000, a=a, b=b))
    assert a <= x[0] and x[-1] <= b
    cdf = [init._normal_cdf(value) for value in (a, b)]
    expected = (np.array([init._normal_cdf(value) for value in x]) - cdf[0]) / (cdf[1] - cdf[0])
    assert np.abs(expected - (np.arange(x.size) + 0.5) / x.size).max() < 2 / math.sqrt(x.size)


def test_orthogonal():
    for shape in ((5, 3), (3, 5), (4, 4), (2, 3, 2)):
        q = numbers("orthogonal_", *shape, gain=3).reshape(shape[0], -1)
        q = q if q.shape[0] <= q.shape[1] else q.T
        np.testing.assert_allclose(q @ q.T, 9 * np.eye(len(q)), atol=9e-6)
    assert numbers("orthogonal_", 1, 1)[0, 0] in (-1, 1)


def test_orthogonal_is_uniform_over_rotations_and_reflections():
    """Of Q from LAPACK alone, the first entry of a column has a fixed sign; of a uniform one it is 1 or -1 evenly."""
    reftorch.manual_seed(0)
    first = [init.orthogonal_(reftorch.empty(3, 3))[0, 0].item() for _ in range(400)]
    assert abs(sum(entry > 0 for entry in first) - 200) < 50


def test_eye_dirac_and_sparse():
    assert numbers("eye_", 2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]
    weight = numbers("dirac_", 4, 1, 4, groups=2)
    assert weight.tolist() == [[[0, 0, 1, 0]], [[0] * 4], [[0, 0, 1, 0]], [[0] * 4]]
    sparse = numbers("sparse_", 10, 500, sparsity=0.25, std=2.0)
    assert ((sparse == 0).sum(axis=0) == 3).all()
    assert abs(sparse[sparse != 0].std() - 2) < 0.2
    assert abs((sparse == 0).mean(axis=1) - 0.3).max() < 0.1  # every row has its share


def test_warnings():
    with pytest.warns(UserWarning, match="zero-element"):
        assert init.kaiming_uniform_(reftorch.zeros(0, 3)).shape == (0, 3)
    with pytest.warns(UserWarning, match="more than 2 std"):
        init.trunc_normal_(reftorch.zeros(3), mean=10)
    old_names = [name for name in init.__all__ if f"{name}_" in init.__all__]
    assert len(old_names) == 11
    for old in old_names:
        options = {"constant": {"val": 2.0}, "sparse": {"sparsity": 0.5}}.get(old, {})
        shape = (3, 3, 3) if old == "dirac" else (3, 3)
        with pytest.warns(FutureWarning, match=rf"`nn.init.{old}` .* `nn.init.{old}_`") as caught:
            reftorch.manual_seed(0)
            ours = getattr(init, old)(reftorch.zeros(shape), **options)
        assert caught[0].filename == __file__
        assert (ours.numpy() == filled(reftorch, f"{old}_", shape, options, seed=0)[0]).all()


def test_in_place_changes_are_counted():
    weight = reftorch.zeros(3, 3)
    for name in ("uniform_", "trunc_normal_", "ones_", "eye_", "orthogonal_"):
        before = weight._version
        getattr(init, name)(weight)
        assert weight._version > before


def test_on_cuda_the_numbers_are_those_of_the_cpu():
    for name, options in (
        ("kaiming_uniform_", {}),
        ("orthogonal_", {}),
        ("sparse_", {"sparsity": 0.5}),
    ):
        weight = reftorch.zeros(4, 3, device="cuda")
        reftorch.manual_seed(3)
        assert getattr(init, name)(weight, **options).device.type == "cuda"
        assert (weight.cpu().numpy() == filled(reftorch, name, (4, 3), options)[0]).all()
