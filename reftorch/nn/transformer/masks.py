"""Masks of attention: which positions of a sequence another position must not see."""

from __future__ import annotations

import math
import warnings

from reftorch.ops import full, triu
from reftorch.types import bool as boolean


def square_subsequent_mask(size, device=None, dtype=None):
    """A matrix (size, size) that is 0 on and below the diagonal and -inf above it: a position does not see later ones."""
    return triu(full((size, size), -math.inf, device=device, dtype=dtype), diagonal=1)


def added_mask(mask, name, dtype):
    """The mask as numbers that are added to the scores: -inf where a mask of bools is True (hidden), 0 where it is False.

    Raises:
        AssertionError: it holds neither bools nor floating-point numbers.
    """
    if mask is None or mask.is_floating_point():
        return mask
    if mask.dtype is not boolean:
        raise AssertionError(
            f"only bool and floating types of {name} are supported, found {mask.dtype}: convert it with .bool() (True: hidden) or "
            ".float() (added to the scores)"
        )
    return mask.new_zeros(mask.shape, dtype=dtype).masked_fill(mask, -math.inf)


def warn_of_two_kinds(name, mask, other_name, other):
    """Warn if one mask holds bools and the other one numbers."""
    if mask is not None and other is not None and mask.dtype is not other.dtype:
        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead: found {mask.dtype} "
            f"and {other.dtype}",
            stacklevel=3,
        )


def is_causal_mask(mask, is_causal, size):
    """Whether the mask hides exactly the later positions. If `is_causal` is not None, it is taken as the answer."""
    if is_causal is not None or mask is None:
        return is_causal is True
    causal = square_subsequent_mask(size, mask.device, mask.dtype)
    return mask.shape == causal.shape and bool((mask == causal).all())


def sequence_length(x, batch_first):
    """The number of positions of (L, E), (L, N, E) or, with `batch_first`, (N, L, E)."""
    return x.shape[1] if x.dim() == 3 and batch_first else x.shape[0]
