"""Images to train on: 1,797 digits that come with the package, MNIST and Fashion-MNIST from files, and a loader of batches."""

from reftorch.data.digits import hold_out, load_digits
from reftorch.data.idx import load_idx, read_idx
from reftorch.data.loader import DataLoader, Dataset, TensorDataset

__all__ = ["DataLoader", "Dataset", "TensorDataset", "hold_out", "load_digits", "load_idx"]
__all__ += ["read_idx"]
