"""New tensors, as PyTorch makes them: values, dtypes, shapes, strides, errors."""

import numpy as np

import reftorch
from both import both, needs_pytorch, same_outcome
from side_by_side import both_ways


@both_ways("""
    torch.tensor(3)
    torch.tensor(2.5)
    torch.tensor(True)
    torch.tensor([1, 2])
    torch.tensor([1, 2.5])
    torch.tensor([True, 2])
    torch.tensor([True, False])
    torch.tensor([[1, 2], [3, 4]])
    torch.tensor([])
    torch.tensor([[]])
    torch.tensor([[], []])
    torch.tensor(())
    torch.tensor((1, 2))
    torch.tensor(range(3))
    torch.tensor([range(2), range(2)])
    torch.tensor([[1, 2], [3]])
    torch.tensor([[1, 2], 3])
    torch.tensor([1, [2]])
    torch.tensor([[[1], [2]], [[3], [4, 5]]])
    torch.tensor("abc")
    torch.tensor(["a"])
    torch.tensor(None)
    torch.tensor(None, dtype=torch.float32)
    torch.tensor([None], dtype=torch.float32)
    torch.as_tensor({1}, dtype=torch.int64)
    torch.tensor([None])
    torch.tensor({1: 2})
    torch.tensor({1, 2})
    torch.tensor(object())
    torch.tensor([object()])
    torch.tensor(1, 2)
    torch.tensor()
    torch.tensor([1, 2], dtype=torch.float64)
    torch.tensor([1.7, -2.3], dtype=torch.int64)
    torch.tensor([0, 2], dtype=torch.bool)
    torch.tensor([1.5], dtype=torch.bool)
    torch.tensor([300], dtype=torch.uint8)
    torch.tensor([-1], dtype=torch.uint8)
    torch.tensor(2**63)
    torch.tensor(2**70)
    torch.tensor([2**63 - 1, -2**63])
    torch.tensor(1e400)
    torch.tensor([1], dtype=float)
    torch.tensor([1], dtype=int)
    torch.tensor([1], dtype=bool)
    torch.tensor([1], dtype="float32")
    torch.tensor([1], dtype=np.float32)
    torch.tensor(np.float32(1.5))
    torch.tensor(np.float64(1.5))
    torch.tensor(np.int32(3))
    torch.tensor(np.bool_(True))
    torch.tensor([np.float64(1.5), np.float64(2)])
    torch.tensor([np.float32(1.5), 2.5])
    torch.tensor([np.int32(1), 2])
    torch.tensor(np.ones((2, 3)))
    torch.tensor(np.ones((2, 3), np.float32))
    torch.tensor(np.arange(3))
    torch.tensor(np.arange(3, dtype=np.int32))
    torch.tensor(np.arange(6).reshape(2, 3).T)
    torch.tensor(np.arange(6)[::-1])
    torch.tensor([np.ones(2), np.zeros(2)])
    torch.tensor([np.ones(2), [1, 2]])
    torch.tensor(np.array("a"))
    torch.tensor(np.array([None]))
    torch.tensor(np.array([1, 2], dtype="datetime64[s]"))
    torch.tensor(np.uint16([1]))
    torch.tensor(1 + 2j)
    torch.tensor([1, 2j])
    torch.tensor(torch.tensor([1, 2]))
    torch.tensor([torch.tensor(1), torch.tensor(2)])
    torch.tensor([torch.tensor(1.5), 2])
    torch.tensor([torch.tensor([1, 2]), torch.tensor([3, 4])])
    torch.tensor([1.0, 2.0], requires_grad=True)
    torch.tensor([1, 2], requires_grad=True)
    torch.tensor([1.0], requires_grad=1)
    torch.tensor([1.0], device="cpu")
    torch.tensor([1.0], device=torch.device("cpu"))
    torch.tensor([1.0], device="cpux")
    torch.tensor([1.0], device=3.5)
    torch.as_tensor([1, 2.5])
    torch.as_tensor(3)
    torch.as_tensor([1], dtype=torch.float64)
    torch.as_tensor(np.ones(2))
    torch.as_tensor(np.arange(4)[::2])
    torch.as_tensor("a")
    torch.asarray([1, 2])
    torch.from_numpy(np.ones((2, 2)))
    torch.from_numpy(np.float32([1, 2])[::-1])
    torch.from_numpy([1, 2])
    torch.from_numpy(3)
    torch.from_numpy(np.array(["a"]))
    torch.from_numpy(np.array(2.5))
    torch.from_numpy(np.ones((0, 3)))
    torch.from_numpy(np.arange(6.0).reshape(2, 3).T)
""")
def test_from_data(line):
    line.check()


