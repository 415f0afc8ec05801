"""The group of all processes: how it begins, how it ends, and why an error in one of them ends all."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import time
import warnings
from collections.abc import Sequence
from typing import Any

from reftorch.distributed import engine
from reftorch.distributed.group import Home, ProcessGroup, Work, seconds

DEFAULT_TIMEOUT = 1800.0  # seconds, as in PyTorch
BACKENDS = (None, "mpi", "gloo", "nccl")
_world: ProcessGroup | None = None
_hooked = False


class GroupMember:
    """What `new_group` gives to a process that is not in the new group."""

    NON_GROUP_MEMBER = object()


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: Any = None,
    world_size: int = -1,
    rank: int = -1,
    store: Any = None,
    group_name: str = "",
) -> None:
    """Connect this process with the others that `reftorch launch` or `mpiexec` has started.

    Args:
        backend: "mpi". "gloo" and "nccl" are accepted with a warning: MPI transfers the data.
        init_method, store, group_name: accepted and not used: MPI knows the processes.
        timeout: seconds, or a timedelta, after which waiting ends with an error; default 30 minutes.
        world_size, rank: not needed; if they are given, they must be what MPI says.

    Raises:
        ValueError: it is called twice; another backend; `world_size` or `rank` are not MPI's.
        RuntimeError: mpi4py or MPI is missing, or mpiexec belongs to another MPI than the library.
    """
    global _world
    if _world is not None:
        raise ValueError("trying to initialize the default process group twice!")
    if backend not in BACKENDS:
        raise ValueError(f"Unknown backend {backend!r}: reftorch has 'mpi' (and takes 'gloo' and 'nccl' for it)")
    limit = DEFAULT_TIMEOUT if timeout is None else seconds(timeout)
    MPI = engine.start(limit)
    comm = MPI.COMM_WORLD
    for what, given, found in (("world_size", world_size, comm.size), ("rank", rank, comm.rank)):
        if given not in (-1, found):
            raise ValueError(
                f"{what}={given}, but MPI says {found}. The launcher decides it: start with "
                f"`reftorch launch -n {max(world_size, 2)} {sys.argv[0]}` and leave {what} out"
            )
    if backend in ("gloo", "nccl") and comm.rank == 0:
        warnings.warn(f"backend {backend!r}: reftorch has no {backend}, MPI transfers the data", stacklevel=2)
    _end_all_with_this_one()
    home = Home(comm)
    copies = [comm.Idup() for _ in range(2)]
    first = ProcessGroup(copies[0][0], limit, range(comm.size), home)
    for _, request in copies:
        Work(first, request, 1).wait()
    home.control = copies[1][0]
    _world = first


def destroy_process_group(group: Any = None) -> None:
    """Send a last message to the other processes, and wait for theirs. This also happens when the program ends."""
    global _world
    world, _world = _world, None
    if world is not None:
        world.home.leave()


def new_group(
    ranks: Sequence[int] | None = None, timeout: Any = None, backend: str | None = None, **others: Any
) -> Any:
    """A group of some of the processes. All processes have to call it, with the same ranks.

    Raises:
        ValueError: a rank does not exist, or occurs twice.
    """
    world = group_or_world(None)
    chosen = list(range(world.size())) if ranks is None else sorted(ranks)
    if len(set(chosen)) != len(chosen) or not set(chosen) <= set(range(world.size())):
        raise ValueError(f"new_group: expected different ranks from 0 to {world.size() - 1}, got {list(ranks or ())}")
    world.start(world.comm.Ibarrier()).wait()  # all are here, so the call below, which blocks, does not wait
    members = world.comm.group.Incl(chosen)
    comm = world.comm.Create_group(members) if world.rank() in chosen else None
    made = ProcessGroup(comm, world.timeout if timeout is None else seconds(timeout), chosen, world.home)
    return made if comm is not None else GroupMember.NON_GROUP_MEMBER


def group_or_world(group: Any) -> ProcessGroup:
    """`group`, or the group of all processes.

    Raises:
        ValueError: there is none, or this process is not in it.
    """
    if isinstance(group, ProcessGroup):
        return group
    if group is GroupMember.NON_GROUP_MEMBER:
        raise ValueError("this process is not in the group: only its members may call this")
    if group is not None:
        raise TypeError(f"expected a process group, as new_group returns it, but got {type(group).__name__}")
    if _world is None:
        raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")
    return _world


def is_initialized() -> bool:
    """Whether `init_process_group` has been called."""
    return _world is not None


def get_rank(group: Any = None) -> int:
    """The number of this process, from 0; -1 if it is not in the group."""
    return -1 if group is GroupMember.NON_GROUP_MEMBER else group_or_world(group).rank()


def get_world_size(group: Any = None) -> int:
    """How many processes there are; -1 if this one is not in the group."""
    return -1 if group is GroupMember.NON_GROUP_MEMBER else group_or_world(group).size()


def get_backend(group: Any = None) -> str:
    """ "mpi", always."""
    group_or_world(group)
    return "mpi"


# ------------------------------------------------------------------------------------------------ ending together
def _end_all_with_this_one() -> None:
    """Make an uncaught exception end all ranks: the others would wait for this one forever."""
    global _hooked
    if _hooked:
        return
    _hooked = True
    before = sys.excepthook

    def end(kind: Any, error: Any, traceback: Any) -> None:
        comm = engine.mpi().COMM_WORLD
        if comm.size > 1:
            print(f"rank {comm.rank} of {comm.size}:", file=sys.stderr)
        before(kind, error, traceback)
        abort(130 if kind is KeyboardInterrupt else 1)

    sys.excepthook = end
    atexit.register(_leave_at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget)


def abort(exit_code: int) -> None:
    """End all ranks; a single one ends as Python does."""
    comm = engine.mpi().COMM_WORLD
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    if comm.size > 1:
        engine.leave_note("shm", " ".join(engine.shared_memory()))
        time.sleep(0.3)  # mpiexec has to read what was written before it ends everything
        comm.Abort(exit_code)
        os._exit(exit_code)  # without a farewell


def _leave_at_exit() -> None:
    try:
        destroy_process_group()
    except KeyboardInterrupt:
        abort(130)


def _forget() -> None:
    """A forked child is not a rank: MPI's connections belong to its parent."""
    global _world
    _world = None
    sys.excepthook = sys.__excepthook__
    atexit.unregister(_leave_at_exit)
