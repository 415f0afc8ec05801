"""How a tensor behaves towards Python and NumPy, and what it is made of: Size, device, dtype. As in PyTorch."""

import numpy as np

from side_by_side import both_ways

LEAVES = {
    "x": np.random.default_rng(0).standard_normal((2, 3)),
    "i": np.array([3, 1, 2]),
    "s": np.array(2.5),
    "k": np.array(2),
    "m": np.array([True, False]),
}


@both_ways("""
    x.tolist()
    s.tolist()
    k.item()
    s.item()
    x.item()
    torch.zeros(0).item()
    torch.ones(1, 1).item()
    m.tolist()
    bool(s)
    bool(x)
    bool(torch.zeros(0))
    bool(torch.tensor([0]))
    float(s)
    float(k)
    float(x)
    int(s)
    int(torch.tensor(-2.7))
    int(x)
    int(torch.tensor(nan))
    int(torch.tensor(inf))
    complex(s)
    complex(x)
    [10, 20, 30][k]
    [10, 20, 30][s]
    [10, 20, 30][torch.tensor([1])]
    [10, 20, 30][i]
    list(range(k))
    len(x)
    len(s)
    list(x)
    list(s)
    [row.sum() for row in x]
    a, b = x; a + b
    list(reversed(i))
    reversed(x)
    2 in i
    5 in i
    torch.tensor(2) in i
    "a" in i
    None in i
    [1] in i
    2.0 in i
    format(s, ".3f")
    format(k, "d")
    format(s, "")
    f"{k}"
    format(x, ".2f")
    f"{s:.2f} {k:03d}"
    hash(x) == id(x)
    {x: 1}[x]
    x is x
    x == x
    x in [x]
    math.floor(s)
    math.ceil(s)
    math.trunc(s)
    math.sqrt(s)
    math.isnan(s)
    round(s)
    divmod(k, 2)
    abs(x)
    -x
    max(i)
    min(i)
    sum(i)
    sorted(i)
    any(m)
    all(m)
    x.detach().numpy()
    x.numpy()
    i.numpy()
    x.numpy(force=True)
    s.detach().numpy()
    m.numpy()
    x[0].detach().numpy()
    x.t().detach().numpy().strides
    np.asarray(i)
    np.asarray(x)
    np.array(i, dtype=np.float64)
    np.asarray(i, dtype=np.float32)
    np.add(i, 1)
    np.sqrt(i)
    np.sum(i.numpy())
    np.concatenate([i, i])
    np.stack([i, i])
    np.float32(2) * i
    np.float64(2) * i
    np.int64(2) + i
    np.float64(2) - x
    np.float64(2) / x
    np.float64(2) ** i
    i * np.float32(2)
    i + np.ones(3)
    x * np.float32(2)
    i == np.array([3, 0, 2])
    np.array([3, 0, 2]) == i
    np.float64(1) < i
    i[np.array([0, 2])]
    np.arange(5)[i]
    np.arange(5)[k]
    np.arange(10)[k:]
    np.zeros((k, 2)).shape
    torch.from_dlpack(i)
    torch.from_dlpack(np.arange(3))
    np.from_dlpack(i)
    np.from_dlpack(x.detach())
    np.from_dlpack(x)
    torch.from_dlpack(x.t().detach())
    copy.copy(i)
    copy.copy(x)
    copy.deepcopy(x)
    copy.deepcopy(x * 2)
    copy.copy(x * 2).is_leaf
    copy.deepcopy(i[1:])
    copy.deepcopy([x, x])[0] is copy.deepcopy([x, x])[1]
    y = copy.deepcopy([x, x]); y[0] is y[1]
    y = copy.copy(i); y[0] = 7; i
    y = copy.deepcopy(i); y[0] = 7; i
    pickle.loads(pickle.dumps(x))
    pickle.loads(pickle.dumps(x * 2))
    pickle.loads(pickle.dumps(i))
    pickle.loads(pickle.dumps(s))
    pickle.loads(pickle.dumps(torch.zeros(0, 3)))
    pickle.loads(pickle.dumps(m))
    pickle.loads(pickle.dumps(torch.ones(2, dtype=torch.complex64)))
    pickle.loads(pickle.dumps(x.shape))
    pickle.loads(pickle.dumps(torch.float32)) is torch.float32
    pickle.loads(pickle.dumps(torch.device("cuda:1")))
    pickle.loads(pickle.dumps(torch.strided)) is torch.strided
    copy.deepcopy(torch.float32) is torch.float32
    x.note = 5; pickle.loads(pickle.dumps(x)).note
    x.note = [5]; copy.deepcopy(x).note
    x.note = [5]; copy.copy(x).note is x.note
    y = x.detach().clone(); y.grad = torch.ones(2, 3); copy.deepcopy(y).grad
""")
def test_python_and_numpy(line):
    line.check(LEAVES)


