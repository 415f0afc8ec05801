"""Views, joining, reading and writing by index, in-place operations, line by line against PyTorch."""

import numpy as np

from side_by_side import both_ways

rng = np.random.default_rng(5)
LEAVES = {
    "x": rng.standard_normal((2, 3)),
    "c": rng.standard_normal((2, 3, 4)),
    "v": rng.standard_normal(6),
    "s": np.array(2.5),
    "i": np.array([[5, 1, 4], [2, 0, 3]]),
    "k": np.array([2, 0, 2]),
    "m": np.array([[True, False, True], [False, False, True]]),
    "empty": np.ones((0, 3)),
}


@both_ways("""
    x.view(3, 2)
    x.view(-1)
    x.view((6,))
    x.view(6, -1)
    c.view(2, 12)
    c.reshape(4, -1)
    x.t().reshape(6)
    x.t()
    x.T
    c.mT
    v.t()
    s.t()
    c.transpose(0, 2)
    c.transpose(-1, 0)
    c.permute(2, 0, 1)
    c.permute((1, -1, 0))
    c.movedim(0, 2)
    x.unsqueeze(0)
    x.unsqueeze(-1)
    x.unsqueeze(1).squeeze(1)
    x.view(1, 2, 1, 3).squeeze()
    x.view(1, 2, 1, 3).squeeze(0)
    x.squeeze(0)
    x.unsqueeze(0).expand(4, 2, 3)
    x.unsqueeze(0).expand(4, -1, -1)
    s.expand(2, 2)
    v.expand(2, 6)
    x.unsqueeze(1).expand(2, 4, 3).contiguous()
    c.flatten()
    c.flatten(1)
    c.flatten(0, 1)
    s.flatten()
    c.unflatten(2, (2, 2))
    v.unflatten(0, (2, -1))
    c.narrow(2, 1, 2)
    c.select(1, -1)
    c.split(2, 2)
    c.split([1, 3], dim=2)
    c.chunk(2, 1)
    v.chunk(4)
    c.unbind(1)
    x.unbind()
    x.diagonal()
    c.diagonal(1, 1, 2)
    x.view_as(torch.ones(3, 2))
    x.reshape_as(torch.ones(6))
    x.repeat(2, 3)
    x.repeat(2, 1, 1)
    x.flip(0)
    c.flip(0, 2)
    v.roll(2)
    x.roll(1, 1)
    x.ravel()
    torch.cat([x, x * 2])
    torch.cat([x, x], dim=1)
    torch.cat((x, torch.ones(0), x))
    torch.cat([x, i], 1)
    torch.stack([v, v * 2])
    torch.stack([x, x], dim=-1)
    empty.view(3, 0)
    empty.reshape(0)
    empty.t()
    x.clone()
    x.contiguous()
    x.t().contiguous()
    c.transpose(0, 1).clone()
    x.size()
    x.size(1)
    x.size(-2)
    x.shape[1:]
    x.stride()
    c.stride(1)
    x.numel()
    x.dim()
    len(x)
    list(x.shape)
    x.shape.numel()
    x.view(4) # shape '[4]', size 6
    x.view(-1, -1) # one dimension
    x.view(-2, 3) # -2
    x.t().view(6) # view size, reshape
    x.reshape(5) # [5], 6
    c.t() # 3D
    x.transpose(0, 2) # 2, [-2, 1]
    c.permute(0, 1) # 3
    c.permute(0, 0, 1)
    x.unsqueeze(4) # 4
    x.expand(3, 3) # 3, 2
    x.expand(3) # 1, 2
    x.split(0) # 0
    x.split([1, 2]) # [1, 2]
    x.narrow(0, 1, 2) # 2
    x.chunk(0) # 0
    c.unflatten(2, (3, 2)) # [3, 2]
    torch.cat([]) # non-empty
    torch.cat([x, v]) # 2, 1
    torch.cat([x, x.t()]) # 3, 2
    torch.cat([s, s]) # zero-dimensional
    torch.cat([x, 1]) # int
    torch.stack([x, v]) # [2, 3], [6]
    torch.stack([]) # non-empty
    x.size(2) # 2
    len(s) # 0-d
    list(s) # 0-d
""")
def test_views_and_joining(line):
    line.check(LEAVES)


