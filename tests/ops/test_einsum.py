"""einsum, median, unfold and out=: values, gradients, views and errors as in PyTorch."""

import math

import numpy as np
import pytest

import reftorch
from both import both
from side_by_side import both_ways

RNG = np.random.default_rng(0)
LEAVES = {
    "a": RNG.standard_normal((2, 3)),
    "b": RNG.standard_normal((3, 4)),
    "s": RNG.standard_normal((3, 3)),
    "u": RNG.standard_normal(3),
    "v": RNG.standard_normal(4),
    "t": RNG.standard_normal((2, 3, 4)),
    "o": RNG.standard_normal((1, 3)),
    "e": np.zeros((0, 3)),
    "i": np.array([[1, 2, 3], [4, 5, 6]]),
}


@both_ways("""
    torch.einsum("ij,jk->ik", a, b)
    torch.einsum("ij,jk", a, b)
    torch.einsum("ik,kj->ji", a, b)
    torch.einsum("ij->ji", a)
    torch.einsum("ij->", a)
    torch.einsum("ij->j", a)
    torch.einsum("ba", a)
    torch.einsum("ii", s)
    torch.einsum("ii->i", s)
    torch.einsum("iij->j", s[:, :, None].expand(3, 3, 2))
    torch.einsum("i,j->ij", u, v)
    torch.einsum("i,i", u, u)
    torch.einsum("i,i->i", u, u)
    torch.einsum("ij,ij->ij", a, a)
    torch.einsum("ij,ij->", a, a)
    torch.einsum("ij,j,jk,k->i", a, u, b, v)
    torch.einsum("bij,bkj->bik", t, t)
    torch.einsum("bij,jk->bik", t, v[:, None])
    torch.einsum("bij,j->bi", t, v)
    torch.einsum("...ij,...kj->...ik", t, t)
    torch.einsum("...ij,jk->...ik", a[None, None], b)
    torch.einsum("...i,...i->...", t[..., :3], o[:, None])
    torch.einsum("i...->...", t)
    torch.einsum("i...->i", t)
    torch.einsum("...", t)
    torch.einsum("...a->a...", t)
    torch.einsum("ij,kj->ik", a, o)
    torch.einsum("ij,ij->ij", a, o)
    torch.einsum("ij,ij->i", a, o)
    torch.einsum("bhqd,bhkd->bhqk", t[None], t[None])
    torch.einsum(" i j , j k -> i k ", a, b)
    torch.einsum("ij,jk->ik", [a, b])
    torch.einsum("Ij,jA->AI", a, b)
    torch.einsum("ij,jA", a, b)
    torch.einsum(a, [0, 1], [1, 0])
    torch.einsum(a, [0, 1], b, [1, 2], [0, 2])
    torch.einsum(a, [0, 1], b, [1, 2])
    torch.einsum("ij,ij->j", e, e)
    torch.einsum("ij,jk->ik", e, b)
    torch.einsum("ij,kj->ik", i, i)
    torch.einsum(",", a.sum(), u.sum())
    torch.einsum("ij,jk->ik", a) # 2 terms, 1 operands
    torch.einsum("ij->ik", a) # k does not appear
    torch.einsum("ij->ii", a) # more than once
    torch.einsum("ijk", a) # number of subscripts
    torch.einsum("i", a)
    torch.einsum("i1", a) # invalid subscript, 1
    torch.einsum("ij,jk->ik", a, a) # j has size, does not broadcast
    torch.einsum("ii", a) # size 3, size 2
    torch.einsum("ii", a[:1]) # repeated
    torch.einsum("ij") # at least one operand
    torch.einsum("ij,jk->ik", a, b.double())
""")
def test_einsum(line):
    line.check(LEAVES, ulps=64, strides=False)  # torch chooses the order of the products, and with it the strides


@both_ways("""
    a.median()
    a.median(1)
    torch.median(a, dim=0)
    torch.median(t, 1, True)
    t.median(-1)
    t.transpose(0, 2).median(1)
    i.median()
    i.median(0)
    torch.tensor([3, 1, 2, 2]).median()
    torch.tensor([3., 1., 2., 2.], requires_grad=True).median()
    x = torch.tensor([1., nan, 0.], requires_grad=True); x.median().backward(); x.grad
    x = torch.tensor([1., 1., 2., 1.], requires_grad=True); x.median().backward(); x.grad
    torch.tensor([1., nan, 0.]).median(0)
    torch.tensor([[1., nan, nan], [3., 2., 1.]]).median(1)
    torch.tensor([inf, -inf, 1.]).median(0)
    u.sum().median()
    u.sum().median(0)
    torch.zeros(0).median()
    torch.zeros(0).median(0)
    e.median(1)
    e.median(0) # non-zero size
    a.median(2)
    torch.tensor([True]).median()
""")
def test_median(line):
    line.check(LEAVES)


