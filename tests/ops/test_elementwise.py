"""Arithmetic, comparison and functions element by element: values, dtypes, strides and gradients, as PyTorch's."""

import numpy as np

from side_by_side import both_ways

RNG = np.random.default_rng(0)
LEAVES = {
    "x": RNG.standard_normal((2, 3)),
    "y": RNG.standard_normal(3),
    "z": RNG.standard_normal((2, 1)),
    "s": np.array(1.7),
    "p": RNG.uniform(0.3, 2, (2, 3)),
    "u": RNG.uniform(-0.9, 0.9, 4),
    "w": np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -2.5]),
    "m": np.array([[True, False, True], [False, False, True]]),
    "i": np.array([[3, -2, 0], [1, 7, -5]]),
    "k": np.array([1, 2, 3]),
}


@both_ways("""
    x + y
    x + z
    x + s
    x + 2
    2 + x
    x - y
    x - z
    2 - x
    x * y
    x * z
    s * x
    x * 0.5
    x / p
    p / y
    1 / p
    x / 2
    p ** 2
    p ** 0.5
    p ** -1
    p ** 0
    p ** s
    p ** x
    2 ** x
    0 ** p
    x ** 2
    x ** 3
    x ** 1
    x // p
    x // 0.3
    5 // p
    x % p
    x % 0.4
    x.remainder(p)
    -x
    +x
    abs(x)
    x.add(y, alpha=2)
    x.sub(y, alpha=0.5)
    torch.add(x, 1, alpha=3)
    x + k
    x * i
    x == y
    x != 0
    x < y
    x <= z
    x > 0
    x >= s
    torch.eq(x, x)
    torch.eq(2, x)
    torch.lt(2.5, x)
    torch.ge(True, x)
    2 < x
    2.5 == x
    x.eq(2)
    x == "a"
    x == None
    x != None
    x == [1, 2]
    x < "a"
    x < None
    x + "a"
    x + None
    "a" + x
    x + [1, 2, 3]
    x * (1, 2)
    x & m
    m & m
    m | m
    m ^ m
    ~m
    ~i
    ~x
    i & 3
    i | i
    i ^ 1
    1 & i
""")
def test_arithmetic_and_comparison(line):
    line.check(LEAVES)


@both_ways("""
    torch.maximum(x, y)
    torch.minimum(x, z)
    torch.maximum(x, x)
    torch.maximum(x, 0)
    x.max(y)
    torch.max(x, y)
    torch.where(m, x, y)
    torch.where(m, x, 0)
    torch.where(m, 0.0, x)
    torch.where(m, 1, 2)
    torch.where(m, 1.5, 2)
    torch.where(m)
    torch.where(x, x, x)
    torch.where(m, i, x)
    m.where(x, y)
    x.where(m, y)
    torch.where(x > 0, x, torch.zeros(4))
""")
def test_choice(line):
    line.check(LEAVES)


@both_ways("""
    x.exp()
    x.expm1()
    p.log()
    p.log1p()
    p.log2()
    p.log10()
    p.sqrt()
    p.rsqrt()
    x.square()
    p.reciprocal()
    x.sin()
    x.cos()
    x.tan()
    x.atan()
    u.asin()
    u.acos()
    x.sinh()
    x.cosh()
    x.tanh()
    u.atanh()
    x.sigmoid()
    x.relu()
    torch.relu(x)
    x.abs()
    x.sign()
    x.round()
    x.floor()
    x.ceil()
    x.trunc()
    x.frac()
    x.clamp(0)
    x.clamp(-0.5, 0.5)
    1 / torch.tensor([-0.0, 0.0, -1.0, inf, nan]).clamp(0, 1)
    1 / torch.tensor([-0.0, 0.0, -1.0, inf, nan]).clamp(-1, -0.0)
    1 / torch.tensor([-0.0, 0.0] * 40, dtype=torch.float64).clamp(min=0.0)
    1 / torch.tensor([-0.0, 0.0] * 40).clamp_min_(0)
    torch.tensor([0.0, nan, 1.0]).clamp(nan, 1)
    torch.tensor([0.0, -inf, 2.0]).clamp(0, inf)
    torch.tensor([1j]).clamp(0) # complex
    torch.tensor([1.0]).clamp(1j) # complex
    x.clamp(max=0.3)
    x.clamp(min=y)
    x.clamp(min=y, max=s)
    x.clamp(0.5, -0.5)
    x.clamp()
    x.clip(0, 1)
    x.clamp_min(0)
    x.clamp_max(0.2)
    i.clamp(0, 3)
    i.clamp(0.5, 3)
    i.clamp(min=0.5)
    x.clamp(torch.tensor(0))
    w.clamp(-1, 1)
    w.exp()
    w.log()
    w.sqrt()
    w.sign()
    w.abs()
    w.sigmoid()
    w.tanh()
    w.relu()
    w.round()
    w.floor()
    w.reciprocal()
    w.isnan()
    w.isinf()
    w.isfinite()
    w.nan_to_num()
    w.nan_to_num(1.0, 2.0, 3.0)
    w.logical_not()
    w + w
    w * 0
    w / 0
    w / w
    w ** 2
    w == w
    w < 0
    w.maximum(torch.tensor(0.0))
    w.minimum(w.flip(0))
    torch.where(w > 0, w, -w)
""")
def test_functions(line):
    line.check(LEAVES)


