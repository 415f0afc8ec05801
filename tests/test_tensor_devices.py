"""Tensors on "cuda" (the simulator, or a GPU): the same lines as on the CPU give PyTorch's numbers and gradients; moving; errors."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import reftorch
from side_by_side import both_ways

LEAVES = {
    "x": np.array([[0.5, -1.5], [2.0, 0.25]]),
    "y": np.array([1.5, -0.5]),
    "s": np.array(1.25),
    "m": np.array([[True, False], [True, True]]),
    "i": np.array([[1, 0], [0, -1]]),
    "k": np.array([1, 0]),
    "w": np.array([np.nan, np.inf, 0.0]),
}


@both_ways("""
    x + y
    x - 2
    3 * x
    x / y
    x ** 2
    x.abs() ** y
    x // 2 if False else x.div(2, rounding_mode="floor")
    x % 2
    -x
    s + x
    i * 2.5
    i // 2
    i % 3
    i / 2
    i ** 2
    x.double() + x
    x == y
    x < 0.5
    (x > 0) & m
    ~m
    m ^ m
    x.exp()
    x.abs().log()
    x.abs().sqrt()
    x.tanh()
    x.sigmoid()
    x.sin()
    x.abs()
    x.sign()
    x.round()
    x.clamp(-1, 1)
    x.clamp(min=y)
    torch.maximum(x, y)
    torch.where(m, x, y)
    torch.where(x > 0, x, 0.0)
    x.relu()
    w.isnan()
    w.nan_to_num()
    w.clamp(-1, 1)
    x.sum()
    x.sum(0)
    x.sum(1, keepdim=True)
    x.mean()
    x.prod(1)
    x.var()
    x.norm()
    i.sum()
    m.sum(0)
    m.all()
    m.any(1)
    x.max()
    x.max(1)
    x.amin(0)
    x.argmax()
    x.argmax(1)
    x.cumsum(1)
    x.softmax(1)
    x.log_softmax(0)
    x.logsumexp(1)
    x @ x
    x @ y
    y @ y
    x.unsqueeze(0) @ x
    i @ i
    torch.addmm(y, x, x)
    x.t()
    x.view(4)
    x.reshape(1, 4)
    x.t().reshape(4)
    x[0]
    x[:, 1]
    x[..., None]
    x[0, 1]
    x[1:, :1]
    x.expand(2, 2, 2)
    x.permute(1, 0)
    x.squeeze()
    x.unsqueeze(1)
    x.diagonal()
    x.split(1)
    x.unbind(1)
    x.flatten()
    x.contiguous()
    x.t().contiguous()
    x.clone()
    x[k]
    x[:, k]
    x[[0, 1], [1, 0]]
    x[m]
    x[torch.tensor([1, 1, 0])]
    x.gather(1, i.abs())
    x.scatter(1, i.abs()[:, :1], 5.0)
    x.scatter_add(1, i.abs(), x)
    x.index_select(0, k)
    x.index_add(0, k, x)
    x.masked_fill(m, 0)
    x.masked_select(m)
    m.nonzero()
    x.sort(1)
    x.topk(1)
    torch.cat([x, x], 1)
    torch.stack([y, y])
    x.flip(0)
    x.roll(1, 0)
    x.repeat(1, 2)
    x.tril()
    torch.diag(y)
    x.long()
    x.bool()
    i.float()
    x.tolist()
    y[0].item()
    x.detach().cpu()
    bool(m.all())
    x.is_contiguous()
    x.t().is_contiguous()
    x.stride()
    x.t().stride()
    x[:, 1].storage_offset()
    a = x * 1; a.add_(y); a.mul_(2); a
    a = x * 1; a[0] = y; a
    a = x * 1; a[:, 1] *= 3; a
    a = x * 1; a[m] = 0; a
    a = x * 1; a[k] = x; a
    a = x * 1; a.zero_(); a
    a = x * 1; a.copy_(y); a
    a = x * 1; a.relu_(); a
    a = x * 1; b = a[0]; b.mul_(y); (a, b)
    a = x * 1; b = a.view(4); a.exp_(); b
    a = x * 1; b = a.exp(); b.add_(1); b
    a = x * 1; a.fill_(3); a._version
    a = i.clone(); a.add_(1.5); a
    a = x.expand(2, 2, 2); a.detach().add_(1)
    x[5]
    x + torch.zeros(3)
    x @ torch.zeros(3, 3)
    x.gather(1, i)
    x.view(3)
    x.add_(1)
    copy.deepcopy(x)
    pickle.loads(pickle.dumps(x))
