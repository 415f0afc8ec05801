"""Images to train on: 1,797 digits that come with the package, MNIST and Fashion-MNIST from files; and what `torch.utils.data` has."""

from reftorch.data.collate import default_collate, default_convert
from reftorch.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)
from reftorch.data.digits import hold_out, load_digits
from reftorch.data.distributed import DistributedSampler
from reftorch.data.idx import load_idx, read_idx
from reftorch.data.loader import DataLoader, get_worker_info
from reftorch.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

OF_TORCH = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DistributedSampler",
    "IterableDataset",
]
OF_TORCH += ["RandomSampler", "Sampler", "SequentialSampler", "Subset", "SubsetRandomSampler", "TensorDataset"]
OF_TORCH += ["WeightedRandomSampler", "default_collate", "default_convert", "get_worker_info", "random_split"]
__all__ = [*OF_TORCH, "hold_out", "load_digits", "load_idx", "read_idx"]
