"""`torch.distributed` over MPI: processes that know each other, and the operations that data parallelism needs.

`reftorch launch -n 4 script.py` starts the same script four times. MPI gives each process its *rank*, 0 to 3, and moves the numbers.
It is not part of reftorch: `pip install 'reftorch[distributed]'`, or on a cluster with an MPI of its own `pip install mpi4py`. Nothing
of it is imported before `init_process_group`. Without a launcher a script is a world of one rank, which a debugger can run.
"""

from reftorch.distributed.collectives import (
    ReduceOp,
    all_gather,
    all_gather_object,
    all_reduce,
    barrier,
    broadcast,
    gather,
    irecv,
    isend,
    recv,
    reduce,
    scatter,
    send,
)
from reftorch.distributed.engine import is_available
from reftorch.distributed.group import ProcessGroup, Work
from reftorch.distributed.world import (
    GroupMember,
    destroy_process_group,
    get_backend,
    get_rank,
    get_world_size,
    init_process_group,
    is_initialized,
    new_group,
)

is_mpi_available = is_available


def is_gloo_available() -> bool:
    """False: MPI moves the numbers."""
    return False


is_nccl_available = is_gloo_available
