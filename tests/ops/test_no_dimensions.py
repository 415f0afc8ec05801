"""Tensors without dimensions, and arguments that do not fit them: what PyTorch does with the same."""

import numpy as np

from side_by_side import both_ways

LEAVES = {"s": np.array(3.0), "i": np.array(0), "v": np.array([1.0, 2.0]), "m": np.array([[1.0, 2.0], [3.0, 4.0]])}


@both_ways("""
    s.flip(0)
    s.flip(-1)
    s.flip(())
    s.flip(1)
    s.flip(0, 0)
    s.fliplr()
    v.fliplr()
    s.flipud()
    s.roll(1)
    s.roll(1, 0)
    v.roll(1, 5)
    m.roll((1,), (0, 1)) # must align
    m.roll((1, 1), (0, 1))
    m.roll([1], [0])
    s.movedim(0, 0)
    s.movedim(-1, 0)
    s.movedim(1, 0)
    s.permute(())
    s.unflatten(0, (1,))
    s.transpose(0, 0)
    s.transpose(0, 1)
    s.squeeze(0)
    s.unsqueeze(0)
    s.flatten()
    s.unbind()
    s.chunk(2)
    s.split(1)
    s.narrow(0, 0, 1)
    s.select(0, 0)
    s.repeat(2)
    s.repeat(())
    s.tile((2,))
    s.repeat_interleave(2)
    s.expand(2)
    s.diag()
    s.tril()
    s.sort()
    s.topk(1)
    s.argsort(0)
    s.cumsum(0)
    s.softmax(0)
    s.max(0)
    s.argmax(0)
    s.norm(dim=0)
    s.var(0)
    s.logsumexp(0)
    s.nonzero()
    s.detach().unique()
    s.gather(0, i)
    s.scatter(0, i, 5.0)
    s.scatter(0, i, s * 2)
    s.scatter_add(0, i, s * 2)
    s.index_select(0, i)
    s.index_select(0, torch.tensor([0]))
    s.index_select(0, torch.tensor([0, 0])) # only 1 value
    s.index_fill(0, i, 5.0)
    s.index_fill(0, i, torch.tensor(5.0))
    s.index_add(0, i, s * 2)
    s.index_add(0, i, s * 2, alpha=3)
    s.index_copy(0, i, s * 2)
    s.index_fill(0, torch.tensor(1), 5.0)
    y = s * 1; y.index_fill_(0, i, 5.0); y
    y = s * 1; y.scatter_(0, i, 5.0); y
    s.masked_select(torch.tensor(True))
    s.masked_fill(torch.tensor(True), 1)
    torch.cat([s, s])
    torch.stack([s, s])
    torch.hstack([s, s])
    torch.vstack([s, s])
    torch.outer(s, v)
    s.matmul(s)
    s.median(0)
    s.unfold(0, 1, 1)
    list(s)
    len(s)
    s[0]
    s[None]
    s[...]
    s[True]
""")
def test_without_dimensions(line):
    line.check(LEAVES)