@both_ways("""
    x[0]
    x[-1]
    x[0, 1]
    x[:, 1]
    x[1:, :2]
    x[::2]
    x[..., 0]
    c[0, ..., 1]
    c[:, None, 1:]
    x[None]
    x[0][1]
    x[()]
    s[()]
    s[None]
    x[:0]
    x[5:]
    x[-5:1]
    x[m]
    x[~m]
    x[m[:, 0]]
    x[:, m[1]]
    x[k - 1]
    x[:, k]
    x[k - 1, k]
    x[[0, 1, 0]]
    x[[1], [2]]
    x[[True, False]]
    x[torch.tensor(1)]
    x[torch.tensor(1), torch.tensor([0, 2])]
    c[:, k, 1]
    c[k - 1, :, k]
    c[0, k]
    c[:, [0, 2], 1:3]
    c[..., k]
    c[None, k - 1]
    c[[[0, 1], [1, 0]]]
    x[np.array([1, 0])]
    x[True]
    x[False]
    v[torch.tensor([], dtype=torch.int64)]
    x[i > 2]
    x[-1, [-1, -3]]
    v[i]
    i[k - 1]
    x.gather(1, torch.tensor([[0, 0], [2, 1]]))
    x.gather(0, torch.tensor([[1, 0, 1]]))
    x.scatter(1, torch.tensor([[0, 2, 1], [1, 0, 2]]), x * 2)
    x.scatter(1, torch.tensor([[0], [1]]), 9.0)
    x.scatter_add(0, torch.tensor([[0, 0, 0], [0, 1, 1]]), x)
    x.index_select(1, k)
    v.index_select(0, torch.tensor([5, 5]))
    x.masked_select(m)
    i.nonzero()
    m.nonzero(as_tuple=True)
    torch.where(m)
    torch.tensor(3).nonzero()
    x.sort()
    x.sort(0, descending=True)
    i.sort(1)
    i.argsort(1)
    torch.tensor([2.0, float("nan"), 1.0]).sort()
    x.topk(2)
    x.topk(1, dim=0, largest=False)
    v.topk(0)
    s.sort()
    x[2] # 2, 0, size 2
    x[0, 3] # 3, 1, size 3
    x[0, 0, 0] # too many, 2
    s[0]
    x[::-1] # step, flip
    x["a"] # str
    x[1.5] # float
    x[[2]] # 2, 0
    x[torch.tensor([-3])] # -3
    x[torch.tensor([0.5])] # float32
    x[m.t()] # [3, 2], [2, 3]
    x.gather(1, torch.tensor([[3]])) # 3
    x.gather(1, torch.tensor([0])) # 1, 2
    x.gather(1, torch.tensor([[0.0]])) # int64
    x.topk(4) # 4
    x.index_select(0, torch.tensor([[0]])) # vector
""")
def test_reading_by_index(line):
    line.check(LEAVES)


@both_ways("""
    y = x * 1; y[0] = 5; y
    y = x * 1; y[0, 1] = x[1, 0] * 3; y
    y = x * 1; y[:, 1] = torch.tensor([1.0, 2.0]); y
    y = x * 1; y[1:] = v[:3]; y
    y = x * 1; y[m] = 0; y
    y = x * 1; y[m] = v[:3]; y
    y = x * 1; y[k - 1] = v[0]; y
    y = x * 1; y[[0, 1], [2, 0]] = v[:2] * 2; y
    y = x * 1; y[...] = 1; y
    y = c * 1; y[0, ..., 1] = x[0]; y
    y = x * 1; y[0] = i[0]; y
    y = i + 0; y[0] = 2.7; y
    y = x.detach().clone(); y[0] += 1; y
    y = torch.zeros(2, 3); y[m] = 1; y
    y = torch.zeros(2, 3); y[:, k] = 2; y
    y = torch.zeros(2, 3); y[:, 1] = x[:, 0]; y
    y = x * 1; y += 1; y
    y = x * 1; y -= x; y
    y = x * 1; y *= x; y
    y = x * 1; y /= 2; y
    y = x * 1; y **= 2; y
    y = x * 1; y.add_(x, alpha=3); y
    y = x * 1; z = y.t(); z.mul_(2); (y, z)
    y = x * 1; z = y[0]; y.mul_(3); (y, z)
    y = x * 1; z = y[0]; z.mul_(3); z.add_(1); (y, z)
    y = x * 1; z = y.view(6); w = y[1]; w.exp_(); (y, z, w)
    y = x * 1; y.copy_(x * 5); y
    y = x * 1; y.copy_(v[:3]); y
    y = x * 1; y[0].copy_(v[:3]); y
    y = x * 1; y.fill_(3); y
    y = x * 1; y.zero_(); y
    y = x * 1; y[0].zero_(); y
    y = x * 1; y.clamp_(0, 1); y
    y = x * 1; y.exp_(); y
    y = x * 1; y.sigmoid_(); y
    y = x * 1; y.masked_fill_(m, 2); y
    y = x * 1; y.relu_(); y
    y = x * 1; y.detach_(); y
    y = torch.zeros(3); y.add_(x); y # [3], [2, 3]
    y = i + 0; y.add_(0.5) # int64
    y = i + 0; y.mul_(2); y
    y = torch.zeros(2); y.copy_(torch.zeros(3)) # 2, 3
    y = x * 1; y[0] = v; y # 6, 3
    y = x * 1; y[m] = v; y # shape
    x.add_(1) # leaf, no_grad
    x[0] = 1; x # leaf
    x[0].mul_(2) # view, leaf
    x.zero_() # leaf
    x[m] = 1; x # leaf
    torch.ones(3).expand(2, 3).add_(1) # single memory, clone
    y = x.exp(); y.mul_(2); y.sum().backward() # version 1, version 0
    y = x * 2; z = y * y; y += 1; z.sum().backward() # version
    y = x * 2; z = y ** 2; y[0] = 0; z.sum().backward() # version
    (x * 1).requires_grad_(False) # leaf
    i.requires_grad_() # floating
""")
def test_writing(line):
    line.check(LEAVES)


def test_views_share_memory():
    import reftorch

    x = reftorch.zeros(2, 3)
    views = [
        x[:, 0],
        x.t(),
        x.view(-1),
        x.reshape(3, 2),
        x.unsqueeze(0),
        x[1],
        x.diagonal(),
        x.permute(1, 0),
        x.expand(1, 2, 3),
    ]
    views += [
        x.narrow(1, 0, 1),
        x.select(0, 0),
        x.split(1)[0],
        x.detach(),
        x.squeeze(),
        x.unbind(1)[0],
        x.flatten(),
        x.T,
    ]
    for number, view in enumerate(views, start=1):
        before = x._version
        x.fill_(number)
        assert set(np.asarray(view).reshape(-1).tolist()) == {number}
        assert view._version == before + 1
    views[0].zero_()
    assert x.tolist() == [[0, 17, 17], [0, 17, 17]]
