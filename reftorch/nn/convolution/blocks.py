"""What Unfold and Fold share: the number of blocks that an image has, and the checks of the arguments."""

from __future__ import annotations

import operator

from reftorch.nn.arguments import check_tensors
from reftorch.types import bool as boolean
from reftorch.types import float32, float64


def block_counts(size, kernel_size, dilation, padding, stride):
    """Rows and columns of blocks in an image of `size`; all are pairs."""
    return tuple(
        (extent + 2 * p - d * (k - 1) - 1) // s + 1
        for extent, k, d, p, s in zip(size, kernel_size, dilation, padding, stride)
    )


def check_blocks(function, input, kernel_size, dilation, padding, stride):
    """The four options as pairs, after the checks of the tensor and of their values."""
    check_tensors(function, allowed=(float32, float64, boolean), input=input)
    found = {"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    options = {name: pair_of(function, name, value) for name, value in found.items()}
    for name, (rows, columns) in options.items():
        if min(rows, columns) < (0 if name == "padding" else 1):
            text = "padding should be non-negative" if name == "padding" else f"{name} should be greater than zero"
            raise RuntimeError(f"{text.replace('_', ' ')}, but got {name}={(rows, columns)}")
    return tuple(options.values())


def pair_of(function, name, value):
    """(rows, columns) out of an int or a sequence of exactly two.

    Raises:
        TypeError: a value is not an int.
        RuntimeError: a sequence whose length is not 2. As in PyTorch, a sequence of one is refused too.
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    for each in values:
        if isinstance(each, bool) or not hasattr(each, "__index__"):
            raise TypeError(f"{function}(): argument '{name}' must be tuple of ints, found {value!r}")
    if len(values) != 2:
        raise RuntimeError(
            f"It is expected {name} equals to 2, but got size {len(values)}: {value!r}; one int serves for both"
        )
    return tuple(map(operator.index, values))


def check_batch(wanted, unbatched, input):
    """Whether the input has `unbatched` dimensions or one more, and none but the batch is empty."""
    sizes = input.shape[-unbatched:]
    if input.dim() not in (unbatched, unbatched + 1) or 0 in sizes:
        raise RuntimeError(
            f"Expected {wanted} (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: "
            f"{list(input.shape)}"
        )
