"""Random numbers against live torch: the same seed, the same calls, the same bits."""

from __future__ import annotations

import random as python_random

import numpy as np
import pytest

from reftorch import random
from reftorch.random import Generator

torch = pytest.importorskip("torch", reason="torch, the oracle, is not installed")

SEEDS = [0, 1, 42, 2**32 - 1, 2**40 + 5, -1]
SIZES = [*range(41), 1000, 100_003]
FLOATS = ["float32", "float64"]


def bits(array: np.ndarray) -> np.ndarray:
    return array.view(f"u{array.itemsize}")


# Where the processor has AVX2. Elsewhere torch rounds products and sums one by one, and takes float32's log, sin and cos
# from the C library.
FUSED = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")


def assert_same_uniforms(ours: np.ndarray, theirs: np.ndarray, low: float, high: float):
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    if FUSED or (low, high) == (0, 1):
        assert (bits(ours) == bits(theirs)).all()
    else:  # `low` stands where rounding reached `high`
        allowed = 2 * np.finfo(ours.dtype).eps * max(abs(low), abs(high))
        assert ((np.abs(ours - theirs) <= allowed) | (ours == low) | (theirs == low)).all()


def assert_same_normals(ours: np.ndarray, theirs: np.ndarray, mean: float, std: float):
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    if ours.dtype == np.float64:
        allowed = 2 * np.spacing(np.abs(theirs - mean)) + np.spacing(np.abs(theirs))
    elif not FUSED:
        allowed = 4e-6 * std + 2 * np.finfo(ours.dtype).eps * np.abs(theirs)
    else:
        assert (bits(ours) == bits(theirs)).all()
        return
    assert (np.abs(ours - theirs) <= allowed).all()


def seed_both(seed: int) -> None:
    random.manual_seed(seed)
    torch.manual_seed(seed)


@pytest.mark.parametrize("dtype", [*FLOATS, "float16"])
@pytest.mark.parametrize("seed", SEEDS)
def test_uniform(seed, dtype):
    seed_both(seed)
    for n in SIZES:
        for low, high in ((0.0, 1.0), (-0.3, 0.3), (-5.0, -4.9), (1000.0, 1001.0), (-0.0123, 7.7)):
            theirs = torch.empty(n, dtype=getattr(torch, dtype)).uniform_(low, high).numpy()
            assert_same_uniforms(random.uniform(n, low, high, dtype), theirs, low, high)


@pytest.mark.parametrize("dtype", [*FLOATS, "float16"])
@pytest.mark.parametrize("seed", SEEDS)
def test_normal(seed, dtype):
    seed_both(seed)
    for n in SIZES:  # odd sizes below 16 leave half a pair for the next small one
        for mean, std in ((0.0, 1.0), (-0.1, 0.3), (5.0, 0.0)):
            theirs = torch.empty(n, dtype=getattr(torch, dtype)).normal_(mean, std).numpy()
            assert_same_normals(random.normal(n, mean, std, dtype), theirs, mean, std)


@pytest.mark.parametrize("seed", SEEDS)
def test_exponential(seed):
    seed_both(seed)
    for n in SIZES:
        theirs = torch.empty(n).exponential_(0.7).numpy()
        assert (bits(random.exponential(n, 0.7)) == bits(theirs)).all()
        theirs = torch.empty(n, dtype=torch.float64).exponential_(0.7).numpy()
        ours = random.exponential(n, 0.7, np.float64)
        assert (np.abs(ours - theirs) <= 2 * np.spacing(theirs)).all()


RANGES = [(0, 1), (0, 2), (-5, 6), (0, 2**28 - 1), (0, 2**28), (-(2**30), 2**30), (3, 2**32 + 3)]
RANGES += [(-(2**40), 2**50), (0, 2**63 - 1), (-(2**63), 2**63 - 1)]


@pytest.mark.parametrize("low, high", RANGES)
def test_randint(low, high):
    seed_both(6)
    for n in (1, 7, 1000):
        assert (random.randint(low, high, n) == torch.randint(low, high, (n,)).numpy()).all()
        assert_same_state()


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float32", "float64"])
def test_randint_in_other_dtypes(dtype):
    seed_both(7)
    for high in (1, 2):
        theirs = torch.randint(0, high, (50,), dtype=getattr(torch, dtype)).numpy()
        ours = random.randint(0, high, 50, dtype)
        assert ours.dtype == theirs.dtype and (ours == theirs).all()


def test_randint_of_all_64_bits():
    seed_both(6)
    theirs = torch.empty(500, dtype=torch.int64).random_(-(2**63), None).numpy()
    assert (random.randint(-(2**63), 2**63, 500) == theirs).all()


DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_integers(dtype):
    seed_both(6)
    theirs = torch.empty(1000, dtype=getattr(torch, dtype)).random_().numpy()
    ours = random.integers(1000, theirs.dtype)
    assert ours.dtype == theirs.dtype and (ours == theirs).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_randperm(seed):
    seed_both(seed)
    for n in (0, 1, 2, 3, 10, 1000, 20_000):
        assert (random.randperm(n) == torch.randperm(n).numpy()).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_bernoulli(seed):
    seed_both(seed)
    for p in (0, 0.3, 1):
        assert (random.bernoulli(p, 1000) == torch.empty(1000).bernoulli_(p).numpy()).all()
    for dtype in FLOATS:
        p = torch.rand(30, 40, dtype=getattr(torch, dtype))
        random.uniform((30, 40), dtype=dtype)
        ours, theirs = random.bernoulli(p.numpy(), dtype=dtype), torch.bernoulli(p).numpy()
        assert ours.dtype == theirs.dtype and (ours == theirs).all()


def test_memory_that_is_not_contiguous():
    views = [lambda x: x.T, lambda x: x[:, ::2], lambda x: x.T[1:, :], lambda x: x[3]]
    seed_both(11)
    for view in views:
        for dtype in FLOATS:
            theirs = view(torch.zeros(21, 30, dtype=getattr(torch, dtype)))
            ours = view(np.zeros((21, 30), dtype))
            filled = random.in_memory_order(ours)
            theirs.uniform_(-1, 2)
            filled[...] = random.uniform(filled.shape, -1, 2, dtype)
            assert_same_uniforms(ours, theirs.numpy(), -1, 2)
            theirs.normal_(0.5, 2)
            contiguous = theirs.is_contiguous()
            filled[...] = random.normal(filled.shape, 0.5, 2, dtype, contiguous=contiguous)
            assert_same_normals(ours, theirs.numpy(), 0.5, 2)


def test_any_sequence_of_calls():
    """A thousand calls of all kinds in random order: numbers agree, and so does the state after each."""
    choose = python_random.Random(1)
    seed_both(2024)
    for _ in range(1000):
        n, dtype = choose.choice([1, 2, 3, 15, 16, 17, 100]), choose.choice(FLOATS)
        theirs = torch.empty(n, dtype=getattr(torch, dtype))
        kind = choose.choice(["uniform", "normal", "normal", "bernoulli", "randint", "seed"])
        if kind == "uniform":
            assert (random.uniform(n, dtype=dtype) == theirs.uniform_().numpy()).all()
        elif kind == "normal":
            ours = random.normal(n, dtype=dtype)
            assert_same_normals(ours, theirs.normal_().numpy(), 0, 1)
        elif kind == "bernoulli":
            assert (random.bernoulli(0.5, n) == theirs.bernoulli_(0.5).numpy()).all()
        elif kind == "randint":
            high = choose.choice([10, 2**40])
            assert (random.randint(0, high, n) == torch.randint(high, (n,)).numpy()).all()
        elif choose.random() < 0.2:
            seed_both(choose.randrange(2**64))
        assert_same_state()


def assert_same_state():
    """Byte for byte, but for the kept float64 normal (2 units in the last place) and `next` where it means nothing."""
    ours, theirs = random.default_generator._pack(), torch.get_rng_state().numpy().tobytes()
    ours_kept, theirs_kept = (np.frombuffer(state[5024:5032])[0] for state in (ours, theirs))
    assert abs(ours_kept - theirs_kept) <= 2 * np.spacing(abs(theirs_kept))
    renew = theirs[8:12] == (1).to_bytes(4, "little")
    for part in (slice(0, 16), slice(16, 24), slice(24, 5024), slice(5032, 5056)):
        if not (renew and part.start == 16):
            assert ours[part] == theirs[part]


@pytest.mark.parametrize("before", [0, 1, 600, 624])
def test_states_are_exchanged_with_torch(before):
    theirs = torch.Generator().manual_seed(77)
    torch.rand(before, generator=theirs)
    torch.randn(3, generator=theirs)
    ours = Generator().set_state(theirs.get_state().numpy())
    assert ours.initial_seed() == 77
    back = torch.Generator()
    back.set_state(torch.from_numpy(ours.get_state().numpy()))
    for generator in (theirs, back):
        expected = torch.randn(1001, dtype=torch.float32, generator=generator).numpy()
        drawn = random.normal(1001, generator=ours.clone_state())
        assert_same_normals(drawn, expected, 0, 1)


def test_seeds_are_taken_and_refused_as_in_torch():
    for seed in (0, -1, 2**63, 2**64 - 1, -(2**63), 3.7, "5", True, None, 2**64, -(2**63) - 1):
        for ours, theirs in (
            (random.manual_seed, torch.manual_seed),
            (Generator().manual_seed, torch.Generator().manual_seed),
        ):
            outcomes = []
            for seeder in (ours, theirs):
                try:
                    outcomes.append(seeder(seed).initial_seed())
                except Exception as error:
                    outcomes.append(type(error))
            assert outcomes[0] == outcomes[1], seed
