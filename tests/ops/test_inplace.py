"""Writing into a tensor: arithmetic, by a key, through views, on the tape and off it, as in PyTorch."""

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
    y = p * 1; y.add_(1); y
    n = i[0, 0].clone(); n.add_(1); n.add_(-6); n.add_(2, alpha=3); n
    n = i[0, 0].clone(); n.add_(2**63 - 1); n, n._version
    y = p * 1; y.add_(p, alpha=2); y
    y = p * 1; y += 1; y
    y = p * 1; y -= p; y
    y = p * 1; y *= 2; y
    y = p * 1; y /= p; y
    y = p * 1; y **= 2; y
    y = p * 1; y //= 2; y.detach()
    y = p * 1; y %= 2; y.detach()
    y = m.clone(); y &= m; y
    y = m.clone(); y |= True; y
    y = m.clone(); y ^= m; y
    y = q * 1; y @= q; y
    y = p * 1; y.mul_(y); y
    y = p * 1; y.mul_(p); y.mul_(p); y
    y = p * 1; y.pow_(2); y
    y = p * 1; y.exp_().log_().sqrt_(); y
    y = p * 1; y.neg_().abs_(); y
    y = p * 1; y.sigmoid_(); y.tanh_(); y
    y = p * 1; y.relu_(); y
    y = p * 1; y.clamp_(0.5, 1); y
    y = p * 1; y.clamp_min_(0.5); y
    y = p.detach() * 1; y.clamp_min_(-0.5).clamp_max_(0.5).mul_(s); y
    y = p * 1; y.reciprocal_().rsqrt_(); y
    y = p * 1; y.zero_(); y
    y = p * 1; y.fill_(3); y
    y = p * 1; y.fill_(s); y
    y = p * 1; y.fill_(u); y
    y = p * 1; y.copy_(u); y
    y = p * 1; y.copy_(p); y
    y = p * 1; y.copy_(torch.zeros(2, 3, dtype=torch.float64)); y
    y = p * 1; y.copy_(3); y
    y = p * 1; y.copy_(v); y
    y = p * 1; y.masked_fill_(m, 0); y
    y = p * 1; y.masked_fill_(m, s); y
    y = p * 1; y.scatter_(1, k.expand(2, 3), q[:2]); y
    y = p * 1; y.scatter_(1, k.expand(2, 3), 2.0); y
    y = p * 1; y.scatter_(1, k.expand(2, 3), value=2.0); y
    y = p * 1; y.scatter_add_(1, k.expand(2, 3), p); y
    y = q * 1; y.index_add_(0, k, q); y
    y = q * 1; y.index_copy_(0, k, q); y
    y = q * 1; y.index_fill_(0, k[:1], 2.0); y
    y = q * 1; y.index_put_((k,), u); y
    y = q * 1; y.index_put_((k, k), torch.tensor(1.0), accumulate=True); y
    y = q * 1; y.fill_diagonal_(5); y
    y = q * 1; y.t_(); y
    y = q * 1; y.tril_(); y
    y = p * 1; y.unsqueeze_(0); y
    y = p * 1; y.squeeze_(0); y
    y = p * 1; y.transpose_(0, 1); y
    y = p * 1; y.addcmul_(p, p, value=2); y
    y = p * 1; y.addcdiv_(p, p); y
    y = p * 1; y.lerp_(p * 2, 0.5); y
    y = p * 1; y.logical_not_(); y
    y = p * 1; y.floor_(); y
    y = p * 1; y.ceil_().round_().sign_(); y
    y = p * 1; y.trunc_(); y
    y = p * 1; y.sub_(p, alpha=3); y
    y = p * 1; y.div_(2, rounding_mode="floor"); y.detach()
    y = p * 1; y.square_(); y
    y = p * 1; y.addmm_(torch.ones(2, 2), p); y
    y = p * 1; y.cumsum_(1); y