@both_ways("""
    torch.zeros(2, 3)
    torch.zeros((2, 3))
    torch.zeros([2, 3])
    torch.zeros(torch.Size([2, 3]))
    torch.zeros(())
    torch.zeros(0)
    torch.zeros(2, 0, 3)
    torch.zeros(3, dtype=torch.int64)
    torch.zeros(3, dtype=torch.bool)
    torch.zeros(3, requires_grad=True)
    torch.zeros(3, dtype=torch.int64, requires_grad=True)
    torch.zeros(-1)
    torch.zeros(2, -3)
    torch.zeros(2.5)
    torch.zeros("a")
    torch.zeros(None)
    torch.zeros()
    torch.zeros(size=(2, 3))
    torch.zeros(np.int64(2), np.int64(3))
    torch.zeros(torch.tensor(2), 3)
    torch.zeros((2, "a"))
    torch.zeros(True)
    torch.ones(2, 3)
    torch.ones((2,), dtype=torch.float64)
    torch.ones(2, dtype=torch.bool)
    torch.ones(2, dtype=torch.int64)
    torch.empty(2, 3).shape
    torch.empty(2, 3, dtype=torch.float64).dtype
    torch.empty(0)
    torch.full((2, 3), 7)
    torch.full((2, 3), 7.5)
    torch.full((2,), True)
    torch.full((), 3)
    torch.full((2,), 7, dtype=torch.float32)
    torch.full((2,), 7.5, dtype=torch.int64)
    torch.full([2], 1.5, requires_grad=True)
    torch.full((2,), 1j)
    torch.full((2,), torch.tensor(3.0))
    torch.full(2, 3)
    torch.full((-2,), 3)
    torch.full((2,), "a")
    torch.full((2,))
    torch.arange(5)
    torch.arange(5.0)
    torch.arange(1, 5)
    torch.arange(1, 5, 2)
    torch.arange(5, 1, -1)
    torch.arange(0, 1, 0.25)
    torch.arange(1, 2.5, 0.5)
    torch.arange(0, 1, 0.1, dtype=torch.float64)
    torch.arange(0, 1, 0.1)
    torch.arange(3, dtype=torch.float32)
    torch.arange(0)
    torch.arange(2, 2)
    torch.arange(5, 1)
    torch.arange(1, 5, -1)
    torch.arange(1, 5, 0)
    torch.arange(nan)
    torch.arange(0, inf)
    torch.arange(start=1, end=4)
    torch.arange(end=4)
    torch.arange(3, requires_grad=True)
    torch.arange(3.0, requires_grad=True)
    torch.arange("a")
    torch.arange()
    torch.arange(torch.tensor(4))
    torch.arange(True)
    torch.linspace(0, 1, 5)
    torch.linspace(-2, 3, 4, dtype=torch.float64)
    torch.linspace(0, 1, 1)
    torch.linspace(0, 1, 0)
    torch.linspace(3, 1, 3)
    torch.linspace(0, 1, -1)
    torch.linspace(0, 10, 11, dtype=torch.int64)
    torch.linspace(0, 5, 4, dtype=torch.int64)
    torch.linspace(0, 1, 5.0)
    torch.linspace(0, 1, True)
    torch.linspace(0, 1, torch.tensor(3))
    torch.linspace(0, 1, torch.tensor(3.0))
    torch.linspace(0, 1)
    torch.eye(3)
    torch.eye(2, 3)
    torch.eye(2, dtype=torch.int64)
    torch.eye(0)
    torch.eye(-1)
    torch.zeros_like(torch.ones(2, 3, dtype=torch.float64))
    torch.ones_like(torch.tensor([1, 2]))
    torch.ones_like(torch.tensor([1, 2]), dtype=torch.float32)
    torch.full_like(torch.ones(2), 3)
    torch.full_like(torch.tensor([1]), 2.5)
    torch.empty_like(torch.ones(2, 3)).shape
    torch.zeros_like(torch.ones(2, 3).t())
    torch.zeros_like(3)
    torch.zeros_like(torch.ones(2), requires_grad=True)
""")
def test_constant(line):
    line.check()


