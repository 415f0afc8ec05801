"""Random numbers without torch: known values of MT19937, exact arithmetic, statistics, states and errors."""

from __future__ import annotations

import copy
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest

import reftorch
from reftorch import random
from reftorch.random import Generator, generator
from reftorch.random.rounding import fma, log_float32, sin_cos_float32

FLOATS = ["float32", "float64"]


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def test_words_are_mt19937():
    # the first word of init_genrand(5489), and the 10,000th, which the C++ standard prescribes for std::mt19937
    words = seeded(5489)._words32(10_000)
    assert words[0] == 3499211612
    assert words[-1] == 4123659995


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [generator.MANY // 2, generator.MANY, 5 * generator.MANY + 1])
def test_many_numbers_at_once_are_those_of_one_at_a_time(n, dtype):
    many, one = seeded(3), seeded(3)
    together = random.uniform(n, dtype=dtype, generator=many)
    assert np.array_equal(together, np.concatenate([random.uniform(1, dtype=dtype, generator=one) for _ in range(n)]))
    assert np.array_equal(many.get_state().numpy(), one.get_state().numpy())


RECORDED = [  # made by torch 2.13.0 on an x86 processor with AVX2, from manual_seed(0)
    (lambda g: random.uniform(3, generator=g), "1.fc2ab0p-2 1.89545ep-1 1.6a675p-4"),
    (
        lambda g: random.uniform(2, dtype=np.float64, generator=g),
        "1.f0aac97c4aa2fp-1 1.6a675d821ccc0p-1",
    ),
    (lambda g: random.normal(3, generator=g), "1.8a7eb8p+0 -1.2c78ap-2 -1.16e292p+1"),
    (
        lambda g: random.normal(20, generator=g)[[0, 1, 15, 19]],
        "-1.20370ap+0 -1.270114p+0 -1.aff666p-1 1.b83674p-5",
    ),
    (lambda g: random.randint(0, 100, 6, generator=g), [44, 39, 33, 60, 63, 79]),
    (lambda g: random.randint(0, 2**40, 2, generator=g), [741280623151, 506137267392]),
    (lambda g: random.randperm(8, generator=g), [4, 0, 7, 3, 2, 5, 1, 6]),
    (lambda g: random.bernoulli(0.3, 10, generator=g), [0, 0, 0, 0, 0, 0, 1, 0, 0, 1]),
]


@pytest.mark.parametrize("draw, expected", RECORDED)
def test_recorded_numbers_of_torch(draw, expected):
    if isinstance(expected, str):
        expected = [float.fromhex(number) for number in expected.split()]
    assert draw(seeded(0)).tolist() == expected


@pytest.mark.parametrize("dtype", FLOATS)
def test_fma_rounds_once(dtype):
    rng = np.random.default_rng(0)
    a, b, c = (rng.standard_normal(2000).astype(dtype) for _ in range(3))
    c[:1000] = -a[:1000] * b[:1000]  # what is left is the rounding error of the product: all digits are at stake
    exact = [Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z)) for x, y, z in zip(a, b, c)]
    for got, want in zip(fma(a, b, c), exact):
        neighbours = np.nextafter(got, np.array([-np.inf, np.inf], dtype))
        error = abs(Fraction(float(got)) - want)
        assert all(error <= abs(Fraction(float(other)) - want) for other in neighbours)


def test_fma_of_infinite_and_huge_numbers():
    huge = np.array([1e300, -1e300, np.inf])
    assert fma(huge, np.float64(1e10), np.float64(0)).tolist() == [math.inf, -math.inf, math.inf]
    assert fma(huge[:2], np.float64(1), np.float64(0)).tolist() == huge[:2].tolist()


def test_float32_functions_are_accurate():
    x = np.arange(1, 2**24, 37, dtype=np.float32) * np.float32(2**-24)
    exact = np.log(x.astype(np.float64))
    assert (np.abs(log_float32(x) - exact) <= np.spacing(np.abs(exact).astype(np.float32))).all()
    angle = x * np.float32(2 * np.pi)
    sin, cos = sin_cos_float32(angle)
    assert np.abs(sin - np.sin(angle.astype(np.float64))).max() < 1.2e-7
    assert np.abs(cos - np.cos(angle.astype(np.float64))).max() < 1.2e-7


