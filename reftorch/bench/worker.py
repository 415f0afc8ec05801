"""The program of a process that is measured from outside: `python -c SOURCE peak torch 64 2`, and so on.

At the start it imports only the standard library, so that the process holds the measured library and no other. It prints one line of
JSON.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any


def peak(library: str, batch: str, threads: str) -> dict[str, Any]:
    """Five training steps of LeNet: bytes in memory after the import, and the maximum."""
    lib = importlib.import_module(library)
    imported = resident("VmRSS")
    limit_threads(lib, int(threads))
    network = lenet(lib.nn)
    for _ in range(5):
        train(lib, network, lib.randn(int(batch), 1, 28, 28))
    return dict(imported=imported, peak=resident("VmHWM"))


def start(library: str, threads: str) -> dict[str, Any]:
    """The import and the first training step: seconds to the end of each, and how many kernels were compiled."""
    began = time.perf_counter()
    lib = importlib.import_module(library)
    imported = time.perf_counter() - began
    limit_threads(lib, int(threads))
    compiled: list[str] = []
    if library == "reftorch":
        from reftorch.kernel import compiling

        with compiling(lambda name: compiled.append(name) if name else None):
            train(lib, digits_network(lib), lib.randn(32, 1, 8, 8))
    else:
        train(lib, digits_network(lib), lib.randn(32, 1, 8, 8))
    return dict(imported=imported, seconds=time.perf_counter() - began, kernels=len(compiled))


def train(lib: Any, network: Any, images: Any) -> None:
    """One step."""
    optimizer = lib.optim.SGD(network.parameters(), lr=0.001, momentum=0.9)
    optimizer.zero_grad()
    loss = lib.nn.CrossEntropyLoss()(network(images), lib.randint(10, (len(images),)))
    loss.backward()
    optimizer.step()
    loss.item()


def lenet(nn: Any) -> Any:
    """LeNet-5 with ReLU and maximum pooling, for pictures of 28 by 28."""

    class LeNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
            self.relu, self.pool = nn.ReLU(), nn.MaxPool2d(2)
            self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

        def forward(self, x: Any) -> Any:
            x = self.pool(self.relu(self.conv1(x)))
            x = self.pool(self.relu(self.conv2(x)))
            x = self.relu(self.fc1(x.flatten(1)))
            return self.fc3(self.relu(self.fc2(x)))

    return LeNet()


def digits_network(lib: Any) -> Any:
    """The network of `reftorch train`. PyTorch has no Normalize: its network has the other layers."""
    if lib.__name__ == "reftorch":
        from reftorch.train import ConvNet

        return ConvNet(8, 8, mean=0.3, std=0.4)
    nn = lib.nn
    return nn.Sequential(
        *(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(96, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def limit_threads(lib: Any, threads: int) -> None:
    """Let the library compute on this number of threads, and let none of them start threads of its own.

    Numba allows the threads of OpenMP to do so. PyTorch, if it shares them, then takes 20 times as long for attention on two threads.
    """
    if lib.__name__ == "torch":
        lib.set_num_threads(threads)
    else:
        import numba

        numba.set_num_threads(threads)
        for path in loaded("openblas"):  # matrix products that are left to NumPy
            blas = ctypes.CDLL(path)
            for name in (
                "scipy_openblas_set_num_threads64_",
                "openblas_set_num_threads64_",
                "openblas_set_num_threads",
            ):
                if hasattr(blas, name):
                    getattr(blas, name)(threads)
                    break
    for path in loaded("gomp") | loaded("iomp"):
        ctypes.CDLL(path).omp_set_max_active_levels(1)


def loaded(name: str) -> set[str]:
    """The libraries with this name that the process has loaded; empty where the system is not Linux."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return set()
    return {line.split(maxsplit=5)[5] for line in lines if name in line.rpartition("/")[2]}


def resident(field: str) -> int | None:
    """Bytes of this process in memory: now ("VmRSS") or the maximum so far ("VmHWM"). Only Linux reports them."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


if __name__ == "__main__":
    print(json.dumps((peak if sys.argv[1] == "peak" else start)(*sys.argv[2:])))