@both_ways("""
    x.to(torch.float64)
    x.to(float)
    x.to(torch.int64)
    x.to("cpu")
    x.to(torch.device("cpu"))
    x.to("cpu", torch.float64)
    x.to(dtype=torch.float64)
    x.to(device="cpu", dtype=torch.float64)
    x.to(i)
    x.to(other=i)
    x.to(torch.float32) is x
    x.to("cpu") is x
    x.to(torch.float32, copy=True) is x
    x.to(copy=True) is x
    x.to(None) is x
    x.to("float32")
    x.to("nonsense")
    x.to(torch.ones)
    x.to(torch.float64, non_blocking=True)
    x.to(memory_format=torch.contiguous_format) is x
    x.to(nonsense=1)
    x.to([1])
    x.float() is x
    x.double()
    x.half().dtype
    x.long()
    x.int()
    x.short()
    x.bool()
    x.byte()
    x.cpu() is x
    x.type()
    i.type()
    x.type(torch.int64)
    x.type("torch.DoubleTensor")
    x.type(torch.LongTensor)
    x.type("nonsense")
    x.type_as(i)
    isinstance(x, torch.FloatTensor)
    isinstance(i, torch.FloatTensor)
    isinstance(x, torch.Tensor)
    torch.tensor([nan, inf, -1.5]).bool()
    torch.tensor([300, -1]).to(torch.uint8)
    torch.tensor([1.9, -1.9]).long()
    torch.tensor([1e10]).int()
    torch.tensor(1e300, dtype=torch.float64).float()
    torch.tensor([0.1, 0.5, 2.0]).bool()
    x.new_tensor([1, 2])
    i.new_tensor([1.7, 2.2])
    x.new_zeros(2)
    x.new_zeros((2, 3))
    x.new_ones(2, dtype=torch.int64)
    x.new_full((2,), 3)
    i.new_full((2,), 3.7)
    x.new_empty(2, 3).shape
    x.new_empty(0)
    x.new_zeros(2, requires_grad=True)
    x.is_floating_point()
    i.is_floating_point()
    x.is_complex()
    x.is_cuda
    x.is_cpu
    x.device
    x.dtype
    x.layout
    x.get_device()
    x.is_leaf
    (x * 2).is_leaf
    x.requires_grad
    x.grad
    x.grad_fn
    (x * 2).output_nr
    x.is_shared()
    x.is_sparse
    x.data_ptr() == x.detach().data_ptr()
    x.data_ptr() == x.clone().data_ptr()
    x[1].data_ptr() - x.data_ptr()
    x.storage_offset()
    x[1, 1:].storage_offset()
""")
def test_conversions(line):
    line.check(LEAVES)


@both_ways("""
    torch.Size([2, 3])
    torch.Size((2, 3)) == (2, 3)
    torch.Size([2]) + (3,)
    (3,) + torch.Size([2])
    torch.Size([2]) * 2
    torch.Size([2, 3])[::-1]
    torch.Size([2, 3])[1]
    torch.Size([2, 3]).numel()
    torch.Size([2, 3]).index(3)
    torch.Size([2.5])
    torch.Size((2.5,))
    torch.Size(["a"])
    torch.Size(3)
    torch.Size([torch.tensor(2)])
    torch.Size()
    hash(torch.Size([2, 3])) == hash((2, 3))
    isinstance(x.shape, tuple)
    tuple(x.shape)
    torch.device("cpu")
    torch.device("cuda")
    torch.device("cuda:1")
    torch.device("cuda", 1)
    torch.device("cuda", index=0)
    torch.device(type="cuda", index=1)
    torch.device("cuda:0", 0)
    str(torch.device("cuda:1"))
    torch.device("cuda:1").index
    torch.device("cuda").index
    torch.device("cpu").type
    torch.device("cpu:0")
    torch.device("cpu") == torch.device("cpu")
    torch.device("cpu") == "cpu"
    torch.device("cuda:x")
    torch.device("")
    torch.device("Cpu")
    torch.device(None)
    torch.device()
    torch.device(1.5)
    torch.device(-1)
    torch.device(torch.device("cpu"))
    hash(torch.device("cpu")) == hash(torch.device("cpu"))
    torch.float32
    str(torch.float64)
    torch.float is torch.float32
    torch.double is torch.float64
    torch.long is torch.int64
    torch.half is torch.float16
    torch.int is torch.int32
    torch.short is torch.int16
    torch.cfloat is torch.complex64
    torch.float32 == torch.float32
    torch.float32 == "float32"
    torch.float32.is_floating_point
    torch.int64.is_floating_point
    torch.complex64.is_complex
    torch.float32.itemsize
    torch.uint8.is_signed
    torch.int8.is_signed
    hash(torch.float32) == hash(torch.float32)
    isinstance(torch.float32, torch.dtype)
    torch.promote_types(torch.int32, torch.float16)
    torch.promote_types(torch.uint8, torch.int8)
    torch.promote_types(torch.bool, torch.bool)
    torch.promote_types(torch.float64, torch.complex64)
    torch.result_type(torch.tensor([1]), 2.5)
    torch.finfo(torch.float64).eps
    torch.finfo(torch.float32).tiny
    torch.finfo(torch.float16).max
    torch.finfo(torch.float32).bits
    torch.finfo(torch.float32).dtype
    torch.finfo(torch.float32)
    torch.finfo(torch.int64)
    torch.iinfo(torch.int8).min
    torch.iinfo(torch.float32)
    torch.ones(2, 3).max(1)
    repr(torch.tensor([[1.0, 2.0]]).max(1))
    repr(torch.tensor([3, 1]).sort())
    torch.ones(2, 3, 4, 5).contiguous(memory_format=torch.channels_last).stride()
    torch.ones(2, 3, 4, 5).contiguous(memory_format=torch.channels_last).is_contiguous()
    torch.ones(2, 3, 4, 5).contiguous(memory_format=torch.channels_last).is_contiguous(memory_format=torch.channels_last)
    torch.ones(2, 3).contiguous(memory_format=torch.channels_last)
    torch.from_numpy(np.ones(2, ">f4"))
    x.foo
""")
def test_size_device_dtype(line):
    line.check(LEAVES)
