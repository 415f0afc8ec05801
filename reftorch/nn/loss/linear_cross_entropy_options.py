"""`LinearCrossEntropyOptions`: the size of the pieces of the batch for which `linear_cross_entropy` computes its loss."""

from __future__ import annotations

import dataclasses

from reftorch.types import bfloat16, dtype, float16, float32, float64

ROUGH = (float16, bfloat16)  # the dtypes whose sums PyTorch computes in a wider one


@dataclasses.dataclass(slots=True, frozen=True)
class LinearCrossEntropyOptions:
    """How `linear_cross_entropy` computes in pieces to save memory: only the logits of one piece exist at a time.

    Args:
        allow_retain_graph: keep the gradients after a backward, so that there can be a second one.
        batch_chunk_size: samples in a piece; None: all in one piece, unless `chunking_method` says how many.
        chunking_method: "aspect_ratio": so many samples that the logits of a piece take about as much memory as the whole input;
            "aspect_ratio:N": an N-th of that; "auto": "aspect_ratio:2", and "aspect_ratio" for float16 and bfloat16 on a CPU;
            None: `batch_chunk_size`.
        acc_policy: "auto", "accurate", "balanced" or "compact": which sums PyTorch computes in `acc_dtype`. The inputs here are
            float32 or float64, whose sums have their own dtype: it changes nothing.
        acc_dtype: the dtype of sums; None: the input's.

    Raises:
        ValueError: a value is not one of these.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: dtype | None = None

    def __post_init__(self) -> None:
        if self.acc_policy not in ("auto", "accurate", "balanced", "compact"):
            raise ValueError(
                f"invalid acc_policy: {self.acc_policy!r}: wanted 'auto', 'accurate', 'balanced' or 'compact'"
            )
        if self.chunking_method not in (None, "auto"):
            name, colon, factor = self.chunking_method.partition(":")
            if name != "aspect_ratio" or (colon and not (factor.isdigit() and int(factor) > 0)):
                raise ValueError(
                    f"invalid chunking_method: {self.chunking_method!r}: wanted 'auto', 'aspect_ratio', 'aspect_ratio:N' with "
                    "N from 1 on, or None"
                )
        size = self.batch_chunk_size
        if size is not None and not (isinstance(size, int) and size > 0):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size!r}: it counts samples")
        if self.acc_dtype is not None and self.acc_dtype not in (*ROUGH, float32, float64):
            raise ValueError(
                "acc_dtype must be one of {None, torch.float16, torch.bfloat16, torch.float32, torch.float64}, got "
                f"{self.acc_dtype!r}: None takes the dtype of the input"
            )


def piece_size(options: LinearCrossEntropyOptions, N: int, D: int, C: int, x_dtype: dtype) -> int:
    """The number of samples in a piece, at least 1, for N samples with D features and C classes.

    Raises:
        ValueError: `batch_chunk_size` and `chunking_method` give different numbers.
        RuntimeError: `acc_dtype` is not the input's.
    """
    method, size = options.chunking_method, options.batch_chunk_size
    if method == "auto":
        method = None if size is not None else "aspect_ratio" if x_dtype in ROUGH else "aspect_ratio:2"
    found = N if size is None else min(size, N)
    if method is not None:
        samples = -(-N // -(-C // D))  # rows of C logits that take as much memory as N rows of D features
        power = 1 << (samples - 1).bit_length()  # the next power of 2
        found = min(power // int(method.partition(":")[2] or 1), N)
        if size is not None and size != found:
            raise ValueError(
                f"batch_chunk_size (={size}) and chunking_method ('{method}') give different chunk sizes ({size} vs {found}); "
                "pass only one"
            )
    if options.acc_dtype not in (None, x_dtype):
        raise RuntimeError(
            f"linear_cross_entropy: acc_dtype must be None or {x_dtype}, the dtype of input, found {options.acc_dtype}"
        )
    return max(1, found)
