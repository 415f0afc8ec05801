"""`torch.distributed` over MPI: connected processes, and the operations that data parallelism needs.

`reftorch launch -n 4 script.py` starts the same script four times. MPI gives each process its *rank*, 0 to 3, and transfers the data.
It is not part of reftorch: `pip install 'reftorch[distributed]'`, or `pip install mpi4py` on a cluster that has its own MPI. Nothing
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
    """False: MPI transfers the data."""
    return False


is_nccl_available = is_gloo_available
