"""`torch.utils.data.distributed`: the sampler of a program on several ranks. It is in `reftorch.data.distributed`."""

from reftorch.data.distributed import DistributedSampler

__all__ = ["DistributedSampler"]
