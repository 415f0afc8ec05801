"""The unit of a cost: operations and bytes."""

from __future__ import annotations

from typing import NamedTuple

FLOAT, INDEX = 4, 8  # bytes


class Work(NamedTuple):
    operations: int
    bytes: int

    def __add__(self, other: Work) -> Work:  # type: ignore[override]
        return Work(self.operations + other.operations, self.bytes + other.bytes)