@both_ways("""
    a.unfold(0, 2, 1)
    b.unfold(1, 2, 1)
    b.unfold(1, 2, 2)
    b.unfold(1, 3, 1)
    b.unfold(-1, 4, 1)
    b.unfold(1, 1, 3)
    t.unfold(1, 2, 1).unfold(2, 3, 1)
    t.transpose(0, 2).unfold(0, 3, 1)
    b.unfold(0, 0, 1)
    u.sum().unfold(0, 1, 1)
    y = b * 1; y.unfold(1, 2, 2).mul_(2); y
    y = b.detach().clone(); y.unfold(1, 2, 2)[0, 0, 1] = 7; y
    b.unfold(0, 4, 1) # maximum size, 3, 4
    b.unfold(0, 2, 0) # step is 0
    b.unfold(0, -1, 1) # size is -1
    b.unfold(2, 1, 1)
""")
def test_unfold(line):
    line.check(LEAVES)


@both_ways("""
    y = torch.zeros(2, 3); torch.mul(x, 2, out=y) is y, y
    y = torch.zeros(2, 3); torch.add(x, x, alpha=2, out=y) is y, y
    y = torch.zeros(2, 3); torch.sub(x, 1, out=y) is y, y
    y = torch.zeros(2, 3); torch.div(x, 2, out=y) is y, y
    y = torch.zeros(2, 3); torch.pow(x, 2, out=y) is y, y
    y = torch.zeros(2, 3); torch.maximum(x, -x, out=y) is y, y
    y = torch.zeros(2, 3); torch.exp(x, out=y) is y, y
    y = torch.zeros(2, 3); torch.clamp(x, 0, 1, out=y) is y, y
    y = torch.zeros(3); torch.sum(x, 0, out=y) is y, y
    y = torch.zeros(2, 2); torch.matmul(x, x.t(), out=y) is y, y
    y = torch.zeros(2, 2); torch.mm(x, x.t(), out=y) is y, y
    y = torch.zeros(1, 2, 2); torch.bmm(x[None], x.t()[None], out=y) is y, y
    y = torch.zeros(2), torch.zeros(2).long(); torch.max(x, 1, out=y)[1] is y[1], y
    y = torch.zeros(3, 2).t(); torch.add(x, 1, out=y); y
    y = torch.zeros(2, 6)[:, ::2]; torch.add(x, 1, out=y); y
    torch.mul(x, x, out=x)
    torch.add(x, 1, out=x[:, :]) is x
    torch.mul(x, 2, out=torch.empty(0))
    torch.mul(x, 2, out=torch.zeros(5))
    torch.mul(x, 2, out=torch.zeros(2, 3).double())
    torch.mul(x.long(), 2, out=torch.zeros(2, 3))
    torch.mul(x, 2, out=None)
    torch.mul(x, 2, out=torch.zeros(2, 3).long()) # can't be cast, int64
    torch.mul(x, 2, out=torch.zeros(2, 3, requires_grad=True)) # automatic differentiation
    torch.mul(x.clone().requires_grad_(), 2, out=torch.zeros(2, 3)) # automatic differentiation
    torch.mul(x, 2, out=[1]) # must be Tensor, list
""")
def test_out(line):
    line.check({"x": LEAVES["a"]}, grad=False)


@both
def test_out_under_no_grad_and_for_the_tape(torch):
    x, y = torch.ones(2, requires_grad=True), torch.zeros(2)
    with torch.no_grad():
        torch.mul(x, 3, out=y)
    assert y.tolist() == [3, 3] and not y.requires_grad
    z = (x * y).sum()
    torch.add(y, 1, out=y)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_out_warns_of_another_shape():
    with pytest.warns(UserWarning, match=r"was resized since it had shape \[5\].*\[2\]"):
        reftorch.mul(reftorch.ones(2), 2, out=reftorch.zeros(5))


def test_median_of_numbers_that_are_not():
    assert math.isnan(reftorch.tensor([1.0, math.nan]).median().item())
