"""`reftorch doctor`: what reftorch finds on this machine, and what is missing.

Every check runs separately, so that a broken part is reported and the other checks still run. Nothing but the standard
library is imported to begin with: where even `import reftorch` fails, `python reftorch/doctor.py` runs.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":  # Python put this folder first, whose types.py and random/ would hide its own
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

import ctypes
import importlib
import importlib.metadata
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

NEEDED = ("numpy", "ml_dtypes", "numba", "llvmlite", "rich", "safetensors", "matplotlib")
OPTIONAL = {
    "numba-cuda": "only for a GPU",
    "torch": "only to compare with; reftorch never imports it",
}
FLAGS = ("NUMBA_", "REFTORCH_", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")

Lines = Iterator[tuple[str, str]]  # name and value


def main() -> int:
    """Print the report; returns 1 if something that reftorch needs is missing or broken, else 0."""
    missing: list[str] = []
    parts: dict[str, Callable[[list[str]], Lines]] = {
        "Versions": versions,
        "CPU": cpu,
        "CUDA": cuda,
        "Several processes": processes,
        "Compiled kernels": cache,
        "Environment": environment,
    }
    for title, part in parts.items():
        print(title)
        try:
            for name, value in part(missing):
                print(f"  {name:<12} {value}")
        except Exception as error:  # anything that a broken installation raises
            print(f"  cannot tell: {says(error)}")
        print()
    print("Missing" if missing else "Nothing is missing.")
    for advice in missing:
        print(f"  {advice}")
    return 1 if missing else 0


def versions(missing: list[str]) -> Lines:
    """Python and the packages; adds to `missing` those that are not installed or cannot be imported."""
    yield "python", f"{platform.python_version()} at {sys.executable}"
    yield (
        "reftorch",
        f"{version('reftorch') or 'not installed: a source tree'} at {Path(__file__).parent}",
    )
    for package in NEEDED:
        found = version(package)
        if found is None:
            yield package, "not installed"
            missing.append(f"{package}: python -m pip install {package}")
            continue
        try:
            importlib.import_module(package)
            yield package, found
        except Exception as error:
            yield package, f"{found}, but it cannot be imported: {says(error)}"
            missing.append(f"{package}: python -m pip install --force-reinstall {package}")
    for package, purpose in OPTIONAL.items():
        yield package, version(package) or f"not installed ({purpose})"


def cpu(missing: list[str]) -> Lines:
    """The processor, and how kernels share it."""
    yield "processor", f"{processor()}, {platform.machine()}, {platform.system()}"
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield "cores", f"{os.cpu_count()}, of which this process may use {allowed}"
    import numba

    yield "threads", f"{numba.get_num_threads()} (NUMBA_NUM_THREADS or --threads makes it fewer)"
    yield "layer", numba.threading_layer()  # known since get_num_threads started the threads


def cuda(missing: list[str]) -> Lines:
    """What "cuda" means to reftorch here, and why."""
    number, driver = gpus()
    yield "driver", driver
    try:
        from reftorch import kernel
    except Exception as error:
        yield "device", f"cannot tell, reftorch cannot be imported: {says(error)}"
        return
    kind = kernel.cuda_kind()
    if kind == "device":
        yield from gpu(kernel.cuda)
    elif kind == "simulator":
        yield "device", "Numba's simulator: correct and slow, about a millisecond per thread"
        yield "why", "NUMBA_ENABLE_CUDASIM is set"
    elif kind == "cpu":
        yield "device", "none: CUDA kernels are compiled for the CPU, and their threads take turns"
        yield "why", "REFTORCH_CUDA=cpu is set"
    else:
        yield "device", "none"
        yield "why", absence(kernel.cuda, number)
        if number and version("numba-cuda") is None:
            yield "remedy", "python -m pip install 'numba-cuda[cu13]'"
        yield (
            "instead",
            "REFTORCH_CUDA=cpu compiles CUDA kernels for the CPU; NUMBA_ENABLE_CUDASIM=1 is a simulator, for tiny sizes",
        )


def gpu(numba_cuda: Any) -> Lines:
    """The GPU that kernels run on."""
    device = numba_cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else device.name
    yield "device", f"{name}, compute capability {'.'.join(map(str, device.compute_capability))}"
    free, total = numba_cuda.current_context().get_memory_info()
    yield "memory", f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
    yield "runtime", ".".join(map(str, numba_cuda.runtime.get_version()))


def absence(numba_cuda: Any, number: int) -> str:
    """Why there is no CUDA device, on a machine with `number` GPUs."""
    if hasattr(numba_cuda, "reason"):  # reftorch.kernel's stand-in for a numba.cuda that cannot be imported
        return f"numba.cuda cannot be imported: {says(numba_cuda.reason)}"
    if number == 0:
        return "no GPU that a driver knows of"
    error = numba_cuda.cuda_error() if hasattr(numba_cuda, "cuda_error") else None
    return f"there is a GPU, but Numba cannot use it: {error or 'is_available() is False'}"


def gpus() -> tuple[int, str]:
    """How many GPUs NVIDIA's driver has, and what it is."""
    name = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return 0, f"none of NVIDIA's ({name} is not on this machine)"
    number, release = ctypes.c_int(0), ctypes.c_int(0)
    if (error := driver.cuInit(0)) or (error := driver.cuDeviceGetCount(ctypes.byref(number))):
        meaning = {100: ": it finds no GPU"}.get(error, "")
        return 0, f"NVIDIA's refuses to start, with error {error}{meaning}"
    driver.cuDriverGetVersion(ctypes.byref(release))
    text = f"for CUDA up to {release.value // 1000}.{release.value % 1000 // 10}"
    return number.value, f"NVIDIA's, {text}, with {number.value} GPU"


def processes(missing: list[str]) -> Lines:
    """What torch.distributed finds: mpi4py, an MPI, and the program that starts ranks."""
    found = version("mpi4py")
    yield "mpi4py", found or "not installed (only for torch.distributed: pip install 'reftorch[distributed]')"
    if found is None:
        return
    from reftorch.distributed import engine

    mpiexec = engine.find_mpiexec()
    yield "mpiexec", str(mpiexec or "not found: pip install mpich")
    yield "MPI", engine.answer_of(mpiexec)


def cache(missing: list[str]) -> Lines:
    """Where compiled kernels are kept, and how much space they take."""
    from reftorch import kernel_cache

    folder = kernel_cache.folder()
    if folder is None:
        yield "folder", "none: kernels are compiled in each process"
        return
    files, size = measure(folder)
    yield "folder", str(folder)
    yield "size", f"{size / 2**20:.1f} MiB in {files} files (each is deleted a month after its last use)"


def measure(folder: Path) -> tuple[int, int]:
    """How many files there are in a folder and below, and their bytes."""
    sizes = []
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                sizes.append(path.stat().st_size)
        except OSError:  # another process tidies up
            continue
    return len(sizes), sum(sizes)


def environment(missing: list[str]) -> Lines:
    """Variables that change how kernels are compiled and run."""
    chosen = {name: value for name, value in sorted(os.environ.items()) if name.startswith(FLAGS)}
    if not chosen:
        yield "variables", "none that matters is set"
    yield from chosen.items()


def version(package: str) -> str | None:
    """The version of an installed package, without importing it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor() -> str:
    """The name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def says(error: BaseException) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # in place of this folder, whose random/ and types.py hide Python's
    sys.exit(main())
