"""Arithmetic, promotion, reductions and products of tensors, line by line against PyTorch."""

import numpy as np
import pytest

from side_by_side import both_ways

rng = np.random.default_rng(3)
LEAVES = {
    "x": rng.standard_normal((2, 3)),
    "y": rng.standard_normal((2, 3)) + 3,
    "row": rng.standard_normal(3),
    "col": rng.standard_normal((2, 1)),
    "s": np.array(1.5),
    "i": np.array([[1, -2, 3], [4, 5, -6]]),
    "b": np.array([[True, False, True], [False, False, True]]),
    "special": np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 2.5]),
    "empty": np.ones((0, 3)),
    "square": rng.standard_normal((3, 3)),
}


@both_ways("""
    x + y
    x + row
    x - col
    col * row
    x * s
    2 + x
    2 - x
    x - 2
    3 / y
    x / 3
    x / y
    x / 0
    x / 0.0
    y ** 2
    y ** 0.5
    y ** row
    2 ** x
    2.0 ** x
    x ** 0
    -x
    abs(x)
    +x
    torch.add(x, y, alpha=2)
    torch.sub(x, y, alpha=0.5)
    x.add(y, alpha=3)
    x.div(y, rounding_mode="floor").detach()
    x.div(y, rounding_mode="trunc").detach()
    x // 0.7
    x % 0.7
    i // 2
    i % 3
    i // -4
    -7 // torch.tensor([2, -2])
    i / 2
    i * 2
    i + 2.5
    i * True
    b + b
    b * 1
    b & b
    b | ~b
    b ^ True
    i & 3
    i | 8
    ~i
    i ** 2
    2 ** torch.tensor([0, 1, 3])
    x + b
    i + b
    np.float32(2) * x
    x @ row
    row @ row
    square @ square
    x.detach() + np.ones((2, 3), np.float32)
    empty + 1
    empty * row
    torch.maximum(x, y)
    torch.minimum(x, col)
    torch.maximum(special, special.flip(0))
    special + 1
    special * 0
    x.addcmul(y, y, value=0.5)
    x.addcdiv(y, y + 1, value=2)
    x.lerp(y, 0.25)
    torch.where(b, x, y)
    torch.where(b, x, 0.0)
    torch.where(b, 1.0, y)
    x.masked_fill(b, 7.0)
    x.clamp(-0.5, 0.5)
    x.clamp(min=0)
    x.clamp(max=0.25)
    torch.clamp(i, 0, 3)
    special.clamp(-1, 1)
    torch.add(x, 1, alpha=2)
    x + torch.ones(4) # 3, 4, non-singleton
    x + "1" # str
    x + None # NoneType
    b - b # bool, logical_xor
    -b # bool, ~
    i // 0 # zero
    i % 0 # zero
    i ** -1 # negative
    x & x # bool
    ~x # bool
    torch.clamp(x) # min, max
    x.div(y, rounding_mode="up") # up, trunc, floor
    torch.where(x, x, y) # bool
    x.masked_fill(i, 1.0) # bool
""")
def test_two_operands(line):
    line.check(LEAVES, ulps=32)


@both_ways("""
    y.exp()
    x.expm1()
    y.log()
    y.log1p()
    y.log2()
    y.log10()
    y.sqrt()
    y.rsqrt()
    y.reciprocal()
    x.square()
    x.sin()
    x.cos()
    x.tan()
    x.atan()
    x.sinh()
    x.cosh()
    x.tanh()
    x.sigmoid()
    x.abs()
    x.sign()
    (x * 10).round()
    (x * 10).floor()
    (x * 10).ceil()
    (x * 10).trunc()
    (x * 100).round(decimals=1)
    torch.round(torch.tensor([0.5, 1.5, 2.5, -0.5]))
    torch.tensor([1, -2]).abs()
    torch.tensor([1, 4]).sqrt()
    torch.tensor([1, 4]).floor()
    i.exp()
    b.exp()
    special.detach().exp()
    special.detach().log()
    special.detach().sqrt()
    special.detach().tanh()
    special.detach().sigmoid()
    special.detach().sign()
    special.isnan()
    special.isinf()
    special.isfinite()
    special.nan_to_num().detach().isnan()
    torch.relu(special.detach())
    b.logical_not()
    x.relu()
    torch.zeros(3).sqrt()
    empty.exp()
""")
def test_one_operand(line):
    line.check(LEAVES, ulps=32)


@both_ways("""
    x < y
    x <= y
    x > 0
    x >= col
    x == x
    x != y
    i == 3
    i < 2.5
    b == True
    1 < i
    x == "a"
    x == None
    x != None
    special == special
    special.detach() < inf
    torch.eq(i, i)
    torch.equal(i, i)
    torch.equal(i, i[0])
    x.allclose(x + 1e-9)
    torch.allclose(special, special)
    torch.allclose(special, special, equal_nan=True)
    torch.isclose(x, x * (1 + 1e-6))
    b.logical_and(i > 0)
    i.logical_or(b)
    i.logical_xor(b)
    b.all()
    b.any()
    b.any(1)
    b.all(0, keepdim=True)
    x.any()
    torch.tensor([]).all()
    torch.tensor([]).any()
""")
def test_comparison(line):
    line.check(LEAVES)


