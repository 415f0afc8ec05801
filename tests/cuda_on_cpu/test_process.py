""" "cuda" in a process where it means: compiled for the CPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ARITHMETIC = """
import numpy as np
import reftorch as torch
{first}
assert torch.cuda.is_available() and torch.cuda.get_device_name() == "none: CUDA compiled for the CPU"
torch.cuda.synchronize()
x = torch.arange(1.0, 7).reshape(2, 3).to("cuda").requires_grad_()
layer = torch.nn.Linear(3, 2).to("cuda")
loss = torch.nn.functional.mse_loss(layer(x).relu(), torch.zeros(2, 2, device="cuda")) + x.t().sum() * 0 + x.max() * 0
loss.backward()
copy = torch.nn.Linear(3, 2)
copy.load_state_dict({{name: value.cpu() for name, value in layer.state_dict().items()}})
on_cpu = x.detach().cpu().requires_grad_()
torch.nn.functional.mse_loss(copy(on_cpu).relu(), torch.zeros(2, 2)).backward()
np.testing.assert_allclose(x.grad.cpu().numpy(), on_cpu.grad.numpy(), rtol=1e-5)
np.testing.assert_allclose(layer.weight.grad.cpu().numpy(), copy.weight.grad.numpy(), rtol=1e-5)
for forgotten in (lambda: layer(torch.zeros(2, 3)), lambda: copy(x), lambda: x.detach().numpy(), lambda: np.asarray(x.detach().array)):
    try:
        forgotten()
    except (RuntimeError, TypeError):
        continue
    raise AssertionError("a tensor on the wrong device was taken")
from reftorch.nn.activation.relu import relu_forward_cuda
result = np.zeros(1000, np.float32)
relu_forward_cuda[4, 256](np.linspace(-1, 1, 1000, dtype=np.float32), result)
np.testing.assert_array_equal(result, np.maximum(np.linspace(-1, 1, 1000, dtype=np.float32), 0))
device = torch.zeros(3, device="cuda")
relu_forward_cuda[1, 32](torch.ones(3, device="cuda").array, device.array)
assert device.tolist() == [1, 1, 1]
try:
    relu_forward_cuda[1, 32](np.zeros(3, np.float32), np.zeros(2, np.float32))
    raise AssertionError("an index outside passed")
except IndexError as error:
    assert "relu_forward_cuda" in str(error)
print(x.device, "done")
"""


def python(code, folder=None, **variables):
    kept = {key: value for key, value in os.environ.items() if key not in ("NUMBA_ENABLE_CUDASIM", "REFTORCH_CUDA")}
    environment = {**kept, "PYTHONPATH": str(ROOT), **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=folder, capture_output=True, text=True, timeout=900
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "first, variables",
    [("", {"REFTORCH_CUDA": "cpu"}), ("torch.cuda.use('cpu')", {"NUMBA_ENABLE_CUDASIM": "1"})],
    ids=["from the environment", "by use, in place of the simulator"],
)
def test_a_layer_and_its_gradients(first, variables):
    assert python(ARITHMETIC.format(first=first), **variables) == "cuda:0 done\n"


def test_use_after_cuda_has_been_used_and_other_words():
    code = """
import reftorch
for step in (lambda: reftorch.cuda.use("tpu"), reftorch.cuda.is_available, lambda: reftorch.cuda.use("cpu")):
    try:
        print(step())
    except (ValueError, RuntimeError) as error:
        print(type(error).__name__, error)
"""
    first, second, third = python(code, NUMBA_ENABLE_CUDASIM="1").splitlines()
    assert first.startswith("ValueError") and "'tpu'" in first and second == "True"
    assert (
        third.startswith("RuntimeError")
        and "too late" in third
        and "'simulator'" in third
        and "REFTORCH_CUDA=cpu" in third
    )
    told = python("import reftorch; reftorch.cuda.is_available()", REFTORCH_CUDA="gpu")
    assert "ValueError: REFTORCH_CUDA is 'gpu': wanted 'cpu'" in told


def test_doctor_and_the_benchmark_name_it():
    told = python("import sys; from reftorch.cli import main; sys.exit(main(['doctor']))", REFTORCH_CUDA="cpu")
    assert "CUDA kernels are compiled for the CPU" in told and "REFTORCH_CUDA=cpu is set" in told
    code = "import sys; from reftorch.cli import main; sys.exit(main(['bench', '--device', 'cuda']))"
    assert "its times say nothing about a GPU" in python(code, REFTORCH_CUDA="cpu")


EDITED = """
import settings
import numpy as np
from numba import cuda

TYPE = np.float32
TABLE = np.array([1.0, 2.0], np.float32)


@cuda.jit(device=True)
def scaled(v, by=settings.BY):
    return v * settings.SCALE + by


@cuda.jit
def type_cuda(x, y):
    y[cuda.grid(1)] = TYPE(x[0]) / TYPE(3)


@cuda.jit
def array_cuda(x, y):
    y[cuda.grid(1)] = x[0] * TABLE[0]


@cuda.jit
def setting_cuda(x, y):
    y[cuda.grid(1)] = x[0] * settings.SCALE


@cuda.jit
def device_cuda(x, y):
    y[cuda.grid(1)] = scaled(x[0])


for kernel in (type_cuda, array_cuda, setting_cuda, device_cuda):
    y = np.zeros(1)
    kernel[1, 1](np.full(1, 7.0, np.float32), y)
    print(round(y[0], 12), end=" ")
"""


def test_code_that_is_kept_serves_no_other_values_of_globals(tmp_path):
    """The kernels' own lines stay as they are. What they take from elsewhere is edited between two processes."""
    (tmp_path / "edited.py").write_text(EDITED)
    (tmp_path / "settings.py").write_text("SCALE, BY = 2.0, 1.0\n")
    run = "import sys; sys.dont_write_bytecode = True; sys.path[:0] = ['.']; import reftorch, edited"
    use = {"REFTORCH_CUDA": "cpu", "REFTORCH_CACHE_DIR": str(tmp_path / "cache")}
    assert python(run, tmp_path, **use).split() == ["2.33333325386", "7.0", "14.0", "15.0"]
    (tmp_path / "edited.py").write_text(
        EDITED.replace("TYPE = np.float32", "TYPE = np.float64").replace("[1.0", "[9.0")
    )
    (tmp_path / "settings.py").write_text("SCALE, BY = 5.0, 4.0\n")
    assert python(run, tmp_path, **use).split() == ["2.333333333333", "63.0", "35.0", "39.0"]
    files = len(list((tmp_path / "cache" / "kernels").iterdir()))
    assert python(run, tmp_path, **use).split() == ["2.333333333333", "63.0", "35.0", "39.0"]
    assert len(list((tmp_path / "cache" / "kernels").iterdir())) == files
