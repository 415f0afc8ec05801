"""Errors: PyTorch's type, and a message that names what was found, what was wanted, and the likely mistake."""

from side_by_side import both_ways
from tensors import LEAVES


@both_ways("""
    torch.tensor([[1, 2], [3]]) # length 2, got 1, [1]
    torch.tensor([[1, 2], 3]) # number stands beside a sequence, [1]
    torch.tensor([[[1], [2]], [[3], [4, 5]]]) # dim 2, [1][1]
    torch.tensor("abc") # str, 'abc'
    torch.tensor(["a"]) # 'a', [0]
    torch.tensor([1, None]) # NoneType, [1]
    torch.tensor({1: 2}) # dict, nested lists
    torch.tensor([torch.ones(2), torch.ones(2)]) # shape [2], torch.stack
    torch.tensor(2**63) # int64
    torch.tensor([300], dtype=torch.uint8) # uint8, overflow
    torch.tensor([1], dtype="float32") # torch.float32, 'float32'
    torch.tensor([1, 2], requires_grad=True) # int64, .float()
    torch.tensor([1.0], device="cpux") # 'cpux', 'cuda:INDEX'
    torch.from_numpy([1, 2]) # np.ndarray, list
    torch.from_numpy(np.arange(3)[::-1]) # negative, .copy()
    torch.from_numpy(np.array(["a"])) # <U1, float32
    torch.from_numpy(np.ones(2, ">f4")) # byte order, >f4
    torch.zeros(2, -3) # -3, [2, -3]
    torch.zeros(2.5) # ints, float, 2.5
    torch.zeros() # size
    torch.zeros(2, nonsense=1) # nonsense
    torch.full((2,), "a") # Number, str
    torch.arange(5, 1) # start 5, end 1, step 1
    torch.arange(1, 5, 0) # nonzero
    torch.arange(0, inf) # inf
    torch.arange("a") # 'a'
    torch.randint(5, 2, (3,)) # from=5, to=2
    torch.randn(2, dtype=torch.int64) # float, int64
    torch.eye(-1) # -1
    torch.zeros_like(3) # Tensor, int, torch.tensor
""")
def test_creation(line):
    line.check(LEAVES)


@both_ways("""
    p + torch.zeros(4) # (3), (4), dimension 1, [2, 3] and [4]
    p + x # dimension 2
    p + "a" # str, 'a'
    p + [1, 2, 3] # list, torch.tensor
    p < None # NoneType
    p & m # float32, parentheses
    ~p # float32
    -m # bool, logical_not
    m - m # bool, logical_xor
    i // 0 # ZeroDivision
    i ** -1 # negative integer, .float()
    p // 2 # floor_divide, rounding_mode
    m % m # bools, .long()
    p.div(2, rounding_mode="up") # 'up', 'trunc'
    torch.maximum(p, 1) # 'other', int
    torch.where(p, p, p) # boolean, float32, != 0
    p.clamp() # 'min' or 'max'
    m.abs() # bools, .long()
    torch.exp(3) # 'input', int
    torch.isclose(p, p.double()) # float32, float64
    i.add(i, alpha=0.5) # integral, 0.5
""")
def test_arithmetic(line):
    line.check(LEAVES)


@both_ways("""
    x.sum(3) # [-3, 2], got 3
    x.sum((0, 0)) # dim 0, [0, 0]
    x.sum("a") # int, 'a'
    i.mean() # int64, .float()
    i.var() # int64
    i.norm() # int64
    e.max() # dim, [0, 3]
    e.max(0) # dim 0, [0, 3]
    e.argmax(0) # dim 0
    e.amax() # 'dim'
    m.argmax() # bool, .long()
    i.softmax(0) # int64, .float()
    x.softmax(5) # got 5
    x.cumsum(7) # got 7
    bool(x) # more than one value, .any()
    x.item() # 24
    float(x) # [2, 3, 4]
    [1, 2][v] # float32, [6]
    x.numpy() # detach()
    len(s) # 0-d
    "a" in i # str
""")
def test_reductions_and_numbers(line):
    line.check(LEAVES)


@both_ways("""
    x.view(5, 5) # [5, 5], 24
    x.view(-1, -1) # -1
    x.view(-1, 5) # [-1, 5], 24
    x.view(-2, 12) # -2
    x.view() # shape
    e.view(-1, 0) # ambiguous
    x.transpose(0, 1).view(-1) # stride, .reshape
    x.reshape(7) # [7], 24
    x.t() # 3D, transpose(
    x.permute(0, 1) # 3 and 2
    x.permute(0, 0, 1) # dim 0, [0, 0, 1]
    x.transpose(0, 3) # got 3
    v.mT # 1-D
    x.unsqueeze(5) # got 5
    x.squeeze(3) # got 3
    v.expand(6, 2) # (2), (6), dimension 1
    x.expand(3, 4) # 2, 3
    v.expand(-1, 6) # leading
    x.flatten(2, 1) # 2 and 1
    x.narrow(1, 2, 2) # start (2), length (2), (3)
    x.narrow(1, 0, -1) # -1
    x.select(1, 3) # index 3, [2, 3, 4]
    x.split([1, 1], 1) # 3, [1, 1]
    x.split(-1, 1) # -1
    x.chunk(0) # 0
    x.diagonal(0, 1, 1) # 1, 1
    x.movedim((0, 1), (0,)) # [0, 1]
    x.size(3) # got 3
    s.size(0) # no dimensions
    p.repeat(2) # 1 and 2
    x.flip(0, 0) # dim 0
    v.tril() # [6]
    torch.cat([]) # non-empty
    torch.cat([p, v]) # 2 and 1
    torch.cat([p, q], 1) # size 2, size 3, number 1
    torch.cat([s, s]) # zero-dimensional, stack
    torch.cat(x) # tuple, Tensor
    torch.cat([p, 3]) # element 1, int
    torch.stack([p, q]) # [2, 3], [3, 3], entry 1
    torch.meshgrid(v, v, indexing="up") # 'ij', up
""")
def test_shapes(line):
    line.check(LEAVES)