@pytest.mark.parametrize("dtype", FLOATS)
def test_statistics(dtype):
    """Mean and variance to 5 standard errors, and the largest distance of the distributions (Kolmogorov-Smirnov)."""
    n, generator = 200_000, seeded(3)
    cdfs = [
        (random.uniform(n, -1, 3, dtype, generator), 1, 4 / 3, lambda x: (x + 1) / 4),
        (random.normal(n, 2, 0.5, dtype, generator), 2, 1 / 4, lambda x: normal_cdf((x - 2) / 0.5)),
        (random.exponential(n, 4, dtype, generator), 1 / 4, 1 / 16, lambda x: 1 - np.exp(-4 * x)),
    ]
    for samples, mean, variance, cdf in cdfs:
        assert samples.dtype == dtype
        x = np.sort(samples.astype(np.float64))
        fourth = ((x - mean) ** 4).mean()
        assert abs(x.mean() - mean) < 5 * math.sqrt(variance / n)
        assert abs(((x - mean) ** 2).mean() - variance) < 5 * math.sqrt((fourth - variance**2) / n)
        assert np.abs(cdf(x) - (np.arange(n) + 0.5) / n).max() < 2 / math.sqrt(n)
        assert abs(np.corrcoef(samples[:-1], samples[1:])[0, 1]) < 5 / math.sqrt(n)


def normal_cdf(x: np.ndarray) -> np.ndarray:
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in x.ravel()])


def test_counts():
    n, generator = 120_000, seeded(4)
    faces = np.bincount(random.randint(1, 7, n, generator=generator), minlength=7)[1:]
    chi_squared = ((faces - n / 6) ** 2 / (n / 6)).sum()
    assert faces.sum() == n and chi_squared < 25  # 5 degrees of freedom: one in 7,000 exceeds it
    ones = random.bernoulli(0.3, n, generator=generator).sum()
    assert abs(ones - 0.3 * n) < 5 * math.sqrt(n * 0.3 * 0.7)
    many = random.bernoulli(np.linspace(0, 1, n), generator=generator)
    assert abs(many.sum() - n / 2) < 5 * math.sqrt(n / 6) and not many[:20].any() and many[-20:].all()
    shuffled = random.randperm(1000, generator)
    assert sorted(shuffled) == list(range(1000)) and abs(np.corrcoef(shuffled, np.arange(1000))[0, 1]) < 0.15


def test_uniform_never_reaches_its_upper_bound():
    low, high = 1e6, 1e6 + 1  # 16 numbers in float32: rounding alone would give `high` to one in 32
    samples = random.uniform(10_000, low, high, generator=seeded())
    assert samples.min() == low and samples.max() < high
    assert (random.uniform(5, 2.0, 2.0) == 2.0).all()


def test_generators_are_independent_of_each_other():
    first, second = seeded(1), seeded(2)
    alone = random.normal(7, generator=seeded(1)).tolist()
    mixed = []
    for size in (3, 4):
        mixed += random.normal(size, generator=first).tolist()
        random.normal(5, generator=second)
    assert mixed == alone


def test_seeding():
    assert random.manual_seed(5) is random.default_generator
    first = random.uniform(4)
    assert random.initial_seed() == 5
    random.normal(3)  # leaves half a pair behind, which seeding must forget
    random.manual_seed(5.9)
    assert (random.uniform(4) == first).all()
    random.manual_seed(5)
    assert (random.normal(3) == random.normal(3, generator=seeded(5))).all()
    assert seeded(-1).initial_seed() == 2**64 - 1
    assert seeded(np.int64(3)).initial_seed() == 3
    seed = random.seed()
    assert seed == random.initial_seed() and 0 <= seed < 2**64
    assert Generator().initial_seed() == 67280421310721
    assert Generator("cuda").device == reftorch.device("cuda")


@pytest.mark.parametrize("seed", [3.7, "5", True, None])
def test_a_seed_is_an_int(seed):
    with pytest.raises(RuntimeError, match=type(seed).__name__):
        Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1])
def test_a_seed_has_64_bits(seed):
    for seeder in (Generator().manual_seed, random.manual_seed):
        with pytest.raises(ValueError, match=str(seed)):
            seeder(seed)


