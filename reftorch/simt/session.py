"""All kernels that are launched on "cuda" inside a `with` block run under the runner."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..kernel import cuda, cuda_kind
from .faults import SimtError
from .launch import Launch
from .memory import first_byte, owner_of, poison
from .report import Report


class Session:
    """The launches of a `runner` block, in their order: `reports`, and their `faults`."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.empty: dict[
            int, tuple[np.ndarray, set[int]]
        ] = {}  # arrays that were made empty, and which bytes still are

    @property
    def faults(self) -> list[SimtError]:
        return [fault for report in self.reports for fault in report.faults]

    @property
    def kernels(self) -> set[str]:
        """The kernels that were launched, as "file:name"."""
        return {f"{report.file}:{report.kernel}" for report in self.reports}

    def to_dict(self) -> dict[str, Any]:
        return {"launches": [report.to_dict() for report in self.reports]}

    def __str__(self) -> str:
        head = f"{len(self.reports)} launches of {len(self.kernels)} kernels, {len(self.faults)} faults"
        return "\n\n".join([head, *map(str, self.reports)])

    # ------------------------------------------------------------------------------- memory that was not written yet
    def made(self, array: Any) -> Any:
        """Fill a new device array with poison, and store it."""
        data = array._ary
        data[...] = poison(data.dtype)
        self.empty[id(data)] = (data, set(range(0, data.nbytes, data.itemsize)))
        return array

    def lend(self, launch: Launch, given: Any) -> None:
        """Mark the cells of an argument that were not written, for a launch."""
        if isinstance(given, tuple):
            for part in given:
                self.lend(launch, part)
        data = getattr(given, "_ary", given)
        if isinstance(data, np.ndarray):
            _, offsets = self.empty.get(id(owner_of(data)), (None, ()))
            start = launch.memory.locate(data) - first_byte(data) + first_byte(owner_of(data))
            launch.memory.empty |= {start + offset for offset in offsets}

    def take_back(self, launch: Launch) -> None:
        """After a launch: remove the cells that it has written."""
        for known, (_, offsets) in self.empty.items():
            if known in launch.memory.owners:
                start = launch.memory.owners[known]
                offsets &= {address - start for address in launch.memory.empty}


@contextlib.contextmanager
def runner(
    order: str = "ascending", seed: int = 0, strict: bool = True, max_steps: int = 2_000_000
) -> Iterator[Session]:
    """Run all kernels that are launched inside the block one thread at a time, in place of Numba's simulator.

    Arrays that are made empty inside the block are checked, too: it is a fault if a kernel reads a cell that neither a kernel nor the
    host has written. The arguments are those of `run`.

    Raises:
        SimtError: the first fault, if `strict`.
        RuntimeError: the simulator is off. A real GPU cannot be watched: give `run` a kernel and NumPy arrays.
    """
    if cuda_kind() != "simulator":
        raise RuntimeError(
            f"simt.runner takes the place of Numba's simulator, but CUDA is {cuda_kind()} in this process: set "
            "NUMBA_ENABLE_CUDASIM=1 before Python starts, or call simt.run(kernel, grid, block, *arrays)"
        )
    session = Session()
    kind = type(cuda.jit(lambda: None))
    usual_array = cuda.device_array

    def call(kernel: Any, *args: Any) -> None:
        if kernel._device:
            raise RuntimeError(f"{kernel.__name__} is a device function: only kernels can call it")
        options = dict(
            order=order, seed=seed, check=True, strict=strict, dynamic=kernel.dynshared_size, limit=max_steps
        )
        launch = Launch(kernel, kernel.grid_dim, kernel.block_dim, **options)
        for given in args:
            session.lend(launch, given)
        try:
            session.reports.append(launch.run(args))
        finally:
            session.take_back(launch)

    def device_array(*args: Any, **kwargs: Any) -> Any:
        return session.made(usual_array(*args, **kwargs))

    with patched(kind, "__call__", call), patched(cuda, "device_array", device_array):
        yield session


@contextlib.contextmanager
def patched(owner: Any, name: str, value: Callable) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
