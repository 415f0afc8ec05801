"""Products of vectors, matrices and stacks of them, in every combination of ranks, as in PyTorch."""

import numpy as np

from side_by_side import both_ways

RNG = np.random.default_rng(0)
LEAVES = {
    "x": RNG.standard_normal((2, 3, 4)),
    "v": RNG.standard_normal(4),
    "s": np.array(1.7),
    "p": RNG.uniform(0.3, 2, (2, 3)),
    "q": RNG.standard_normal((3, 3)),
    "a": RNG.standard_normal((3, 4)),
    "b": RNG.standard_normal((4, 5)),
    "w": RNG.standard_normal((2, 4, 5)),
    "u": RNG.standard_normal(3),
    "e": np.zeros((0, 3)),
    "m": np.array([[True, False, True], [False, False, True]]),
    "i": np.array([[3, -2, 0], [1, 7, -5]]),
    "k": np.array([2, 0, 1]),
}


@both_ways("""
    a @ b
    a @ v
    v @ b
    v @ v
    x @ b
    x @ v
    v @ w
    x @ w
    a @ w
    x[:1] @ w
    x.unsqueeze(1) @ w.unsqueeze(0)
    torch.matmul(a, b)
    a.matmul(b)
    a.mm(b)
    a.mv(v)
    v.dot(v)
    v.outer(u)
    x.bmm(w)
    torch.bmm(x, w)
    torch.bmm(x[:1], w)
    torch.mm(x, b)
    torch.mm(a, v)
    torch.mv(a, u)
    torch.dot(v, u)
    torch.dot(a, b)
    torch.outer(u, v)
    torch.outer(a, v)
    s @ v
    v @ s
    a @ a
    a @ u
    x @ a
    x @ torch.zeros(3, 4, 5)
    a @ b.double()
    i @ i.t()
    i.float() @ i.t().float()
    i @ torch.tensor([1, 2, 3])
    m @ m.t()
    a @ 2
    2 @ a
    a @ [1, 2]
    a.t() @ a
    a[:, ::2] @ b[::2]
    e @ q
    q @ torch.zeros(3, 0)
    torch.zeros(2, 0) @ torch.zeros(0, 3)
    torch.zeros(0) @ torch.zeros(0)
    torch.zeros(0, 2, 3) @ torch.zeros(3, 2)
    torch.addmm(torch.zeros(3, 5), a, b)
    torch.addmm(u.unsqueeze(1), a, b, beta=0.5, alpha=2)
    torch.addmm(torch.full((3, 5), nan), a, b, beta=0)
    torch.addmv(u, a, v)
    torch.baddbmm(torch.zeros(2, 3, 5), x, w)
    q.trace()
    a.addmm(q, a)
    F.linear(x, a)
""")
def test_products(line):
    line.check(LEAVES)
