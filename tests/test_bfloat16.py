"""bfloat16 is carried: made, converted, printed, copied and saved as in PyTorch. No kernel computes in it."""

import io
import pickle

import numpy as np
import pytest

import reftorch
from both import builtin_outcome, needs_pytorch, pytorch
from reftorch.serialize import check_weights, read_weights, save_weights

LINES = """
    torch.bfloat16
    x
    b
    x.tolist()
    b[0, 0].item()
    x.float()
    x.double()
    x.half()
    b.long(), b.int(), b.bool()
    torch.tensor([1, 2, 300]).bfloat16()
    torch.tensor([True]).to(torch.bfloat16)
    torch.tensor([1.00390625, 1.01171875, 1.005]).bfloat16().tolist()
    torch.tensor([1e-40]).bfloat16().tolist()
    b.numpy()
    b.dtype.is_floating_point, b.dtype.is_signed, b.dtype.itemsize, b.is_floating_point(), b.nbytes
    torch.finfo(torch.bfloat16)
    torch.finfo(torch.bfloat16).max, torch.finfo(torch.bfloat16).eps, torch.finfo(torch.bfloat16).bits
    [torch.promote_types(torch.bfloat16, other) for other in (torch.float16, torch.float32, torch.int64, torch.bool, torch.complex64)]
    torch.zeros(2, dtype=torch.bfloat16), torch.full((2,), 1.5, dtype=torch.bfloat16), torch.empty(0, dtype=torch.bfloat16)
    torch.arange(3, dtype=torch.bfloat16), torch.linspace(0, 1, 3, dtype=torch.bfloat16), torch.eye(2, dtype=torch.bfloat16)
    b.type(), torch.BFloat16Tensor([1, 2])
    b + 1, b * 2.5, b / 3, b - b
    b + b.float(), b + b.half(), b + torch.tensor([1, 2, 3])
    b.sum(), b.mean(), b.max(), b.std(), b.norm()
    torch.ones(1000, dtype=torch.bfloat16).sum(), torch.ones(3000, dtype=torch.bfloat16).mean()
    b == b, b > 2, x.isnan(), x.isinf()
    b.t(), b[0], b[:, 1:], b.reshape(3, 2), b.t().contiguous(), b.clone()
    torch.cat([b, b]).dtype, torch.stack([b, b]).dtype
    b @ b.t()
    b.clone().fill_(2)
    b.clone().fill_(1e39)
    torch.equal(b, b), torch.allclose(b, b)
    r.bfloat16()
    torch.zeros(1, dtype=torch.bfloat16, requires_grad=True)
    b.new_zeros(2), torch.zeros_like(b), b.new_tensor([1])
    torch.tensor([b[0, 0], b[0, 1]])
    str(b[0, 0]), f"{b[0, 0]:.2f}", int(b[0, 0]), float(b[0, 0]), bool(b[0, 0])
    torch.result_type(b, 1.5), torch.result_type(b[0, 0], torch.ones(1, dtype=torch.int64))
"""


@needs_pytorch
@pytest.mark.parametrize("line", filter(None, map(str.strip, LINES.splitlines())))
def test_as_in_pytorch(line):
    def value(torch):
        x = torch.tensor([1.5, 1e-3, -3e38, float("inf"), float("nan")]).bfloat16()
        b = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=torch.bfloat16)
        return repr(eval(line, {"torch": torch, "x": x, "b": b, "r": torch.ones(2, requires_grad=True)}))

    assert builtin_outcome(value, reftorch) == builtin_outcome(value, pytorch)


def test_gradients_pass_the_conversion():
    r = reftorch.ones(2, requires_grad=True)
    (r.bfloat16().float() * 3).sum().backward()
    assert r.grad.dtype is reftorch.float32 and r.grad.tolist() == [3, 3]


def test_copies_and_files(tmp_path):
    import copy

    b = reftorch.tensor([[1.5, -2.0], [3.0, 0.25]], dtype=reftorch.bfloat16)
    file = io.BytesIO()
    reftorch.save(b, file)
    file.seek(0)
    for again in (copy.deepcopy(b), pickle.loads(pickle.dumps(b)), reftorch.load(file)):
        assert again.dtype is reftorch.bfloat16 and again.tolist() == b.tolist()


@needs_pytorch
def test_files_of_both_libraries():
    for giver, taker in ((reftorch, pytorch), (pytorch, reftorch)):
        file = io.BytesIO()
        b = giver.tensor([[1.5, -2.0]], dtype=giver.bfloat16)
        giver.save([b, b[0]], file)
        file.seek(0)
        whole, row = taker.load(file)
        row[0] = 7
        assert whole.dtype is taker.bfloat16 and whole.tolist() == [[7, -2]]


def test_safetensors(tmp_path):
    state = {
        "b": reftorch.tensor([[1.5], [-2.0]], dtype=reftorch.bfloat16),
        "f": reftorch.ones(3),
        "n": reftorch.tensor(2),
    }
    save_weights(state, tmp_path / "w.safetensors", {"seed": "3"})
    arrays, metadata = read_weights(tmp_path / "w.safetensors")
    check_weights("w.safetensors", arrays, state)
    found = reftorch.from_numpy(arrays["b"])
    assert found.dtype is reftorch.bfloat16 and found.tolist() == [[1.5], [-2.0]] and metadata == {"seed": "3"}
    pytest.importorskip("torch")
    from safetensors.torch import load_file

    loaded = load_file(tmp_path / "w.safetensors")
    assert loaded["b"].tolist() == [[1.5], [-2.0]] and str(loaded["b"].dtype) == "torch.bfloat16"
    np.testing.assert_array_equal(loaded["f"].numpy(), np.ones(3))


@pytest.mark.parametrize(
    "layer",
    [
        lambda: reftorch.nn.Linear(3, 2),
        lambda: reftorch.nn.ReLU(),
        lambda: reftorch.nn.Tanh(),
        lambda: reftorch.nn.Softmax(1),
        lambda: reftorch.nn.BatchNorm1d(3),
    ],
)
def test_no_kernel_computes_in_it(layer):
    with pytest.raises(NotImplementedError, match="not implemented for torch.bfloat16"):
        layer().bfloat16()(reftorch.ones(2, 3, dtype=reftorch.bfloat16))