@both_ways("""
    x[2] # index 2, dimension 0, size 2, -2 to 1
    x[0, 3] # index 3, dimension 1, size 3
    x[0, 0, 0, 0] # 4, [2, 3, 4]
    x[1.5] # integers, float
    x["a"] # str, 'a'
    x[::-1] # -1, flip
    x[1.0:] # float
    v[[6]] # index 6, -6 to 5
    v[k.float()] # float32, .long()
    v[[True, False]] # mask [2], [6]
    p[m.t()] # mask [3, 2], [2, 3]
    q[k, k[:2]] # shape
    p.gather(1, torch.tensor([[0, 0], [3, 1]])) # index 3, dimension 1, size 3
    p.gather(1, torch.tensor([0, 1])) # 1 and 2
    p.gather(1, g.float()) # float32, .long()
    p.scatter(1, g, q.double()) # float32 and torch.float64
    p.scatter(1, g, q[:1]) # [2, 3], [1, 3]
    p.scatter_add(1, g, 1.0) # 'src', float
    x.index_select(1, g) # vector, [2, 3]
    q.index_select(0, torch.tensor([5])) # 5, size 3
    q.index_add(0, torch.tensor([5]), q[:1]) # 5, size 3
    q.index_copy(0, torch.tensor([5]), q[:1]) # 5, size 3
    q.index_add(0, k[:2], q) # [2, 3], [3, 3]
    q.index_copy(0, k, q.double()) # float32, float64
    p.masked_fill(i, 0) # boolean, int64
    p.masked_fill(m, v) # 0-dimensional, 1
    p.masked_select(i) # int64
    v.topk(7) # 7, 6 entries
    torch.bincount(torch.tensor([-1])) # -1
    a = p * 1; a[0] = torch.zeros(4); a # (3), (4)
    a = p * 1; a[m] = torch.zeros(2); a # [2], [3]
    a = p * 1; a[0] = [1, 2, 3]; a # list, torch.tensor
    a = p * 1; a[0] = None; a # NoneType
""")
def test_indices(line):
    line.check(LEAVES)


@both_ways("""
    x @ 2 # 'other', int
    s @ v # 0D and 1D
    p @ p # 2x3 and 2x3
    q @ v # (3x3 and 6), 3, 6
    q @ q.double() # float32 != torch.float64
    m @ m.t() # bools
    x @ torch.zeros(3, 4, 5) # [2] and [3]
    torch.mm(q, v) # mat2, 2D, [6]
    torch.bmm(x, x[:1]) # 2 and 1
    torch.dot(v, v[:2]) # [6], [2]
""")
def test_products(line):
    line.check(LEAVES)


@both_ways("""
    p.add_(1) # leaf, no_grad
    p[0] = 1; p # view of a leaf, no_grad
    a = p * 1; b = a.exp(); b.add_(1); b # [2, 3], ExpBackward0, version 1, clone()
    a = i.clone(); a.add_(1.5); a # float32, int64, not in place
    a = m.clone(); a.add_(1); a # int64, bool
    a = torch.zeros(3); a.add_(torch.ones(2, 3)); a # [3], [2, 3]
    a = torch.zeros(3).expand(2, 3); a.add_(1); a # single memory location, clone()
    a = torch.zeros(4); a[1:] = a[:-1]; a # single memory location, clone()
    a = p * 1; a.fill_(v); a # 0-dimension, 1
    a = torch.zeros(2); a.fill_("1"); a # a number, str, '1'
    a = (p * 1)[0]; a.detach_() # detach()
    p.requires_grad_(False); p.long().requires_grad_() # int64
    (p * 1).requires_grad_(False) # leaf, detach()
    p.grad = torch.ones(3); p # [3], [2, 3]
    p.backward(); p # scalar, [2, 3], .mean()
    p.detach().sum().backward(); p # element 0, does not require grad, no_grad
    a = (p * p).sum(); a.backward(); a.backward(); a # second time, retain_graph=True
    torch.autograd.grad(p.sum(), v) # number 0, allow_unused
    torch.autograd.grad(p.sum(), i) # does not require grad
    p.backward(torch.ones(3)); p # [3], [2, 3]
    copy.deepcopy(p * 1) # leaves, detach()
""")
def test_the_tape_and_in_place(line):
    line.check(LEAVES)
