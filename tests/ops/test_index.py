"""Reading by a key, picking along a dimension, sorting, joining: values, strides, gradients and errors, as in PyTorch."""

from side_by_side import both_ways
from tensors import LEAVES


@both_ways("""
    x[0]
    x[-1]
    x[:, 0]
    x[:, :, 1]
    x[0, 1]
    x[0, 1, 2]
    x[..., 0]
    x[0, ...]
    x[...]
    x[:]
    x[()]
    x[None]
    x[:, None]
    x[..., None]
    x[0, None, 1]
    x[1:]
    x[:, 1:3]
    x[:, ::2]
    x[:, :, 1:4:2]
    x[:, 5:]
    x[:, -2:]
    x[:, :-1]
    x[:, 2:1]
    x[100:]
    x[::-1]
    x[0:2:0]
    x[2]
    x[-3]
    x[0, 0, 0, 0]
    x[0, 3]
    x[..., ...]
    x["a"]
    x[1.0]
    x[1.5]
    x[None, None]
    x[True]
    x[False]
    x[torch.tensor(1)]
    x[torch.tensor(-1)]
    x[np.int64(1)]
    x[np.array(1)]
    x[torch.tensor(True)]
    x[torch.tensor(5)]
    x[torch.tensor(1.0)]
    x[:, torch.tensor(1):]
    x[np.int64(0):np.int64(1)]
    x[1.0:]
    x[:, k]
    x[:, k, 0]
    x[0, k]
    x[0, :, k]
    x[:, :, k]
    x[k]
    v[k]
    v[[0, 2]]
    v[[0, 0, 0]]
    v[[-1, -6]]
    v[[6]]
    v[[-7]]
    v[[]]
    v[[True, False, True, False, True, False]]
    v[[True, False]]
    v[torch.tensor([], dtype=torch.int64)]
    v[k.int()]
    v[k.to(torch.uint8)]
    v[k.to(torch.int16)]
    v[k.float()]
    v[v > 0]
    v[v > 100]
    v[(v > 0).numpy()]
    v[np.array([1, 2])]
    v[np.array([True, False, True, False, True, False])]
    v[range(2)]
    v[(1,)]
    v[(1, 2)]
    v[[[0, 1], [2, 3]]]
    v[torch.tensor([[0, 1], [2, 3]])]
    p[m]
    p[m, 0]
    p[m[0]]
    p[:, m[0]]
    p[m[:, 0]]
    p[m.t()]
    x[m]
    x[m, 0]
    x[:, m]
    x[..., m[0], :]
    x[0, m[0]]
    x[[0, 1], [1, 2]]
    x[[0, 1], :, [1, 2]]
    x[[0, 1], 1:, [1, 2]]
    x[[[0], [1]], [1, 2]]
    x[[0, 1, 1], [1, 2]]
    x[0, [1, 2], 1:]
    x[1:, [1, 2]]
    x[None, [0, 1]]
    x[[0, 1], None]
    x[[0, 1], None, [1, 2]]
    x[..., [0, 1]]
    x[k, ..., k]
    x[0, ..., [0, 1]]
    x[torch.tensor([0, 1]), torch.tensor(1)]
    x[:, [0, 1]][0]
    x[[0, 1]][:, [0, 2]]
    q[k][:, k]
    q[k, k]
    q[k, :]
    q[(k, k)]
    q[[k, k]]
    i[i > 0]
    i[m]
    m[m]
    s[...]
    s[()]
    s[None]
    s[0]
    s[True]
    s[False]
    s[torch.tensor(True)]
    s[:]
    e[0]
    e[:, 0]
    e[:0]
    e[torch.zeros(0, dtype=torch.int64)]
    x[slice(0, 1)]
    x[slice(None), 1]
    x[(slice(None), 1)]
    x[[slice(None), 1]]
    x[0][0][0]
""")
def test_keys(line):
    line.check(LEAVES)


