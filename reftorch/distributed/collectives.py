"""The operations of all processes, with torch.distributed's names: each function checks its arguments and starts MPI's operation.

Tensors are changed in place and have to be contiguous. MPI reads the memory of a CPU; a tensor on a GPU is copied there and back.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from reftorch.distributed import engine
from reftorch.distributed.group import ProcessGroup, Work
from reftorch.distributed.world import group_or_world
from reftorch.tensor import Tensor


class ReduceOp:
    """How the tensors of all ranks are combined."""

    SUM, PRODUCT, MIN, MAX, BAND, BOR, BXOR, AVG = "SUM", "PROD", "MIN", "MAX", "BAND", "BOR", "BXOR", "AVG"


FOR_BOOL = {"SUM": "LOR", "MAX": "LOR", "BOR": "LOR", "PROD": "LAND", "MIN": "LAND", "BAND": "LAND", "BXOR": "LXOR"}


class Memory:
    """The elements of a tensor in memory that MPI can read; `back` copies them back."""

    def __init__(self, tensor: Any, reads_only: bool = False):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"Invalid type: expected a tensor, but got {type(tensor).__name__}")
        if not tensor.is_contiguous():
            raise ValueError("Tensors must be contiguous: pass tensor.contiguous(), and copy the result back")
        if tensor.array.dtype.kind == "V" or str(tensor.dtype) == "torch.bfloat16":
            raise NotImplementedError(f"MPI has no sums of {tensor.dtype}: convert the tensor with .float()")
        self.tensor = tensor
        self.on_cpu = tensor.device.type == "cpu"
        self.array = tensor.array if self.on_cpu else tensor.detach().cpu().array
        if not reads_only:
            tensor._counter.bump()

    def back(self) -> None:
        """Copy the elements to the device that they came from."""
        if not self.on_cpu:
            from reftorch.ops.creation import from_numpy

            self.tensor.data.copy_(from_numpy(self.array))


def _finish(work: Work, async_op: bool) -> Work | None:
    if async_op:
        return work
    work.wait()
    return None


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        first()
        second()

    return run


def _operation(op: str, array: np.ndarray, group: ProcessGroup) -> tuple[Any, Callable[[], None]]:
    """MPI's name of the operation, and what is to be done with the result."""
    if op not in vars(ReduceOp).values():
        raise ValueError(f"expected one of the operations of ReduceOp, as ReduceOp.SUM, but got {op!r}")
    if op == ReduceOp.AVG:
        if array.dtype.kind != "f":
            raise ValueError(f"ReduceOp.AVG is for floating numbers, but the tensor has {array.dtype}")

        def divide() -> None:
            np.divide(array, group.size(), out=array)

        return engine.mpi().SUM, divide
    name = FOR_BOOL[op] if array.dtype.kind == "b" else op
    return getattr(engine.mpi(), name), lambda: None


def _place(group: ProcessGroup, rank: int | None, name: str) -> int:
    """The number within the group of a rank of all processes."""
    if rank not in group.ranks:
        raise ValueError(f"{name}={rank}: the ranks of this group are {group.ranks}")
    return group.ranks.index(rank)


