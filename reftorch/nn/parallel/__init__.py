"""`torch.nn.parallel`: one batch on several devices of a process, or on several processes."""

# Imported at once and not when first used: data_parallel is a function here and also the name of the file that it is in.
from reftorch.nn.parallel.data_parallel import (
    DataParallel,
    data_parallel,
    gather,
    parallel_apply,
    replicate,
    scatter,
)
from reftorch.nn.parallel.distributed_data_parallel import DistributedDataParallel
from reftorch.nn.parallel.distributed_data_parallel_cpu import DistributedDataParallelCPU

__all__ = ["DataParallel", "DistributedDataParallel", "DistributedDataParallelCPU"]
__all__ += ["data_parallel", "gather", "parallel_apply", "replicate", "scatter"]
