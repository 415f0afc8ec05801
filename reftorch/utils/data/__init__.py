"""`torch.utils.data`: datasets, samplers and the loader of batches. They are in `reftorch.data`."""

from reftorch.data import *  # noqa: F403
from reftorch.data import OF_TORCH as __all__
from reftorch.utils.data import distributed
