"""The check of `normalized_shape`, shared by layer normalization and RMS normalization."""

from __future__ import annotations

import operator


def check_normalized_shape(function, input, normalized_shape, **parameters):
    """The shape of the features as a tuple of ints; the input must end with it, and the parameters must have it.

    Raises:
        TypeError: it is not a tuple or list of ints.
        RuntimeError: it is empty, the input does not end with it, or a parameter has another shape.
    """
    if not isinstance(normalized_shape, (tuple, list)):
        raise TypeError(
            f"{function}(): argument 'normalized_shape' must be tuple of ints, not {type(normalized_shape).__name__}: for "
            f"one dimension write ({normalized_shape},)"
        )
    for position, extent in enumerate(normalized_shape):
        if isinstance(extent, bool) or not hasattr(extent, "__index__"):
            raise TypeError(
                f"{function}(): argument 'normalized_shape' must be tuple of ints, but found element of type "
                f"{type(extent).__name__} at pos {position}"
            )
    shape = tuple(map(operator.index, normalized_shape))
    if not shape:
        raise RuntimeError(
            f"{function}: expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but "
            "got normalized_shape = []; it names the sizes of the last dimensions, such as (x.shape[-1],)"
        )
    for name, value in parameters.items():
        if value is not None and tuple(value.shape) != shape:
            raise RuntimeError(
                f"{function}: expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(value.shape)} and normalized_shape = {list(shape)}"
            )
    if tuple(input.shape[max(0, input.ndim - len(shape)) :]) != shape:
        wanted = ", ".join(["*", *map(str, shape)])
        raise RuntimeError(
            f"{function}: given normalized_shape={list(shape)}, expected input with shape [{wanted}], but got input of size "
            f"{list(input.shape)}: the features must be the last dimensions"
        )
    return shape
