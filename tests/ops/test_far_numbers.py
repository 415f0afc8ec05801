"""Results and gradients where squares, sums and slopes of very large, very small or equal numbers leave the range of the dtype."""

import numpy as np

from side_by_side import both_ways

LEAVES = {
    "same": np.array([2.0, 2.0]),
    "big": np.array([1e20, 3e20]),
    "small": np.array([1e-30, 3e-30]),
    "one": np.array([1e-20]),
    "zero": np.zeros(2),
    "mixed": np.array([0.0, 3.0]),
    "odd": np.array([np.nan, 1.0]),
    "wide": np.array([np.inf, 1.0]),
    "rows": np.array([[1e20, 3e20, 5e20], [7.0, 7.0, 7.0]]),
}


@both_ways("""
    same.std()
    same.std(correction=0)
    big.std() * 1e-20
    small.std() * 1e30
    small.std(0) * 1e30
    small.detach().var(0) * 1e30
    rows.std(1) * 1e-20
    rows.std(1, keepdim=True) * 1e-20
    rows.std((0, 1), unbiased=False) * 1e-20
    torch.std_mean(same)
    same.var()
    same.var(correction=5)
    mixed.std(correction=5)
    mixed.var(correction=5)
    mixed.var(0, correction=5)
    mixed.std(0, correction=2)
    one.std()
    one.std(correction=0)
    odd.std()
    wide.std()
    big.double().std() * 1e-20
""")
def test_spread(line):
    line.check(LEAVES)


NORMS = " ".join(
    f"{x}.norm({p})"
    for p in ("2", "1", "3", "1.5", "0.5", "inf", "-inf")
    for x in ("same", "zero", "mixed", "odd", "wide")
)


@both_ways(
    NORMS.replace(") ", ")\n")
    + """
    one.norm() * 1e20
    one.norm(3)
    one.norm(0.5) * 1e20
    zero.norm(-1)
    mixed.norm(-1)
    mixed.norm(1.5, dim=0, keepdim=True)
    torch.zeros(0, 3).norm(inf, dim=0) # no numbers
    torch.zeros(0).norm(-1)
    torch.zeros(3, 0).norm(inf, dim=0)
    zero.sqrt()
    mixed.rsqrt()
    zero.pow(0.5)
    3 / mixed
    3 / mixed.long()
    1 / one
    zero.log()
"""
)
def test_norms_and_roots(line):
    line.check(LEAVES)


@both_ways("""
    x.div(524288.)
    x[0].div(524288.)
    x / torch.tensor(524288.)
    torch.tensor([3388.]).half().div_(524288.)
    x.mul(1e-8) * 1000
    x * torch.tensor(1e-8) * 1000
    x / 0.1
    x + 1e5
    x - 1e5
    1e5 / x
    x.add(x, alpha=0.1)
    torch.addcmul(x * 15, t, t, value=-1)
    torch.addcdiv(x * 15, t, t, value=1e-4)
    x.mul(15).lerp(x * -15, 0.5)
    x.mul(15).mean()
    x.mul(15).mean(0, keepdim=True)
    t.norm()
    t.norm(3)
    t.norm(dim=0)
    t.std()
    t.var(correction=0)
    (x / -300).sigmoid()
    x.square()
""")
def test_float16(line):
    line.check({"x": np.array([3388.0, 4000.0]), "t": np.array([300.0, -300.0])}, dtype="float16")