@both_ways("""
    torch.gather(p, 1, torch.tensor([[0, 0], [2, 1]]))
    p.gather(0, torch.tensor([[0, 1, 1]]))
    p.gather(-1, torch.tensor([[0], [1]]))
    p.gather(1, torch.tensor([[0, 0], [3, 1]]))
    p.gather(1, torch.tensor([[0, 0], [-1, 1]]))
    p.gather(1, torch.tensor([0, 1]))
    p.gather(2, g)
    p.gather(1, g.int())
    p.gather(1, g.float())
    p.gather(0, torch.zeros(1, 4, dtype=torch.int64))
    x.gather(1, torch.zeros(1, 2, 3, dtype=torch.int64))
    s.gather(0, torch.tensor(0))
    p.gather(1, torch.zeros(0, 0, dtype=torch.int64))
    p.scatter(1, g, q[:2])
    p.scatter(1, g, 5.0)
    p.scatter(1, g, 5)
    p.scatter(1, g, value=2.0)
    p.scatter(1, torch.tensor([[3], [1]]), 1.0)
    p.scatter(1, g, q.double())
    p.scatter(0, torch.tensor([[0, 1, 0, 1]]), 1.0)
    p.scatter(1, g, q[:1])
    p.scatter_add(1, torch.zeros(2, 3, dtype=torch.int64), p)
    p.scatter_add(0, torch.tensor([[0, 0, 0], [1, 0, 1], [0, 1, 1]]), q)
    p.scatter_add(1, g, 1.0)
    x.index_select(1, k)
    x.index_select(1, torch.tensor(1))
    x.index_select(0, k)
    x.index_select(1, g)
    x.index_select(1, k.int())
    x.index_select(1, k.float())
    torch.index_select(x, 2, k)
    q.index_add(0, k, q)
    q.index_add(1, torch.tensor([0, 0]), q[:, :2])
    q.index_add(0, torch.tensor([0]), q[:1], alpha=2)
    q.index_copy(0, k, q)
    q.index_fill(0, torch.tensor([0, 2]), 5.0)
    q.index_put((k, k), torch.tensor(1.0))
    x.masked_fill(torch.tensor([True, False, True, False]), 0)
    p.masked_fill(m, 1.5)
    p.masked_fill(m, torch.tensor(2.0))
    p.masked_fill(m, s)
    p.masked_fill(i, 0)
    p.masked_fill(torch.zeros(4, dtype=torch.bool), 0)
    i.masked_fill(m, 2)
    i.masked_fill(m, 2.5)
    p.masked_fill(m, v)
    torch.masked_fill(p, m, 0)
    p.masked_select(m)
    torch.masked_select(x, torch.tensor([True, False, True, False]))
    p.nonzero()
    i.nonzero()
    m.nonzero()
    m.nonzero(as_tuple=True)
    s.nonzero()
    torch.nonzero(m)
    torch.argwhere(m)
    v.sort()
    v.sort(descending=True)
    x.sort(1)
    x.sort(dim=0, descending=True)
    torch.sort(x, -1)
    torch.sort(v, stable=True)
    s.sort()
    i.sort(1)
    i.sort(1, descending=True)
    torch.tensor([1.0, nan, -inf, 0.0]).sort()
    torch.tensor([1.0, nan, -inf, 0.0]).sort(descending=True)
    torch.tensor([2, 1, 2, 1]).sort(stable=True)
    torch.tensor([2, 1, 2, 1]).sort(descending=True, stable=True)
    torch.tensor([True, False]).sort()
    e.sort(0)
    v.argsort()
    x.argsort(1, descending=True)
    torch.argsort(v)
    v.topk(3)
    v.topk(2, largest=False)
    x.topk(2, 1)
    x.topk(2, dim=0)
    x.topk(5, 1)
    v.topk(-1)
    v.topk(0)
    torch.topk(v, 3)
    torch.topk(x, k=2, dim=-1)
    torch.where(m, p, 0.0)
    torch.tensor([1, 2, 3]).unsqueeze(1) + torch.tensor([1, 2])
    p.scatter(1, torch.tensor([[0], [1]]), q[:2, :1])
    p.scatter(1, g, src=q[:2])
    p.scatter_add(1, g, q[:2])
    torch.scatter(p, 1, g, q[:2])
    torch.scatter_add(p, 1, g[:1], q[:1])
""")
def test_along_a_dimension_masks_and_order(line):
    line.check(LEAVES)