""")
def test_arithmetic(line):
    line.check(LEAVES)


@both_ways("""
    y = p * 1; y[0] = 0; y
    y = p * 1; y[0] = u; y
    y = p * 1; y[:, 1] = p[:, 0] * 2; y
    y = p * 1; y[:, 1:] *= 2; y
    y = p * 1; y[0, 0] = 5; y
    y = p * 1; y[0, 0] += s; y
    y = p * 1; y[m] = 0; y
    y = p * 1; y[m] = u; y
    y = p * 1; y[m] *= 3; y
    y = p * 1; y[...] = 1; y
    y = p * 1; y[:] = p; y
    y = p * 1; y[None] = p; y
    y = p * 1; y[0, [0, 2]] = torch.tensor([7.0, 8.0]); y
    y = p * 1; y[:, k] = p; y
    y = p * 1; y[[0, 1], [1, 2]] = 9; y
    y = p * 1; y[0] = [1, 2, 3]; y
    y = p * 1; y[0] = np.array([1, 2, 3]); y
    y = p * 1; y[0] = (1, 2, 3); y
    y = p * 1; y[0] = "a"; y
    y = p * 1; y[0] = None; y
    y = p * 1; y[0] = torch.zeros(4); y
    y = p * 1; y[0] = torch.zeros(1, 3); y
    y = p * 1; y[0] = torch.zeros(2, 3); y
    y = p * 1; y[m] = torch.zeros(2); y
    y = p * 1; y[5] = 1; y
    y = p * 1; y[0, 0, 0] = 1; y
    y = p * 1; y[[5]] = 1; y
    y = p * 1; y[True] = 1; y
    y = p * 1; y[False] = 1; y
    y = p * 1; y[torch.tensor(1)] = 1; y
    y = p * 1; y[1:0] = 1; y
    y = p * 1; y[0] = torch.zeros(3, dtype=torch.float64); y
    y = i.clone(); y[0] = 2.7; y
    y = i.clone(); y[0] = torch.tensor([1.5, 2.5, -3.5]); y
    y = i.clone(); y[0, 0] = True; y
    y = i.clone(); y.add_(1.5); y
    y = i.clone(); y.mul_(2); y
    y = i.clone(); y /= 2; y
    y = i.clone(); y.add_(i.float()); y
    y = i.clone(); y.copy_(torch.full((2, 3), 2.9)); y
    y = i.clone(); y.fill_(2.9); y
    y = i.clone(); y.sqrt_(); y
    y = m.clone(); y.add_(1); y
    y = m.clone(); y[0] = 5; y
    y = m.clone(); y.fill_(3); y
    y = p.half(); y.add_(p); y
    y = torch.zeros(3); y.add_(torch.ones(2, 3)); y
    y = torch.zeros(3); y.add_(torch.ones(4)); y
    y = torch.zeros(2, 3); y.mul_(torch.ones(3)); y
    y = torch.zeros(3); y.add_("a"); y
    y = torch.zeros(3); y.add_(torch.ones(3, dtype=torch.complex64)); y