@pytest.mark.parametrize("before", [0, 1, 5, 623, 624, 625, 2000])
def test_state(before):
    generator = seeded(9)
    random.uniform(before, generator=generator)
    random.normal(3, generator=generator)
    state = generator.get_state()
    assert isinstance(state, reftorch.Tensor) and state.dtype == reftorch.uint8
    twins = [
        generator.clone_state(),
        Generator().set_state(state),
        Generator().set_state(bytes(state.numpy())),
        copy.deepcopy(generator),
        pickle.loads(pickle.dumps(generator)),
    ]
    expected = random.normal(700, generator=generator, contiguous=False)
    for twin in twins:
        assert twin.initial_seed() == 9
        assert (random.normal(700, generator=twin, contiguous=False) == expected).all()


def test_rng_state_and_fork():
    state = random.get_rng_state()
    first = random.normal(5)
    with random.fork_rng():
        random.manual_seed(1)
        random.uniform(3)
    second = random.normal(5)
    random.set_rng_state(state)
    assert (random.normal(10) == np.concatenate([first, second])).all()
    random.set_rng_state(state)
    with pytest.raises(KeyError), random.fork_rng():
        random.uniform(3)
        raise KeyError
    assert (random.normal(5) == first).all()
    random.set_rng_state(state)
    with random.fork_rng(enabled=False):
        random.normal(5)
    assert (random.normal(5) == second).all()


BAD_STATES = [
    ("x", TypeError, "str"),
    (np.zeros(5056, np.float32), TypeError, "float32"),
    (b"abc", RuntimeError, "3"),
    (bytes(5056), RuntimeError, "left=0"),
]


@pytest.mark.parametrize("state, kind, words", BAD_STATES)
def test_bad_states_are_refused_and_change_nothing(state, kind, words):
    generator = seeded(8)
    with pytest.raises(kind, match=words):
        generator.set_state(state)
    assert (random.uniform(3, generator=generator) == random.uniform(3, generator=seeded(8))).all()


BAD_ARGUMENTS = [
    (lambda: random.uniform(3, 3, 1), RuntimeError, "from=3.0 > to=1.0"),
    (lambda: random.uniform(3, math.nan, 1), RuntimeError, "nan"),
    (lambda: random.uniform(3, 0, math.inf), RuntimeError, "inf"),
    (lambda: random.uniform(3, 0, 1e39), RuntimeError, r"1e\+39"),
    (lambda: random.uniform(3, -3e38, 3e38), RuntimeError, "too far"),
    (lambda: random.uniform(3, dtype=np.int64), NotImplementedError, "int64"),
    (lambda: random.normal(3, 0, -1), RuntimeError, "-1"),
    (lambda: random.normal(3, 0, math.nan), RuntimeError, "nan"),
    (lambda: random.normal(3, dtype=np.bool_), NotImplementedError, "bool"),
    (lambda: random.exponential(3, 0), RuntimeError, "lambda=0"),
    (lambda: random.exponential(3, dtype=np.int32), RuntimeError, "int32"),
    (lambda: random.randint(3, 3, 2), RuntimeError, "from=3 >= to=3"),
    (lambda: random.randint(0, 300, 2, np.uint8), RuntimeError, "299"),
    (lambda: random.randint(-1, 3, 2, np.uint8), RuntimeError, "-1"),
    (lambda: random.randint(0.5, 3, 2), TypeError, "float"),
    (lambda: random.randperm(-1), RuntimeError, "-1"),
    (lambda: random.bernoulli(1.1, 3), RuntimeError, "1.1"),
    (lambda: random.bernoulli(math.nan, 3), RuntimeError, "nan"),
    (lambda: random.bernoulli(np.array([0.5, 2.0])), RuntimeError, "2.0"),
    (lambda: random.bernoulli(np.array([1, 0])), NotImplementedError, "int64"),
]


@pytest.mark.parametrize("call, kind, words", BAD_ARGUMENTS)
def test_bad_arguments(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_shapes():
    generator = seeded()
    for draw in (random.uniform, random.normal, random.exponential, random.integers):
        for shape in ((), 3, (2, 0), [2, 3], (4, 5, 6)):
            assert draw(shape, generator=generator).shape == np.empty(shape).shape
    before = generator._pack()
    for draw in (random.uniform, random.normal, random.exponential, random.integers):
        draw((2, 0), generator=generator)
    random.randperm(1, generator)
    assert generator._pack() == before