@both_ways("""
    i.exp()
    i.sqrt()
    i.abs()
    i.sign()
    i.neg()
    i.round()
    i.floor()
    i.ceil()
    i.sigmoid()
    i.relu()
    i.reciprocal()
    m.exp()
    m.abs()
    m.neg()
    -m
    m.sign()
    m.floor()
    m.logical_not()
    m.relu()
    i.logical_not()
    i.logical_and(m)
    x.logical_or(m)
    x.logical_xor(i)
    i / 2
    i / i.abs().add(1)
    i // 2
    i // 0
    i % 3
    i % -3
    i % 0
    i // -2
    i ** 2
    i ** -1
    i ** 0.5
    i ** i.abs()
    i * 2.5
    i + True
    m + m
    m * m
    m + 1
    m - m
    m - 1
    m * 2.5
    x.div(p, rounding_mode="floor")
    x.div(p, rounding_mode="trunc")
    x.div(p, rounding_mode="round")
    i.div(2, rounding_mode="floor")
    i.div(2, rounding_mode="trunc")
    i.div(i.abs().add(1), rounding_mode="trunc")
    x.floor_divide(p)
    x.true_divide(2)
    x.addcmul(p, p, value=0.5)
    x.addcdiv(p, p, value=2)
    torch.addcmul(x, y, z)
    torch.addcdiv(x, p, p)
    x.lerp(p, 0.3)
    x.lerp(p, p)
    torch.lerp(x, p, 0.2)
    x.pow(2)
    torch.pow(2, x)
    torch.pow(p, x)
    torch.exp(x)
    torch.exp(3)
    torch.exp("a")
    torch.abs([1])
    torch.add(x)
    torch.add(x, y, z)
    torch.mul(x, "a")
    torch.neg(x)
    torch.negative(x)
    torch.absolute(x)
    torch.multiply(x, y)
    torch.subtract(x, y)
    torch.divide(x, p)
    torch.true_divide(x, p)
    torch.square(x)
    torch.isclose(x, x)
    torch.isclose(x, x + 1e-6)
    torch.isclose(x, x, rtol=-0.4)
    torch.isclose(x, x, atol=-0.4)
    torch.allclose(x, x + 1e-9)
    torch.allclose(x, x + 1)
    torch.allclose(w, w, equal_nan=True)
    torch.isclose(w, w)
    torch.isclose(w, w, equal_nan=True)
    torch.isclose(i, i)
    torch.isclose(x, x.double())
    torch.equal(x, x)
    torch.equal(x, y)
    torch.equal(x, x.double())
    x.equal(x + 1)
""")
def test_integers_bools_and_combinations(line):
    line.check(LEAVES)


@both_ways("""
    x + torch.zeros(4)
    x + torch.zeros(2, 2, 2)
    torch.zeros(2, 3) + torch.zeros(3, 2)
    x + torch.zeros(2, 0)
    torch.zeros(0) + torch.zeros(1)
    torch.zeros(0, 3) + y
    x.t() + 1
    x.t() + x.t()
    x.t() + p.t()
    x.t() * 2 + x[0, 0]
    x[:, ::2] * 2
    x.expand(2, 2, 3) + 1
    torch.broadcast_tensors(x, y)
    torch.broadcast_shapes((2, 1), (3,))
    x.add(1).mul(2)
    x @ 2
    x.neg().abs().sqrt()
    x.sum() + x.max()
    x.double() + x
    x.half() + 1
    x.int() + 1
    torch.tensor([1], dtype=torch.uint8) + 300
    torch.tensor([1], dtype=torch.uint8) - 2
    torch.tensor([100], dtype=torch.int8) + 100
    torch.tensor([2**62]) * 4
    torch.tensor([-2**63]).abs()
    torch.tensor([1e38]) * 1e10
    torch.tensor([1.0]) * 1e300
    torch.tensor([3]) / 0
    torch.tensor([1.0]) // 0
    torch.tensor([1.0]) % 0
    torch.tensor([5.0, -5.0, 5.0, -5.0]) % torch.tensor([3.0, 3.0, -3.0, -3.0])
    torch.tensor([5.0, -5.0, 5.0, -5.0]) // torch.tensor([3.0, 3.0, -3.0, -3.0])
    torch.tensor([inf, 1.0]) % torch.tensor([2.0, inf])
    torch.tensor([-1.0, 1.0]) // torch.tensor([inf, -inf])
    torch.round(torch.tensor([0.5, 1.5, 2.5, -0.5]))
    torch.round(torch.tensor([1.2345, 6.789]), decimals=2)
    torch.round(torch.tensor([123.0, 456.0]), decimals=-2)
    torch.sigmoid(torch.tensor([-200.0, 200.0, -90.0, 0.0]))
    torch.tensor(-0.0).sign()
    torch.softmax(x, 1)
    torch.clamp(x, 0, 1)
    torch.clip(x, 0, 1)
    torch.nan_to_num(w)
""")
def test_shapes_and_limits(line):
    line.check(LEAVES)
