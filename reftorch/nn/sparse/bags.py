"""Bags of ids: where each begins and ends, and which ids are left when the padding is taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reftorch.nn.sparse.table import check_ids, first_outside, row_numbers
from reftorch.tensor import Tensor


def check_options(
    input: Tensor, weight: Tensor, mode: str, by_frequency: bool, sparse: bool, per_sample_weights: Tensor | None
) -> None:
    """Raise unless the options of `embedding_bag` fit together.

    Raises:
        ValueError: an unknown mode, "max" with an option that it does not have, or shapes that do not fit.
        NotImplementedError: `per_sample_weights` with another mode than "sum".
    """
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({list(per_sample_weights.shape)}) is not None, then it must have the "
            f"same shape as the input ({list(input.shape)})"
        )
    if weight.dim() != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.dim()}")
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"mode has to be one of sum, mean or max, but got {mode!r}")
    if mode == "max" and by_frequency:
        raise ValueError(
            "max mode does not support scaling the gradient by the frequency: leave out scale_grad_by_freq"
        )
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights: leave out sparse=True")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' "
            f"(got mode={mode!r})"
        )


@dataclass
class Bags:
    """The ids that count, bag after bag, in the memory of the CPU."""

    ids: np.ndarray  # numbers of rows
    first: np.ndarray  # where each bag begins among them, and the end of the last
    bag: np.ndarray  # the bag of each id
    kept: np.ndarray | None  # their positions in the input; None if they are all of it


def checked_bags(input: Tensor, offsets: Tensor | None, V: int, include_last_offset: bool, padding: int | None) -> Bags:
    """The bags of the ids `input`, (B, N), or (N) with the positions `offsets` where bags begin, for a table of `V` rows.

    Raises:
        TypeError: an argument is not a tensor.
        ValueError: `input` has other dimensions, or `offsets` is missing, superfluous, or not one-dimensional.
        RuntimeError: an id is no row of the table, an offset is wrong, or a dtype is neither int64 nor int32.
    """
    ids = row_numbers(input)
    wrong = first_outside(ids, V)
    if wrong is not None:
        raise RuntimeError(
            f"embedding_bag: Expected idx >= 0 && idx < num_embeddings. Index {wrong} of input takes value {ids[wrong]} "
            f"which is not in the valid range [0, {V}): is num_embeddings smaller than the vocabulary?"
        )
    first = _beginnings(input, offsets, include_last_offset)
    count = np.diff(first)
    bag = np.repeat(np.arange(len(count)), count)
    ids_of_bags = ids[first[0] : first[-1]]
    if len(ids_of_bags) == len(ids) and padding is None:
        return Bags(ids, first, bag, None)
    kept = np.flatnonzero(ids_of_bags != (-1 if padding is None else padding))
    bag = bag[kept]
    first_kept = np.searchsorted(bag, np.arange(len(count) + 1))
    return Bags(ids_of_bags[kept], first_kept, bag, kept + first[0])


def _beginnings(input: Tensor, offsets: Tensor | None, include_last_offset: bool) -> np.ndarray:
    """The position of each bag's first id, and the end of the last bag."""
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated as a mini-batch of bags of equal "
                f"length; found offsets of type {type(offsets).__name__} for input of shape {list(input.shape)}"
            )
        B, N = input.shape
        if N == 0:
            raise RuntimeError(f"embedding_bag: bags must not be empty if input is 2D, found {list(input.shape)}")
        return np.arange(B + 1) * N
    if input.dim() != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None: it says where in a 1D input each bag begins")
    check_ids("embedding_bag", "offsets", offsets)
    if offsets.dim() != 1:
        raise ValueError(f"offsets has to be a 1D Tensor, but has {offsets.dim()} dimensions")
    given, N = row_numbers(offsets), input.numel()
    if include_last_offset and len(given) == 0:
        raise RuntimeError("embedding_bag: include_last_offset: number of offsets should be at least 1, found none")
    if len(given) and given[0] != 0:
        raise RuntimeError(f"embedding_bag: offsets[0] has to be 0, the first bag begins at 0; found {given[0]}")
    if len(given) and given[-1] > N:
        raise RuntimeError(
            f"embedding_bag: offsets[-1] can not be greater than input's length ({N}), found {given[-1]}: an offset is the "
            "position where a bag begins, not its length"
        )
    first = given if include_last_offset else np.append(given, N)
    return np.maximum.accumulate(first).clip(max=N)
