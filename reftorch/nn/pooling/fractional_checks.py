"""What the fractional pooling functions share: the checks of the output's size, of the windows, and of the random numbers."""

from __future__ import annotations


def size_of_ratio(function, n, input, ratio):
    """The size of the output as a fraction of the input's, rounded down."""
    if ratio is None:
        raise ValueError(f"{function} requires specifying either an output_size or an output_ratio, and found neither")
    if not isinstance(ratio, (tuple, list)):
        raise TypeError(f"{function}: output_ratio must be a tuple of {n} numbers, but got {ratio!r}")
    if len(ratio) != n:
        raise ValueError(f"{function}: output_ratio must be a tuple of {n} numbers, but got {list(ratio)}")
    return tuple(int(extent * r) for extent, r in zip(input.shape[-n:], ratio))


def check_fits(function, size_in, kernel_size, size_out):
    """Raise RuntimeError unless windows of this size have as many starting positions as there are outputs (one more in volumes)."""
    spare = 1 if len(kernel_size) == 3 else 0  # PyTorch needs one more position there
    names = ("time", "height", "width")[-len(kernel_size) :]
    for name, extent, k, out in zip(names, size_in[-len(kernel_size) :], kernel_size, size_out):
        if k < 1 or out < 0:
            raise RuntimeError(
                f"{function}: pool {name} {k} must be 1 or more, and the output's {name} {out} 0 or more"
            )
        if out + k - 1 + spare > extent:
            raise RuntimeError(
                f"{function}: pool {name} {k} too large relative to input {name} {extent}: {out} windows need {out + k - 1 + spare} positions"
            )


def check_samples(function, n, batch, samples):
    """Raise RuntimeError unless there are numbers for each sample and channel, in the input's dtype."""
    if samples.dtype is not batch.dtype:
        raise RuntimeError(
            f"{function}: expect _random_samples to have the same dtype as input, {batch.dtype}, but got {samples.dtype}"
        )
    if samples.ndim != 3:
        raise RuntimeError(f"{function}: expect _random_samples to have 3 dimensions, got {samples.ndim}")
    N, C, D = samples.shape
    if N < batch.shape[0]:
        raise RuntimeError(
            f"{function}: expect _random_samples.size(0) no less than the batch size {batch.shape[0]}; got {N}"
        )
    if C != batch.shape[1]:
        raise RuntimeError(
            f"{function}: expect _random_samples.size(1) equal to the {batch.shape[1]} channels; got {C}"
        )
    if D != n:
        raise RuntimeError(f"{function}: expect _random_samples.size(2) equals to {n}; got {D}")
