"""Arguments that may be given in short: `kernel_size=3` for `(3, 3)`."""

from __future__ import annotations

import operator
from typing import Any


def pair(value: Any, name: str, function: str) -> tuple[int, int]:
    """(rows, columns) out of an int, or a sequence of one or two.

    Args:
        value: what the caller gave.
        name: the argument's name, and `function` whose argument it is, for the error texts.

    Raises:
        TypeError: something else than ints.
        RuntimeError: a sequence of another length.
    """
    if type(value) is int:
        return value, value
    found = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    for number in found:
        if isinstance(number, bool) or not hasattr(number, "__index__"):
            raise TypeError(
                f"{function}(): argument '{name}' must be an int or a tuple of two ints, found {value!r} with a "
                f"{type(number).__name__} in it; a size that was divided needs // instead of /"
            )
    if len(found) not in (1, 2):
        raise RuntimeError(
            f"{function}: expected {name} to be a single integer value or a list of 2 values (rows, columns), but got "
            f"{name}={list(found)}"
        )
    return operator.index(found[0]), operator.index(found[-1])