""")
def test_keys_and_dtypes(line):
    line.check(LEAVES)


@both_ways("""
    p.add_(1)
    p[0] = 1; p
    p[0].add_(1)
    p.t().mul_(2)
    p.zero_()
    p[m] = 0; p
    p.fill_(0)
    p.copy_(p)
    p.data.add_(1); p
    p.detach().add_(1); p
    y = p.expand(2, 2, 3); y.add_(1)
    y = torch.zeros(3).expand(2, 3); y.add_(1)
    y = torch.zeros(3).expand(2, 3); y.zero_()
    y = torch.zeros(3).expand(2, 3); y[0] = 1; y
    y = torch.zeros(3).expand(2, 3); y.copy_(torch.ones(2, 3))
    y = torch.zeros(3).expand(2, 3); y[:, 0] = 1; y
    y = torch.zeros(3).expand(2, 3); y.normal_()
    y = torch.zeros(1, 3).expand(1, 3); y.add_(1); y
    y = torch.zeros(5); y[1:] = y[:-1] + 1; y
    y = torch.arange(5.0); y[1:] = y[:-1]; y
    y = torch.arange(5.0); y[1:].add_(y[:-1]); y
    y = torch.arange(5.0); y.copy_(y.flip(0)); y
    y = torch.zeros(2, 2); y.t().copy_(torch.arange(4.0).view(2, 2)); y
    y = p * 2; z = y[0]; z.mul_(3); (y, z)
    y = p * 2; z = y[0]; y.mul_(3); (y, z)
    y = p * 2; z = y[:, 1]; z.exp_(); z.mul_(z); (y, z)
    y = p * 2; z = y.view(-1); z[2:4] = s; (y, z)
    y = p * 2; z = y.t(); z[0].add_(p[0, 0]); (y, z)
    y = p * 2; a1 = y[0]; b1 = y[:, 0]; a1.mul_(2); b1.mul_(3); (y, a1, b1)
    y = p * 2; z = y[0][1:]; z.zero_(); (y, z)
    y = p * 2; z = y.transpose(0, 1).reshape(3, 2)[1]; z += u[0]; (y, z)
    y = p * 2; z = y.unsqueeze(0).permute(2, 0, 1)[0]; z.fill_(s); (y, z)
    y = p * 2; z = y.diagonal(); z.mul_(4); (y, z)
    y = p * 2; z = y.expand(2, 2, 3)[0]; z.mul_(4); y
    y = torch.zeros(2, 3); y[0] = u; (y, y.requires_grad)
    y = torch.zeros(2, 3); z = y[0]; z.add_(u); (y, z)
    y = torch.zeros(2, 3); z = y[0]; y.add_(u); (y, z)
    y = torch.zeros(2, 3); z = y[0]; y[1] = u; (y, z)
    y = p * 2; z = y.detach(); z.mul_(2); (y, z)
    y = p * 2; z = y[0].clone(); y.zero_(); (y, z)
    y = p * 2; z = y ** 2; y.add_(1); z
    y = p * 2; z = y.exp(); z.add_(1); z
    y = p * 2; z = y.exp(); y.add_(1); z
    y = p * 2; z = y * y; y[0] = 0; z
    y = p * 2; z = y[0] * 3; y[1] = 0; z
    y = p * 2; z = y[0] ** 2; y[1] = 0; z
    y = p * 1; y._version
    y = p * 1; y.add_(1); y.mul_(2); y._version
    y = p * 1; y[0] = 0; y._version
    y = p * 1; z = y[0]; z.add_(1); (y._version, z._version)
    y = p * 1; y.detach().add_(1); y._version
    y = p * 1; y.data.add_(1); y._version
    y = p * 1; y.copy_(p); y._version
    y = p * 1; y.requires_grad_(); y._version
    y = torch.zeros(3); y.normal_(); y.uniform_(); y._version
    y = torch.zeros(3); y[:] = 1; y[[0]] = 2; y._version
    y = torch.zeros(3); y.relu_(); y._version
    y = torch.zeros(3); y += 1; y -= 1; y._version
    y = torch.zeros(1000).uniform_(2, 3); (y.min() >= 2, y.max() < 3)
    y = torch.zeros(10).random_(3); (y.min() >= 0, y.max() < 3)
    y = torch.zeros(3).bernoulli_(1.0); y
    y = torch.zeros(3).bernoulli_(torch.ones(3)); y
    y = torch.zeros(3).log_normal_(); y.shape
    y = torch.zeros(3).uniform_(3, 2); y
    y = torch.zeros(3).normal_(0, -1); y
    torch.zeros(3).uniform_("0.5", 1) # from, str
    torch.zeros(3).normal_(None) # mean, NoneType
    torch.zeros(3).bernoulli_("0.5") # p, str
    torch.normal("0.5", 1.0, (2,)) # mean, str
    y = torch.zeros(3, dtype=torch.int64).normal_(); y
    y = torch.zeros(3, dtype=torch.int64).random_(); (y >= 0).all()
    y = torch.zeros(3, dtype=torch.int64).random_(5, None); (y >= 5).all()
    y = torch.zeros(3).random_(5, 5); y
""")
def test_leaves_views_and_versions(line):
    line.check(LEAVES)
