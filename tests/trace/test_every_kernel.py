"""Each kernel of the package can be recorded, and the recording ends with the numbers that the kernel computes.

The worked examples launch most kernels of the components, `more_launches` the others. Compared with the recordings are, for a CPU
kernel, the compiled one; for its CUDA twin too; for the kernels of tensor arithmetic on CUDA, Numba's simulator.
"""

import copy

import numpy as np
import pytest

import cuda_compile
import reftorch as torch
from launches import CPU_KERNELS, MOST, launches, named
from reftorch.threads import by_size
from reftorch.trace import record, record_cuda
from reftorch.trace.recording import array


def assert_same(recording, found, wanted, exact=False):
    """The recorded run left in its arrays what is `wanted`, and the recording says so."""
    for name, ours in found.items():
        if exact or ours.dtype.kind != "f":
            np.testing.assert_array_equal(ours, wanted[name], err_msg=name)
        else:  # compiled sums may have another order, exp and log another last digit
            np.testing.assert_allclose(ours, wanted[name], rtol=4 * np.finfo(ours.dtype).eps, err_msg=name)
    for known in recording.arrays:
        if known.space == "argument":
            last = recording.final(known.name)
            kept = found[known.name.partition(" = ")[0]].reshape(-1)
            written = [i for i, value in enumerate(last) if value is not None]
            np.testing.assert_array_equal(array(last, known.dtype)[written], kept[written], err_msg=known.name)


@pytest.mark.parametrize("name", CPU_KERNELS)
def test_cpu_kernel_and_its_cuda_twin(name):
    assert name in launches(), (
        f"neither a worked example nor more_launches() launches {name} with at most {MOST} numbers"
    )
    cpu_kernel, cuda_kernel, threads, arguments = launches()[name]
    wanted, given, other = copy.deepcopy((arguments, arguments, arguments))
    by_size(cpu_kernel)(*wanted)  # the serial form, which compiles in a fraction of the time
    wanted = named(cpu_kernel, wanted)
    recording = record(cpu_kernel, *given)
    assert recording.steps and recording.kernel == name
    assert_same(recording, named(cpu_kernel, given), wanted)
    recording = record_cuda(cuda_kernel, 1, max(threads, 1), *other)
    assert recording.kernel == name.removesuffix("_cpu") + "_cuda"
    assert_same(recording, named(cpu_kernel, other), wanted)


# ------------------------------------------------------------------------------------------- tensor arithmetic on CUDA
def arithmetic():
    """Operations that launch each kernel of tensor arithmetic, on a few numbers."""
    a = torch.tensor([[1.5, -2, 3], [4, 5, -6]]).to("cuda")
    b, whole = torch.tensor([2.0, 1, -1]).to("cuda"), torch.tensor([[3, 1, 2], [7, 0, 5]]).to("cuda")
    a.t().contiguous(), a.exp(), a.abs(), a + b, a @ b, whole // 2, whole % 3, a > b, torch.where(a > 0, a, b)
    a.sum(dim=0), a.sum(), a.amax(dim=1), whole.argmax(dim=1), a.sort(dim=1), a.cumsum(dim=1), a[whole[0] % 2]
    c = a.clone()
    c[torch.tensor([0, 1]).to("cuda"), torch.tensor([2, 0]).to("cuda")] = 9
    torch.zeros(4).to("cuda").scatter_add(0, torch.tensor([1, 1, 3]).to("cuda"), b)


@pytest.mark.simulator
def test_kernels_of_tensor_arithmetic(monkeypatch):
    from numba.cuda.simulator.kernel import FakeCUDAKernel

    launch, recorded = FakeCUDAKernel.__call__, set()

    def arrays(value):
        return tuple(map(arrays, value)) if isinstance(value, tuple) else getattr(value, "_ary", value)

    def run(kernel, *arguments):
        if kernel._device:
            return launch(kernel, *arguments)
        name = f"{kernel.fn.__module__}:{kernel.fn.__name__}"
        given = copy.deepcopy(arrays(arguments))
        launch(kernel, *arguments)  # the simulator
        if name not in recorded and kernel.grid_dim[0] * kernel.block_dim[0] <= 512:
            recorded.add(name)
            recording = record_cuda(kernel, kernel.grid_dim, kernel.block_dim, *given, limit=100_000)
            wanted = named(kernel, arrays(arguments))
            assert_same(recording, named(kernel, given), wanted, exact=True)

    monkeypatch.setattr(FakeCUDAKernel, "__call__", run)
    arithmetic()
    missing = {name for name in cuda_compile.kernels_of_package() if name.startswith("reftorch.ops.")} - recorded
    assert not missing, f"arithmetic() does not launch {sorted(missing)}"