@both_ways("""
    x.sum()
    x.sum(0)
    x.sum(-1)
    x.sum((0, 1))
    x.sum(1, keepdim=True)
    x.sum(dim=0, dtype=torch.float64)
    x.sum(())
    i.sum()
    b.sum()
    b.sum(0)
    empty.sum()
    empty.sum(0)
    s.sum()
    s.sum(0)
    x.mean()
    x.mean(0)
    x.mean((0, 1), keepdim=True)
    empty.mean(0)
    i.float().mean()
    i.mean() # float, torch.int64
    x.prod()
    x.prod(1)
    i.prod()
    torch.prod(torch.tensor([[2.0, 0.0], [0.0, 3.0]]), 1)
    x.var()
    x.var(1)
    x.var(0, unbiased=False)
    x.var(1, correction=0, keepdim=True)
    x.std()
    x.std(0)
    x.norm()
    x.norm(1)
    x.norm(2, 1)
    x.norm(p=3, dim=0)
    x.norm(inf)
    x.norm(0)
    torch.zeros(3).norm()
    x.max()
    x.min()
    x.max(1)
    x.min(0, keepdim=True)
    x.max(dim=1).values
    x.max(1)[1]
    x.max(y)
    i.max(0)
    special.max()
    special.detach().max(0)
    torch.tensor([1.0, 3.0, 3.0]).max(0)
    x.amax()
    x.amax((0, 1))
    x.amin(1, keepdim=True)
    torch.ones(2, 2, requires_grad=True).amax()
    x.argmax()
    x.argmax(1)
    x.argmin(0, keepdim=True)
    special.argmax()
    i.argmax(-1)
    s.argmax()
    s.max(0)
    x.count_nonzero()
    i.count_nonzero(0)
    x.cumsum(0)
    x.cumsum(-1)
    i.cumsum(1)
    x.logsumexp(1)
    x.logsumexp((0, 1), keepdim=True)
    torch.tensor([-inf, -inf]).logsumexp(0)
    x.softmax(1)
    x.softmax(0)
    x.softmax(-1, dtype=torch.float64)
    x.log_softmax(1)
    torch.softmax(torch.tensor([1000.0, 0.0, -inf]), 0)
    torch.log_softmax(torch.tensor([1000.0, 0.0, -inf]), 0)
    torch.softmax(torch.tensor([-inf, -inf]), 0)
    s.softmax(0)
    empty.softmax(1)
    x.sum_to_size(1, 3)
    x.sum_to_size(3)
    x.sum(2) # 2, [-2, 1]
    x.sum((0, 0)) # multiple
    x.max(5) # 5
    empty.max() # dim
    empty.max(0) # non-zero
    empty.argmax() # dim
    i.softmax(0) # int64
    x.cumsum(3) # 3
    x.sum_to_size(2, 2) # [2, 2]
""")
def test_reductions(line):
    line.check(LEAVES, ulps=32)


@both_ways("""
    x.mm(square)
    square.mv(row)
    row.dot(row)
    torch.outer(row, col.flatten())
    torch.matmul(x, x.t())
    x.t() @ x
    torch.bmm(torch.stack([x, y]), torch.stack([square, square]))
    torch.stack([x, y]) @ square
    square @ torch.stack([x, y]).transpose(1, 2)
    torch.stack([x, y]).unsqueeze(1) @ torch.stack([square] * 3)
    row @ torch.stack([square, square])
    torch.stack([x, y]) @ row
    torch.addmm(row, x, square, beta=0.5, alpha=2)
    empty @ square
    torch.ones(2, 0) @ torch.ones(0, 3)
    i @ i.t()
    square.tril()
    square.triu(1)
    square.tril(-1)
    torch.stack([square, square]).triu()
    x @ x # 2x3, 3, 2
    x @ i # dtype
    s @ x # 1D, 0D
    x.mm(row) # 2D, [3]
    torch.bmm(x, x) # 3D
    row.dot(torch.ones(4)) # 3, 4
    x @ 2 # int
""")
def test_products(line):
    line.check(LEAVES, ulps=64)


DTYPES = ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64"]


@pytest.mark.parametrize("first", DTYPES)
def test_promotion(first):
    torch = pytest.importorskip("torch")
    import reftorch

    def dtypes(library):
        a = getattr(library, first)
        found = []
        for second in DTYPES:
            b = getattr(library, second)
            for size_a in ((2,), ()):
                for size_b in ((2,), ()):
                    x, y = library.ones(size_a, dtype=a), library.ones(size_b, dtype=b)
                    found += [
                        str((x * y).dtype),
                        str((x / y).dtype),
                        str((x == y).dtype),
                        str(library.result_type(x, y)),
                    ]
            found.append(str(library.promote_types(a, b)))
        for size in ((2,), ()):
            x = library.ones(size, dtype=a)
            found += [str((x * scalar).dtype) for scalar in (True, 2, 2.5)]
        return found

    assert dtypes(reftorch) == dtypes(torch)