""")
def test_same_as_on_the_cpu(line, cuda_device):
    wanted = line.code.replace("torch.zeros(3)", "torch.zeros(3, device=x.device)")
    type(line)(wanted.replace("torch.zeros(3, 3)", "torch.zeros(3, 3, device=x.device)")).check(
        LEAVES, device=cuda_device
    )


def test_creation(cuda_device):
    made = [
        reftorch.tensor([1.0, 2.0], device=cuda_device), reftorch.zeros(2, device=cuda_device),
        reftorch.ones(2, device=reftorch.device("cuda")), reftorch.full((2,), 3, device="cuda:0"),
        reftorch.empty(2, device=cuda_device), reftorch.arange(2, device=cuda_device), reftorch.eye(2, device=cuda_device),
        reftorch.rand(2, device=cuda_device), reftorch.randn(2, device=cuda_device), reftorch.randint(3, (2,), device=cuda_device),
        reftorch.as_tensor(np.ones(2), device=cuda_device), reftorch.linspace(0, 1, 2, device=cuda_device),
        reftorch.zeros(0, device=cuda_device), reftorch.ones((), device=cuda_device),
    ]  # fmt: skip
    made += [f(made[0]) for f in (reftorch.zeros_like, reftorch.ones_like, reftorch.randn_like, reftorch.empty_like)]
    made += [made[0].new_zeros(3), made[0].new_tensor([1]), made[0].new_full((2,), 5)]
    for x in made:
        assert x.device == reftorch.device("cuda") and x.is_cuda and not x.is_cpu and x.get_device() == 0
    assert made[0].tolist() == [1, 2] and made[3].tolist() == [3, 3] and made[-1].tolist() == [5, 5]


def test_random_numbers_are_those_of_the_cpu(cuda_device):
    reftorch.manual_seed(3)
    here = reftorch.randn(5)
    reftorch.manual_seed(3)
    assert reftorch.equal(here, reftorch.randn(5, device=cuda_device).cpu())
    reftorch.manual_seed(3)
    assert reftorch.equal(here, reftorch.empty(5, device=cuda_device).normal_().cpu())


def test_moving(cuda_device):
    x = reftorch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = x.to(cuda_device)
    assert y.to(cuda_device) is y and y.cuda() is y and x.cpu() is x
    assert y.requires_grad and not y.is_leaf and y.cpu().tolist() == x.tolist()
    z = (y.t() * 2).to("cpu", reftorch.float64)
    assert z.dtype is reftorch.float64 and z.device.type == "cpu"
    z.sum().backward()
    assert x.grad.tolist() == [[2, 2], [2, 2]] and x.grad.device.type == "cpu"
    assert x.cuda(0).device == y.device and x.to(y).device == y.device


def test_a_leaf_there(cuda_device):
    x = reftorch.tensor([1.0, 2.0], device=cuda_device, requires_grad=True)
    for _ in range(2):
        (x * x).sum().backward()
    assert x.grad.device == x.device and x.grad.tolist() == [4, 8]


def test_mixed_devices(cuda_device):
    here, there = reftorch.ones(2), reftorch.ones(2, device=cuda_device)
    for mix in (
        lambda: here + there,
        lambda: there * here,
        lambda: here @ there,
        lambda: reftorch.cat([here, there]),
        lambda: reftorch.where(here > 0, there, there),
        lambda: there.gather(0, reftorch.tensor([0])),
        lambda: there.add_(here),
        lambda: reftorch.maximum(here, there),
    ):
        with pytest.raises(RuntimeError, match="cpu.*cuda|cuda.*cpu") as caught:
            mix()
        assert ".to(" in str(caught.value) or "on " in str(caught.value)


def test_numbers_in_cpu_tensors_are_welcome(cuda_device):
    there = reftorch.ones(2, device=cuda_device)
    assert (there * reftorch.tensor(3.0)).tolist() == [3, 3]
    assert (reftorch.tensor(3.0) - there).device == there.device
    assert there.copy_(reftorch.tensor([5.0, 6.0])).tolist() == [5, 6]
    there[0] = reftorch.tensor(9.0)
    assert there[reftorch.tensor([1, 0])].tolist() == [6, 9]


def test_numpy_needs_the_cpu(cuda_device):
    there = reftorch.ones(2, device=cuda_device)
    for wrong in (there.numpy, lambda: np.asarray(there)):
        with pytest.raises(TypeError, match="Tensor.cpu()"):
            wrong()
    with pytest.raises(BufferError, match="cuda"):
        there.__dlpack_device__()
    assert there.numpy(force=True).tolist() == [1, 1]


def test_only_one_device(cuda_device):
    with pytest.raises(RuntimeError, match="cuda:1.*only one"):
        reftorch.ones(2, device="cuda:1")
    with pytest.raises(RuntimeError, match="cuda:1"):
        reftorch.ones(2).to("cuda:1")


def test_long_loops_leave_no_memory_behind(cuda_device):
    x = reftorch.ones(2, device=cuda_device, requires_grad=True)
    for _ in range(20):
        x.grad = None
        ((x + 1)[0] * 2).backward()
    assert x.grad.tolist() == [2, 0]


ABSENT = """
import reftorch
for action in (lambda: reftorch.ones(2, device="cuda"), lambda: reftorch.ones(2).cuda(), lambda: reftorch.zeros(2).to("cuda:0")):
    try:
        action()
    except RuntimeError as error:
        print(error)
print(reftorch.cuda.is_available(), reftorch.cuda.device_count(), reftorch.device("cuda"))
"""


def test_where_there_is_none():
    if reftorch.cuda.is_available() and reftorch.cuda.get_device_name() != "Numba CUDA simulator":
        pytest.skip("there is a GPU")
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_ENABLE_CUDASIM"}
    environment["PYTHONPATH"] = str(Path(reftorch.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", ABSENT], env=environment, capture_output=True, text=True, check=True)
    *messages, last = done.stdout.strip().splitlines()
    assert len(messages) == 3 and last == "False 0 cuda"
    for message in messages:
        for word in ("no CUDA device", "reftorch[cuda]", "NUMBA_ENABLE_CUDASIM=1", "reftorch doctor"):
            assert word in message


@pytest.mark.filterwarnings("ignore:Casting complex values to real")
@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "bool"])
def test_complex_numbers_become_real_ones_on_cuda_as_on_the_cpu(kind):
    z = reftorch.tensor([[1.5 + 2j, 1j], [0j, -3]])
    dtype = getattr(reftorch, kind)
    assert (
        z.cuda().to(dtype).tolist() == z.to(dtype).tolist()
        and z.cuda().t().to(dtype).tolist() == z.t().to(dtype).tolist()
    )