@both_ways("""
    torch.rand(2, 3).shape
    torch.randn(2, 3, dtype=torch.float64).dtype
    torch.rand(2, dtype=torch.int64)
    torch.randn(2, dtype=torch.int64)
    torch.randint(3, (2, 2)).dtype
    torch.randint(0, 5, (3,)).shape
    torch.randint(5, (3,), dtype=torch.float32).dtype
    torch.randint(5, 5, (3,))
    torch.randint(5, 2, (3,))
    torch.randint(5)
    torch.randint(2, 5)
    torch.randint(low=2, high=5, size=(3,)).shape
    torch.randint(high=5, size=(3,)).shape
    torch.randperm(5).shape
    torch.randperm(5).sort().values
    torch.randperm(-1)
    torch.rand_like(torch.ones(2)).shape
    torch.randn_like(torch.ones(2, 3)).shape
    torch.randint_like(torch.ones(2, 3), 5).dtype
    torch.normal(0.0, 1.0, (2, 3)).shape
    torch.normal(torch.zeros(3), torch.ones(3)).shape
    torch.normal(torch.zeros(3), 2.0).shape
    torch.normal(2.0, torch.ones(3)).shape
    torch.normal(torch.zeros(3)).shape
    torch.normal(0.0, -1.0, (2,))
    torch.bernoulli(torch.ones(3))
    torch.bernoulli(torch.full((3,), 1.5))
    torch.bernoulli(torch.tensor([0, 1]))
    torch.scalar_tensor(3.5)
    torch.Tensor([1, 2])
    torch.Tensor(2, 3).shape
    torch.Tensor()
    torch.Tensor(np.arange(3))
    torch.Tensor(torch.ones(2))
    torch.Tensor(torch.Size([2, 3])).shape
    torch.Tensor(range(3))
    torch.Tensor(2.5)
    torch.Tensor("a")
    torch.FloatTensor([1, 2])
    torch.LongTensor([1, 2])
    torch.DoubleTensor(2, 3).shape
    torch.BoolTensor([True])
    torch.IntTensor([1])
    torch.ByteTensor([1])
    torch.is_tensor(torch.ones(1))
    torch.is_tensor(3)
    torch.is_floating_point(torch.ones(1))
    torch.numel(torch.ones(2, 3))
    torch.get_default_dtype()
    torch.finfo(torch.float32).eps
    torch.finfo(torch.float64).max
    torch.iinfo(torch.int64).max
    torch.meshgrid(torch.arange(2), torch.arange(3), indexing="ij")
    torch.diag(torch.ones(3))
    torch.diag(torch.ones(2, 3))
    torch.linspace(0.1, 0.7, 1000)
    torch.linspace(-1, 1, 25)
    torch.linspace(-1e6, 1e6, 12)
    torch.arange(0, 1, 0.001)
    torch.arange(1e6, 1e6 + 3)
    torch.randint(3, 4, (2,))
    torch.normal(torch.zeros(2), -torch.ones(2))
""")
def test_random_and_old_names(line):
    line.check()


@both
def test_tensor_copies(torch):
    array = np.zeros(3, np.float32)
    x, y = torch.tensor(array), torch.tensor(torch.from_numpy(array))
    array[0] = 7
    assert x.tolist() == y.tolist() == [0, 0, 0]


@both
def test_from_numpy_and_as_tensor_share_memory(torch):
    array = np.zeros(3, np.float32)
    x = torch.from_numpy(array)
    y = torch.as_tensor(array)
    same = torch.as_tensor(x)
    array[0] = 7
    x[1] = 8
    assert same is x and y.tolist() == [7, 8, 0] and array.tolist() == [7, 8, 0]
    assert torch.as_tensor(array, dtype=torch.float64).data_ptr() != x.data_ptr()


def test_the_users_array_keeps_its_own_shape():
    array = np.zeros((2, 3), np.float32)
    x = reftorch.from_numpy(array)
    array.shape = (3, 2)
    out = x.numpy()
    out.shape = (6,)
    assert x.shape == (2, 3)


def test_set_default_dtype():
    try:
        reftorch.set_default_dtype(reftorch.float64)
        assert (
            reftorch.tensor(1.5).dtype is reftorch.ones(2).dtype is reftorch.arange(0, 1, 0.5).dtype is reftorch.float64
        )
        assert repr(reftorch.tensor([1.5])) == "tensor([1.5000], dtype=torch.float64)".replace(
            ", dtype=torch.float64", ""
        )
    finally:
        reftorch.set_default_dtype(reftorch.float32)


@both
def test_the_generator_gives_the_same_numbers(torch):
    torch.manual_seed(5)
    first = [torch.rand(3), torch.randn(20), torch.randint(0, 10, (5,)), torch.randperm(6), torch.rand(2).bernoulli()]
    torch.manual_seed(5)
    again = [torch.rand(3), torch.randn(20), torch.randint(0, 10, (5,)), torch.randperm(6), torch.rand(2).bernoulli()]
    assert [x.tolist() for x in first] == [x.tolist() for x in again]


VIEWS = [
    lambda x: x.transpose(0, 2),
    lambda x: x.permute(1, 2, 0),
    lambda x: x[..., ::2],
    lambda x: x[:1].expand(5, 3, 4),
    lambda x: x[:, :1].expand(2, 3, 4).transpose(0, 2),
    lambda x: x[:1, :, :1].expand(5, 3, 6).permute(2, 0, 1),
]


@needs_pytorch
def test_tensors_like_a_view_have_its_order_in_memory():
    """A dimension that was expanded has no place in memory, so the others decide."""

    def made(torch, view, make):
        torch.manual_seed(3)
        tensor = getattr(torch, make)(view(torch.zeros(2, 3, 4)))
        return [round(number, 4) for number in tensor.flatten().tolist()], tensor.stride()

    for view in VIEWS:
        for make in ("rand_like", "randn_like", "zeros_like"):
            same_outcome(lambda torch, view=view, make=make: made(torch, view, make))
