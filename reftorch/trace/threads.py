"""Records a CUDA kernel, thread by thread, without a GPU: the runner of `reftorch.simt` with watched arrays."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

from ..simt.launch import Launch
from .checked import parsed
from .record import LIMIT, Recorder, RecordingLimit, is_hidden
from .recording import Recording


def record_cuda(
    kernel: Any,
    grid: int | Sequence[int],
    block: int | Sequence[int],
    *arguments: Any,
    thread: int | None = None,
    limit: int = LIMIT,
) -> Recording:
    """Run `kernel[grid, block](*arguments)` one thread at a time, in ascending order, and record every step.

    Args:
        kernel: a function under `@cuda.jit`, or a plain one.
        grid, block: the number of blocks, and of threads per block; up to three numbers each.
        arguments: NumPy arrays, which are changed in place, numbers, tuples of these.
        thread: record the lines of this thread only, by its number in the grid; writes of other threads are recorded as one step.
        limit: the most steps.

    Raises:
        RecordingLimit: there are more.
        ValueError: the grid has no such thread.
        SimtError: a barrier that not all threads reach, or another fault that the runner sees without checking each access.
    """
    launch = WatchedLaunch(kernel, grid, block, limit)
    size = launch.block_size * launch.grid[0] * launch.grid[1] * launch.grid[2]
    if thread is not None and not 0 <= thread < size:
        raise ValueError(f"there is no thread {thread}: the launch has {size} threads, numbered from 0")
    recorder = launch.recorder
    recorder.only = thread
    given = recorder.watch_all(launch.function, arguments)
    try:
        recorder.run(lambda: launch.run(given))
    except Exception as error:
        if isinstance(error.__cause__, RecordingLimit):  # the runner takes it for a failure of the kernel
            raise error.__cause__ from None
        raise
    return recorder.recording("cuda", launch.grid, launch.block)


class WatchedLaunch(Launch):
    """A launch whose arrays are watched by a recorder, and not by the runner itself."""

    def __init__(self, kernel: Any, grid: Any, block: Any, limit: int):
        options: dict[str, Any] = dict(
            order="ascending", seed=0, check=False, strict=True, dynamic=0, limit=sys.maxsize
        )
        super().__init__(kernel, grid, block, **options)
        self.recorder = Recorder(self.function, limit, thread=lambda: self.current.number)

    @property
    def shared_arrays(self) -> dict:
        return self._shared_arrays

    @shared_arrays.setter
    def shared_arrays(self, arrays: dict) -> None:  # a new block has new shared memory
        self._shared_arrays = WatchedArrays(self)


class WatchedArrays(dict):
    """The shared arrays of a block, by the line that makes them. Their names are those in the kernel."""

    def __init__(self, launch: WatchedLaunch):
        super().__init__()
        self.launch = launch

    def __setitem__(self, key: Any, array: Any) -> None:
        launch, frame = self.launch, sys._getframe(1)
        while is_hidden(frame) and frame.f_back is not None:
            frame = frame.f_back
        name = _assigned(frame)
        if launch.grid != (1, 1, 1):
            name += f" of block {launch.current.block}"
        super().__setitem__(key, launch.recorder.watch(array, name, "shared"))


def _assigned(frame: FrameType) -> str:
    """The variable that the frame's line gives a value: `tile` in `tile = cuda.shared.array(...)`."""
    line, tree = frame.f_lineno, parsed(frame.f_code)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Assign) and node.lineno <= line <= (node.end_lineno or line):
            return ast.unparse(node.targets[0])
    return f"shared array of line {line}"