def all_reduce(tensor: Tensor, op: str = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """Each rank gets the sum (or another `op`) of the tensors of all ranks, in place."""
    g, memory = group_or_world(group), Memory(tensor)
    operation, after = _operation(op, memory.array, g)
    request = g.comm.Iallreduce(engine.mpi().IN_PLACE, memory.array, operation)
    return _finish(g.start(request, _both(after, memory.back), memory), async_op)


def reduce_array(array: np.ndarray, group: ProcessGroup) -> Work:
    """The sum of an array over all ranks, in place; started, without waiting for it."""
    return group.start(group.comm.Iallreduce(engine.mpi().IN_PLACE, array), keep=array)


def broadcast(tensor: Tensor, src: int, group: Any = None, async_op: bool = False) -> Work | None:
    """Each rank gets the elements of the tensor of rank `src`, in place."""
    g, memory = group_or_world(group), Memory(tensor)
    request = g.comm.Ibcast(memory.array, _place(g, src, "src"))
    return _finish(g.start(request, memory.back, memory), async_op)


def reduce(tensor: Tensor, dst: int, op: str = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """Rank `dst` gets the sum (or another `op`) of the tensors of all ranks, in place; the others keep theirs."""
    g = group_or_world(group)
    root = _place(g, dst, "dst")
    there = g.rank() == root
    memory = Memory(tensor, reads_only=not there)
    operation, after = _operation(op, memory.array, g)
    send, receive = (engine.mpi().IN_PLACE, memory.array) if there else (memory.array, None)
    request = g.comm.Ireduce(send, receive, operation, root)
    return _finish(g.start(request, _both(after, memory.back) if there else None, memory), async_op)


def all_gather(tensor_list: list, tensor: Tensor, group: Any = None, async_op: bool = False) -> Work | None:
    """`tensor_list[r]` becomes the tensor of rank r, on each rank."""
    g, memory = group_or_world(group), Memory(tensor, reads_only=True)
    rows, fill = _rows(tensor_list, memory, g.size(), "all_gather")
    return _finish(g.start(g.comm.Iallgather(memory.array, rows), fill, (memory, rows)), async_op)


def gather(
    tensor: Tensor, gather_list: list | None = None, dst: int = 0, group: Any = None, async_op: bool = False
) -> Work | None:
    """On rank `dst`, `gather_list[r]` becomes the tensor of rank r."""
    g, memory = group_or_world(group), Memory(tensor, reads_only=True)
    root = _place(g, dst, "dst")
    rows, fill = None, None
    if g.rank() == root:
        rows, fill = _rows(gather_list or [], memory, g.size(), "gather")
    return _finish(g.start(g.comm.Igather(memory.array, rows, root), fill, (memory, rows)), async_op)


def scatter(
    tensor: Tensor, scatter_list: list | None = None, src: int = 0, group: Any = None, async_op: bool = False
) -> Work | None:
    """Each rank's tensor becomes `scatter_list[r]` of rank `src`, where r is its own rank."""
    g, memory = group_or_world(group), Memory(tensor)
    root = _place(g, src, "src")
    rows = None
    if g.rank() == root:
        given = [Memory(part, reads_only=True).array for part in scatter_list or []]
        if [part.shape for part in given] != [memory.array.shape] * g.size():
            raise ValueError(f"scatter expects {g.size()} tensors of shape {tuple(tensor.shape)}, one for each rank")
        rows = np.stack(given)
    return _finish(g.start(g.comm.Iscatter(rows, memory.array, root), memory.back, (memory, rows)), async_op)


def _rows(tensors: list, memory: Memory, size: int, name: str) -> tuple[np.ndarray, Callable[[], None]]:
    """An array with a row for each rank, and a function that copies the rows to the tensors."""
    into = [Memory(tensor) for tensor in tensors]
    if [m.array.shape for m in into] != [memory.array.shape] * size or any(
        m.array.dtype != memory.array.dtype for m in into
    ):
        raise ValueError(
            f"{name} expects {size} tensors of shape {memory.array.shape} and {memory.array.dtype} to write to, one for each rank"
        )
    rows = np.empty((size, *memory.array.shape), memory.array.dtype)

    def fill() -> None:
        for target, row in zip(into, rows):
            target.array[...] = row
            target.back()

    return rows, fill


def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None) -> Work | None:
    """No rank continues before all ranks have called this."""
    g = group_or_world(group)
    return _finish(g.start(g.comm.Ibarrier()), async_op)


def all_gather_object(object_list: list, obj: Any, group: Any = None) -> None:
    """`object_list[r]` becomes the object of rank r, on each rank. Objects are sent as pickles: only among programs that you trust."""
    g = group_or_world(group)
    mine = np.frombuffer(pickle.dumps(obj), np.uint8)
    lengths = np.empty(g.size(), np.int64)
    g.start(g.comm.Iallgather(np.array([mine.size]), lengths), keep=lengths).wait()
    longest = int(lengths.max())
    rows = np.empty((g.size(), longest), np.uint8)
    padded = np.zeros(longest, np.uint8)
    padded[: mine.size] = mine
    g.start(g.comm.Iallgather(padded, rows), keep=(padded, rows)).wait()
    object_list[:] = [pickle.loads(row[:length].tobytes()) for row, length in zip(rows, lengths)]


def isend(tensor: Tensor, dst: int, group: Any = None, tag: int = 0) -> Work:
    """Start sending to rank `dst`, without waiting for the end."""
    g, memory = group_or_world(group), Memory(tensor, reads_only=True)
    request = g.comm.Isend(memory.array, _place(g, dst, "dst"), tag)
    return Work(g, request, 0, keep=memory, partners=[dst])


def irecv(tensor: Tensor, src: int, group: Any = None, tag: int = 0) -> Work:
    """Start receiving from rank `src`, without waiting for the end."""
    g, memory = group_or_world(group), Memory(tensor)
    request = g.comm.Irecv(memory.array, _place(g, src, "src"), tag)
    return Work(g, request, 0, memory.back, memory, [src])


def send(tensor: Tensor, dst: int, group: Any = None, tag: int = 0) -> None:
    """Send to rank `dst`."""
    isend(tensor, dst, group, tag).wait()


def recv(tensor: Tensor, src: int, group: Any = None, tag: int = 0) -> int:
    """Receive from rank `src`, whose number is returned."""
    irecv(tensor, src, group, tag).wait()
    return src
